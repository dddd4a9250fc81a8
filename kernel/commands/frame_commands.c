/* Commands about physical memory. */
#include "kernel/commands/commands.h"
#include "kernel/monitor/guard.h"
#include "kernel/report/show.h"

void command_memmap(struct monitor *monitor, const struct arguments *arguments)
{
    (void)arguments;
    show_memory_map(monitor->console, &monitor->kernel->boot_info->memory_map);
}

static void print_frames(struct monitor *monitor, const char *name, uint64_t frame_count)
{
    console_print(monitor->console, "  %-13s %8lu, ", name, frame_count);
    console_print_size(monitor->console, frame_count << PAGE_SHIFT);
    console_print(monitor->console, "\n");
}

/* The order of a 2 MiB page: free memory in smaller blocks cannot become one. */
enum { HUGE_ORDER = TABLE_INDEX_BITS };

static void print_blocks(struct monitor *monitor, const struct buddy_source *buddy)
{
    uint64_t in_blocks = 0;
    uint64_t in_small_blocks = 0;
    uint64_t free_frames = buddy_source_free_frames(buddy);

    for (unsigned order = 0; order < BUDDY_ORDER_COUNT; order++) {
        uint64_t count = buddy_source_free_blocks(buddy, order);
        if (count != 0) {
            console_print(monitor->console, "  order %2u: %5lu free of ", order, count);
            console_print_size(monitor->console, level_bytes(1) << order);
            console_print(monitor->console, "\n");
        }
        in_blocks += count << order;
        in_small_blocks += order < HUGE_ORDER ? count << order : 0;
    }
    if (in_blocks != free_frames) {
        console_print(monitor->console,
                      "  kept at hand one by one, or not looked at yet: %lu frames\n",
                      free_frames - in_blocks);
    }
    if (in_blocks != 0) {
        console_print(monitor->console,
                      "  fragmentation: %lu %% of the blocks' memory is in blocks below 2 MiB\n",
                      in_small_blocks * 100 / in_blocks);
    }
}

void command_frames(struct monitor *monitor, const struct arguments *arguments)
{
    const struct buddy_source *buddy = &monitor->general.buddy;

    (void)arguments;
    if (monitor->frames == &monitor->kernel->frames.source) {
        console_print(monitor->console,
                      "With %s frames come one by one from the memory map; the next is 0x%lx or "
                      "above.\n",
                      monitor->kernel->boot_info->has_physical_memory ? "memory in small pieces"
                                                                      : "physical=off",
                      range_source_position(&monitor->kernel->frames).value);
        return;
    }
    uint64_t total = buddy_source_total_frames(buddy);
    uint64_t free_frames = buddy_source_free_frames(buddy);
    console_print(monitor->console, "Frames of the general allocator:\n");
    print_frames(monitor, "free", free_frames);
    print_frames(monitor, "allocated", total - free_frames);
    print_frames(monitor, "its own notes", buddy->metadata.frame_count);
    print_blocks(monitor, buddy);
}

/* The order of the block that was asked for: of one frame if no size was given. */
static unsigned order_of(const struct arguments *arguments)
{
    return arguments->given[ARGUMENT_BLOCK]
               ? (unsigned)__builtin_ctzll(arguments->bytes) - PAGE_SHIFT
               : 0;
}

void command_alloc(struct monitor *monitor, const struct arguments *arguments)
{
    unsigned order = order_of(arguments);
    phys_addr frame;

    if (!frame_source_allocate(monitor->frames, order, &frame)) {
        console_print(monitor->console, "no free block of that size is left; see `frames`\n");
        return;
    }
    monitor->changed_by = "alloc";
    console_print(monitor->console, "frame 0x%lx: ", frame.value);
    console_print_size(monitor->console, level_bytes(1) << order);
    console_print(monitor->console, " of physical memory\n");
}

void command_free(struct monitor *monitor, const struct arguments *arguments)
{
    unsigned order = order_of(arguments);
    phys_addr frame = arguments->frame;

    if (guard_is_table(monitor, frame, level_bytes(1) << order)) {
        console_print(monitor->console, "refused: a page table is there\n");
        return;
    }
    enum frame_free_result result = frame_source_free(monitor->frames, order, frame);
    if (result == FRAME_FREE_OK) {
        monitor->changed_by = "free";
    }
    console_print(monitor->console, "free 0x%lx: %s\n", frame.value,
                  frame_free_result_text(result));
}
