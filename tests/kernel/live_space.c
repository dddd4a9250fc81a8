#include "tests/kernel/live_space.h"

#include "kernel/cpu/registers.h"
#include "kernel/layout/image.h"
#include "kernel/layout/layout.h"
#include "kernel/panic/panic.h"
#include "kernel/traps/exception_text.h"

/* An entry of the root in the lower half that the kernel has no use for. */
enum { LIVE_SLOT = 64 };

/* An entry of the table for temporary mappings, beyond those that an access uses. */
enum { SPARE_SLOT = 256 };

/* Where in a data page is what: a `ret`, a word that no other page has, and one to be written. */
enum { CODE_OFFSET = 0, WORD_OFFSET = 8, WRITE_OFFSET = 16, RETURN_INSTRUCTION = 0xc3 };
#define WORD_OF_PAGE UINT64_C(0x5eed0000c0ffee00)

static uint8_t data[DATA_PAGES][4096] __attribute__((aligned(4096)));

phys_addr data_frame(unsigned index)
{
    volatile uint64_t *word = (volatile uint64_t *)&data[index][WORD_OFFSET];

    ASSERT(index < DATA_PAGES);
    *(volatile uint8_t *)&data[index][CODE_OFFSET] = RETURN_INSTRUCTION;
    *word = WORD_OF_PAGE + index;
    return image_physical(data[index]);
}

struct live_space live_space_enter(struct test_frames *frames)
{
    struct kernel *kernel = frames->kernel;
    struct live_space space = {.kernel = kernel,
                               .table = test_table(frames, kernel->page_table.levels)};
    const volatile uint64_t *from =
        (volatile uint64_t *)physical_byte(kernel, kernel->page_table.root);
    volatile uint64_t *to = (volatile uint64_t *)physical_byte(kernel, space.table.root);

    space.raw = space.table;
    space.raw.access = physical_access(kernel);
    if (space.table.access.kind == ACCESS_LINEAR) {
        space.table.access = space.raw.access; /* a window may be in the lower half */
    }
    if (space.table.active) {
        return space; /* for recursive access, test_table has done the rest */
    }
    for (unsigned index = TABLE_ENTRY_COUNT / 2; index < TABLE_ENTRY_COUNT; index++) {
        to[index] = from[index];
    }
    space.table.active = true;
    cr3_write(space.table.root.value);
    return space;
}

virt_addr live_page(const struct live_space *space, enum page_size size)
{
    uint64_t page = (uint64_t)LIVE_SLOT << level_shift(space->table.levels);

    for (unsigned level = (unsigned)size; level < space->table.levels; level++) {
        page += (uint64_t)(16 + level) << level_shift(level);
    }
    return virt_addr_of(page);
}

virt_addr live_space_map(struct test *test, const struct live_space *space,
                         struct test_frames *frames, enum page_size size, uint64_t flags)
{
    virt_addr page = live_page(space, size);
    uint64_t offset = data_frame(0).value & (page_size_bytes(size) - 1);
    phys_addr frame = phys_addr_of(data_frame(0).value - offset);

    REQUIRE_EQUAL(tlb_flush_ignore(page_table_map_to(
                      &space->table, page, frame, size,
                      page_flags_of(PAGE_PRESENT | PAGE_WRITABLE | flags), &frames->source)),
                  MAP_OK);
    return virt_addr_add(page, offset);
}

struct pending_use {
    virt_addr page;
    enum use use;
    uint64_t value;
};

static uint64_t offset_of_use(enum use use)
{
    return use == USE_READ ? WORD_OFFSET : use == USE_WRITE ? WRITE_OFFSET : CODE_OFFSET;
}

static void do_use(void *argument)
{
    struct pending_use *pending = argument;
    volatile uint64_t *word =
        mm_port_pointer(virt_addr_add(pending->page, offset_of_use(pending->use)));

    switch (pending->use) {
    case USE_READ:
        pending->value = *word;
        break;
    case USE_WRITE:
        *word = 1;
        break;
    case USE_FETCH:
        ((void (*)(void))word)();
        break;
    }
}

struct seen live_use(virt_addr page, enum use use)
{
    struct pending_use pending = {.page = page, .use = use};
    struct caught_exception caught = exception_try(do_use, &pending);

