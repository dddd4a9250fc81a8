/* Where page-table frames come from: one interface, and the sources that need no memory of their
 * own. A source is passed to each call that may need a frame; nothing here is global. */
#pragma once

#include "mm/address.h"

#include <stddef.h>

/* A source of physical memory in blocks of 2^order frames of 4 KiB, aligned to their size.
 *
 * allocate: stores the first address of a block in *frame and returns true, or returns false and
 *   leaves *frame and the source as they were. The contents of a block are undefined.
 * free: takes back a block that allocate gave with the same order.
 */
struct frame_source {
    bool (*allocate)(struct frame_source *source, unsigned order, phys_addr *frame);
    void (*free)(struct frame_source *source, unsigned order, phys_addr frame);
};

__attribute__((warn_unused_result)) static inline bool
frame_source_allocate(struct frame_source *source, unsigned order, phys_addr *frame)
{
    return source->allocate(source, order, frame);
}

static inline void frame_source_free(struct frame_source *source, unsigned order, phys_addr frame)
{
    source->free(source, order, frame);
}

/* The source that never has a frame: for mappings that must not need a new table. */
struct frame_source *frame_source_empty(void);

/* A run of frames. `start` is 4 KiB aligned. */
struct frame_range {
    phys_addr start;
    uint64_t frame_count;
};

/* Hands out each frame of a list of ranges once, ascending, then none: the allocator of a kernel
 * that has only its boot-time memory map. One step per call, however many were taken before.
 * Blocks of order 0 only. A freed frame is kept for the next allocate if it is the one handed out
 * last, so that a failed operation takes nothing; any other is lost to this source. */
struct range_source {
    struct frame_source source;
    const struct frame_range *ranges;
    size_t range_count;
    size_t range_index;
    uint64_t frame_index;
};

/* `ranges` is ascending, without overlaps, and outlives the source. */
void range_source_init(struct range_source *self, const struct frame_range *ranges,
                       size_t range_count);

/* Every frame below this address that the ranges hold was handed out, and none at or above it. */
phys_addr range_source_position(const struct range_source *self);

/* Passes on at most `remaining` frames of another source: to see what running dry does. */
struct limited_source {
    struct frame_source source;
    struct frame_source *parent;
    uint64_t remaining;
};

void limited_source_init(struct limited_source *self, struct frame_source *parent,
                         uint64_t frame_count);
