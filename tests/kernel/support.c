#include "tests/kernel/support.h"

#include "kernel/panic.h"
#include "kernel/port/string.h"

static struct test_frames *to_test_frames(struct frame_source *source)
{
    return (struct test_frames *)source;
}

static bool test_frames_allocate(struct frame_source *source, unsigned order, phys_addr *frame)
{
    struct test_frames *frames = to_test_frames(source);

    ASSERT(order == 0);
    if (frames->in_use == frames->limit) {
        return false;
    }
    if (frames->free_count > 0) {
        *frame = frames->free[--frames->free_count];
    } else if (!frame_source_allocate(&frames->kernel->frames.source, 0, frame)) {
        return false;
    }
    memset((void *)physical_byte(frames->kernel, *frame), DIRTY_BYTE, page_size_bytes(PAGE_4K));
    frames->in_use++;
    frames->taken_in_all++;
    return true;
}

static void test_frames_free(struct frame_source *source, unsigned order, phys_addr frame)
{
    struct test_frames *frames = to_test_frames(source);

    ASSERT(order == 0 && frames->in_use > 0 && frames->free_count < TEST_FRAMES_MAX);
    frames->free[frames->free_count++] = frame;
    frames->in_use--;
}

void test_frames_init(struct test_frames *frames, struct kernel *kernel, unsigned limit)
{
    *frames = (struct test_frames){
        .source = {.allocate = test_frames_allocate, .free = test_frames_free},
        .kernel = kernel,
        .limit = limit,
    };
}

struct page_table test_table(struct test_frames *frames, unsigned levels)
{
    struct page_table table = frames->kernel->page_table;

    if (!frame_source_allocate(&frames->source, 0, &table.root)) {
        PANIC("the test has no frame for a root");
    }
    mm_port_zero_table((void *)physical_byte(frames->kernel, table.root));
    table.levels = levels;
    table.active = false;
    return table;
}

static bool add_entry(void *context, const struct visited_entry *entry)
{
    uint64_t *checksum = context;
    uint64_t bits = entry->entry.bits & ~(PAGE_ACCESSED | PAGE_DIRTY);

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
