/* Where page-table frames come from: one interface, and the sources that need no memory of their
 * own. A source is passed to each call that may need a frame; nothing here is global. */
#pragma once

#include "mm/address.h"

#include <stddef.h>

/* What a source says to a block that it is given. It takes the block if it says OK; all else is a
 * mistake of the caller's, and changes nothing. */
enum frame_free_result {
    FRAME_FREE_OK,
    FRAME_FREE_DOUBLE,      /* the frame is free already */
    FRAME_FREE_FOREIGN,     /* the frame is none that this source hands out */
    FRAME_FREE_MISALIGNED,  /* the address is no multiple of the size of the block */
    FRAME_FREE_WRONG_ORDER, /* the frame is allocated, but not as a block of this order */
};

/* What went wrong, in a few words. */
const char *frame_free_result_text(enum frame_free_result result);

/* A source of physical memory in blocks of 2^order frames of 4 KiB, aligned to their size.
 *
 * allocate: stores the first address of a block in *frame and returns true, or returns false and
 *   leaves *frame and the source as they were. The contents of a block are undefined.
 * free: takes back a block that allocate gave with the same order, or says what is wrong.
 *
 * Needs: calls for one source come one at a time; a lock is the caller's.
 */
struct frame_source {
    bool (*allocate)(struct frame_source *source, unsigned order, phys_addr *frame);
    enum frame_free_result (*free)(struct frame_source *source, unsigned order, phys_addr frame);
};

__attribute__((warn_unused_result)) static inline bool
frame_source_allocate(struct frame_source *source, unsigned order, phys_addr *frame)
{
    return source->allocate(source, order, frame);
}

/* A caller that gives back what it has just taken may ignore the result. */
static inline enum frame_free_result frame_source_free(struct frame_source *source, unsigned order,
                                                       phys_addr frame)
{
    return source->free(source, order, frame);
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
 * Blocks of order 0 only.
 *
 * The frame handed out last can be taken back, then the one before it and so on, so that an
 * operation that fails and frees in reverse order takes nothing. Any other frame that was handed
 * out is accepted, but lost to this source: it keeps no record of single frames, so it cannot tell
 * such a frame that comes twice either. A free costs a step per range when it is not the last. */
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