    if (caught.caught) {
        return (struct seen){caught.frame.vector, caught.frame.error_code, 0};
    }
    return (struct seen){.value = pending.value};
}

/* The word at `address`. A large page may reach beyond RAM; what is there the map of physical memory
 * does not show, and it is read by a slot for temporary mappings that no access uses. */
static uint64_t physical_word(const struct kernel *kernel, phys_addr address)
{
    const uint64_t page_bytes = page_size_bytes(PAGE_4K);
    virt_addr page = virt_addr_of(LAYOUT_TEMPORARY + SPARE_SLOT * page_bytes);
    volatile uint64_t *slot = mm_port_pointer(
        virt_addr_of(LAYOUT_TEMPORARY + level_bytes(2) - page_bytes + SPARE_SLOT * sizeof *slot));

    if (memory_type_is_ram(memory_type_at(kernel, address))) {
        return *(volatile uint64_t *)physical_byte(kernel, address);
    }
    *slot = align_down(address.value, page_bytes) | data_flags(kernel).bits |
            cpu_features_device_type().bits;
    mm_port_flush_page(page);
    uint64_t word =
        *(volatile uint64_t *)mm_port_pointer(virt_addr_add(page, address.value % page_bytes));
    *slot = 0;
    mm_port_flush_page(page);
    return word;
}

/* Source: Intel SDM volume 3, 4.6 "Access Rights" and 4.7 "Page-Fault Exceptions". */
struct seen live_expected(const struct live_space *space, virt_addr page, enum use use)
{
    virt_addr address = virt_addr_add(page, offset_of_use(use));
    struct translation found = page_table_translate(&space->raw, address);
    bool fetch_is_told = space->table.features.no_execute || (cr4_read() & CR4_SMEP) != 0;
    uint64_t error_code = use == USE_WRITE                    ? PAGE_FAULT_WRITE
                          : use == USE_FETCH && fetch_is_told ? PAGE_FAULT_FETCH
                                                              : 0;

    if (found.result != TRANSLATE_OK) {
        return (struct seen){EXCEPTION_PAGE_FAULT, error_code, 0};
    }
    if ((use == USE_WRITE && (found.effective.bits & PAGE_WRITABLE) == 0) ||
        (use == USE_FETCH && (found.effective.bits & PAGE_NO_EXECUTE) != 0)) {
        return (struct seen){EXCEPTION_PAGE_FAULT, error_code | PAGE_FAULT_PROTECTION, 0};
    }
    if (use != USE_READ) {
        return (struct seen){.value = 0};
    }
    return (struct seen){.value = physical_word(space->kernel, found.address)};
}

void live_note(const struct test *test, const char *name, const char *text)
{
    output_text(test->output, "# ");
    output_text(test->output, name);
    output_text(test->output, ": ");
    output_text(test->output, text);
    output_text(test->output, "\n");
}

bool seen_equal(struct seen one, struct seen other)
{
    return one.vector == other.vector && one.error_code == other.error_code &&
           one.value == other.value;
}

static void print_seen(const struct test *test, const char *before, struct seen seen)
{
    output_text(test->output, before);
    if (seen.vector != 0) {
        output_text(test->output, exception_name(seen.vector));
        output_text(test->output, ", error code ");
        output_hex(test->output, seen.error_code);
    } else {
        output_text(test->output, "done, value ");
        output_hex(test->output, seen.value);
    }
}

void check_seen(struct test *test, struct seen actual, struct seen expected,
                const struct test_place *place)
{
    if (!seen_equal(actual, expected)) {
        test_fail(test, place);
        print_seen(test, ": ", actual);
        print_seen(test, " != ", expected);
        output_text(test->output, "\n");
    }
}

void check_old_or_new(struct test *test, const char *name, struct seen actual, struct seen before,
                      struct seen after, const struct test_place *place)
{
    if (seen_equal(actual, after)) {
        live_note(test, name, "new");
    } else if (seen_equal(actual, before)) {
        live_note(test, name, "old");
    } else {
        test_fail(test, place);
        print_seen(test, ": ", actual);
        print_seen(test, " is neither ", before);
        print_seen(test, " nor ", after);
        output_text(test->output, "\n");
    }
}
