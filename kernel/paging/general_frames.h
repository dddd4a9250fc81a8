/* The general frame source of the running kernel: a buddy allocator over what booting left. */
#pragma once

#include "kernel/boot_info/memory_map.h"
#include "mm/buddy_source.h"

/* Stays where it is once it was made. */
struct general_frames {
    struct frame_range ranges[MEMORY_MAP_CAPACITY];
    size_t range_count;
    struct buddy_source buddy;
};

/* Takes all frames that `boot_frames` has not handed out; that has none then.
 * physical_memory_offset: where physical memory is mapped.
 * Returns: false, with both as they were, if there is no room for what the allocator notes. */
__attribute__((warn_unused_result)) bool general_frames_init(struct general_frames *self,
                                                             struct range_source *boot_frames,
                                                             uint64_t physical_memory_offset);
