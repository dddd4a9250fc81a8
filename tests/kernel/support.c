#include "tests/kernel/support.h"

#include "kernel/cpu/registers.h"
#include "kernel/panic.h"
#include "kernel/port/string.h"

static struct test_frames *to_test_frames(struct frame_source *source)
{
    return (struct test_frames *)source;
}

/* All frames that tests have ever had, those that are free first. */
static phys_addr spare[TEST_FRAMES_MAX];
static unsigned spare_free;
static unsigned spare_count;

static bool test_frames_allocate(struct frame_source *source, unsigned order, phys_addr *frame)
{
    struct test_frames *frames = to_test_frames(source);

    ASSERT(order == 0);
    if (frames->in_use == frames->limit) {
        return false;
    }
    if (spare_free == 0) {
        if (spare_count == TEST_FRAMES_MAX ||
            !frame_source_allocate(frames->kernel->table_frames, 0, &spare[spare_count])) {
            return false;
        }
        /* The new one comes to stand where the free ones end: there are none. */
        phys_addr new_frame = spare[spare_count];
        spare[spare_count] = spare[0];
        spare[0] = new_frame;
        spare_count++;
        spare_free = 1;
    }
    *frame = spare[--spare_free];
    memset((void *)physical_byte(frames->kernel, *frame), DIRTY_BYTE, page_size_bytes(PAGE_4K));
    frames->in_use++;
    frames->taken_in_all++;
    return true;
}

static enum frame_free_result test_frames_free(struct frame_source *source, unsigned order,
                                               phys_addr frame)
{
    struct test_frames *frames = to_test_frames(source);
    unsigned index = spare_free;

    while (index < spare_count && spare[index].value != frame.value) {
        index++;
    }
    ASSERT(order == 0 && index < spare_count);
    spare[index] = spare[spare_free];
    spare[spare_free++] = frame;
    frames->in_use--;
    return FRAME_FREE_OK;
}

void test_frames_init(struct test_frames *frames, struct kernel *kernel, unsigned limit)
{
    cr3_write(kernel->page_table.root.value);
    spare_free = spare_count;
    *frames = (struct test_frames){
        .source = {.allocate = test_frames_allocate, .free = test_frames_free},
        .kernel = kernel,
        .limit = limit,
    };
}

unsigned test_levels_first(const struct kernel *kernel)
{
    return kernel->page_table.access.kind == ACCESS_RECURSIVE ? kernel->page_table.levels
                                                              : PAGING_LEVELS_MIN;
}

unsigned test_levels_last(const struct kernel *kernel)
{
    return kernel->page_table.access.kind == ACCESS_RECURSIVE ? kernel->page_table.levels
                                                              : PAGING_LEVELS_MAX;
}

/* Gives the tree the kernel's upper half and an entry that names its root, and makes it active. */
static void activate(const struct kernel *kernel, const struct page_table *table)
{
    volatile uint64_t *from = (volatile uint64_t *)physical_byte(kernel, kernel->page_table.root);
    volatile uint64_t *to = (volatile uint64_t *)physical_byte(kernel, table->root);
    unsigned slot = table->access.recursive.slot;

    for (unsigned index = TABLE_ENTRY_COUNT / 2; index < TABLE_ENTRY_COUNT; index++) {
        to[index] = from[index];
    }
    to[slot] = (from[slot] & ~PAGE_FRAME_MASK) | table->root.value;
    cr3_write(table->root.value);
}

struct page_table test_table(struct test_frames *frames, unsigned levels)
{
    struct page_table table = frames->kernel->page_table;

    if (!frame_source_allocate(&frames->source, 0, &table.root)) {
        PANIC("the test has no frame for a root");
    }
    mm_port_zero_table((void *)physical_byte(frames->kernel, table.root));
    table.levels = levels;
    table.active = table.access.kind == ACCESS_RECURSIVE;
    if (table.active) {
        activate(frames->kernel, &table);
    }
    return table;
}

static bool add_entry(void *context, const struct visited_entry *entry)
{
    uint64_t *checksum = context;
    uint64_t bits = entry->entry.bits & ~(PAGE_ACCESSED | PAGE_DIRTY);

    if ((int64_t)entry->start.value < 0) {
        return false;
    }
    /* FNV-1a, a word at a time */
    *checksum = (*checksum ^ bits) * UINT64_C(0x100000001b3);
    *checksum = (*checksum ^ entry->start.value) * UINT64_C(0x100000001b3);
    *checksum = (*checksum ^ entry->level) * UINT64_C(0x100000001b3);
    return true;
}

uint64_t tree_checksum(const struct page_table *table)
{
    uint64_t checksum = UINT64_C(0xcbf29ce484222325);

    page_table_visit(table, add_entry, &checksum);
    return checksum;
}

volatile uint8_t *physical_byte(const struct kernel *kernel, phys_addr address)
{
    return mm_port_pointer(virt_addr_of(kernel->boot_info->physical_memory_offset + address.value));
}

struct page_entry *entry_of(const struct page_table *table, virt_addr address, unsigned level)
{
    struct walk walk = walk_to(table->access.kind, table, address, level);

    ASSERT(walk.level == level);
    return walk.slot;
}

page_flags data_flags(const struct kernel *kernel)
{
    return page_flags_of(PAGE_PRESENT | PAGE_WRITABLE |
                         (kernel->cpu.no_execute ? PAGE_NO_EXECUTE : 0));
}
