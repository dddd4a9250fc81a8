/* Maps pages of every size at random addresses and says what it takes many addresses to mean:
 *
 *   # translate VA PA
 *   # translate VA -          not mapped
 *   # translations COUNT
 *   # The kernel stands still.
 *
 * It does so in order that QEMU can be asked what it makes of the same addresses. The words
 * access=, paging= and seed= of the command line choose how tables are reached, how many levels
 * there are and which addresses. */
#include "kernel/layout/layout.h"
#include "kernel/panic/panic.h"
#include "kernel/state/kernel.h"
#include "testing/random.h"

enum { PAGES_OF_A_SIZE = 16, BYTES_OF_A_PAGE = 4, RANDOM_ADDRESSES = 128 };

static struct random random;
static uint64_t translation_count;

static void say_translation(struct kernel *kernel, uint64_t value)
{
    virt_addr address = virt_addr_new_truncate(value, kernel->page_table.levels);
    struct translation translation = page_table_translate(&kernel->page_table, address);

    translation_count++;
    if (translation.result == TRANSLATE_OK) {
        console_print(&kernel->console, "# translate 0x%lx 0x%lx\n", address.value,
                      translation.address.value);
    } else {
        console_print(&kernel->console, "# translate 0x%lx -\n", address.value);
    }
}

/* First and last byte, some in between, and the neighbours. */
static void say_page(struct kernel *kernel, virt_addr page, enum page_size size)
{
    uint64_t bytes = page_size_bytes(size);

    say_translation(kernel, page.value);
    say_translation(kernel, page.value + bytes - 1);
    say_translation(kernel, page.value - 1);
    say_translation(kernel, page.value + bytes);
    for (unsigned i = 0; i < BYTES_OF_A_PAGE; i++) {
        say_translation(kernel, page.value + random_next(&random) % bytes);
    }
}

/* In the lower half and clear of what the kernel has there. Returns false where something is
 * mapped, or tables are. */
static bool map_random_page(struct kernel *kernel, enum page_size size, virt_addr *page)
{
    unsigned bits = level_shift(kernel->page_table.levels) + TABLE_INDEX_BITS - 1;
    uint64_t bytes = page_size_bytes(size);
    uint64_t physical = random_next(&random) & ((UINT64_C(1) << kernel->cpu.physical_bits) - 1);
    page_flags flags = page_flags_of(PAGE_PRESENT |
                                     (random_next(&random) & (PAGE_WRITABLE | PAGE_USER)) |
                                     (kernel->cpu.no_execute ? PAGE_NO_EXECUTE : 0));

    *page = virt_addr_of(align_down(random_next(&random) >> (64 - bits), bytes));
    if (page->value < LAYOUT_IDENTITY_END) {
        return false;
    }
    struct map_outcome outcome =
        page_table_map_to(&kernel->page_table, *page, phys_addr_of(align_down(physical, bytes)),
                          size, flags, kernel->table_frames);
    enum map_result result = tlb_flush_now(outcome);
    if (result != MAP_OK && result != MAP_ALREADY_MAPPED && result != MAP_INSIDE_HUGE_PAGE &&
        result != MAP_OVER_TABLE) {
        PANIC("a page of %s at 0x%lx: %s", page_size_name(size), page->value,
              map_result_text(result));
    }
    return result == MAP_OK;
}

static void say_pages_of(struct kernel *kernel, enum page_size size)
{
    for (unsigned i = 0; i < PAGES_OF_A_SIZE;) {
        virt_addr page;

        if (map_random_page(kernel, size, &page)) {
            say_page(kernel, page, size);
            i++;
        }
    }
}

/* What booting has mapped, and what it has not. */
static void say_places_of_the_kernel(struct kernel *kernel)
{
    static const uint64_t places[] = {
        0, 0xfff, 0x1000, LAYOUT_IDENTITY_END - 1, LAYOUT_IDENTITY_END, LAYOUT_PHYSICAL_MEMORY,
        LAYOUT_PHYSICAL_MEMORY + 0x123456, LAYOUT_PHYSICAL_MEMORY_END - 1, LAYOUT_STACKS,
        LAYOUT_STACKS + LAYOUT_STACK_SLOT_BYTES - 1, LAYOUT_BOOT_INFO, LAYOUT_KERNEL,
        LAYOUT_KERNEL + 0x200000, UINT64_MAX,
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        say_translation(kernel, places[i]);
    }
    say_translation(kernel, (uint64_t)say_places_of_the_kernel);
    say_translation(kernel, (uint64_t)kernel);
    say_translation(kernel, (uint64_t)&kernel);
}

static void second_opinion_main(struct kernel *kernel)
{
    random = random_of(kernel->options.seed, 0);
    console_print(&kernel->console, "Assay, translations, access=%s, %u levels\n",
                  access_strategy_name(kernel->options.access), kernel->page_table.levels);
    say_places_of_the_kernel(kernel);
    say_pages_of(kernel, PAGE_4K);
    say_pages_of(kernel, PAGE_2M);
    if (kernel->cpu.pages_1g) {
        say_pages_of(kernel, PAGE_1G);
    }
    for (unsigned i = 0; i < RANDOM_ADDRESSES; i++) {
        say_translation(kernel, random_next(&random));
    }
    console_print(&kernel->console, "# translations %lu\n# The kernel stands still.\n",
                  translation_count);
}

KERNEL_ENTRY(second_opinion_main);
