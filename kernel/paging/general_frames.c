#include "kernel/paging/general_frames.h"

bool general_frames_init(struct general_frames *self, struct range_source *boot_frames,
                         uint64_t physical_memory_offset)
{
    uint64_t first_free = range_source_position(boot_frames).value;

    self->range_count = 0;
    for (size_t i = 0; i < boot_frames->range_count; i++) {
        const struct frame_range *range = &boot_frames->ranges[i];
        uint64_t end = range->start.value + (range->frame_count << PAGE_SHIFT);
        uint64_t start = range->start.value > first_free ? range->start.value : first_free;

        if (start < end) {
            self->ranges[self->range_count++] =
                (struct frame_range){phys_addr_of(start), (end - start) >> PAGE_SHIFT};
        }
    }
    if (!buddy_source_init(&self->buddy, physical_memory_offset, self->ranges, self->range_count)) {
        return false;
    }
    range_source_init(boot_frames, NULL, 0);
    return true;
}
