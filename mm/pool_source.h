/* Frames inside a window of physical memory, for tables that are reached at a fixed offset or at
 * their own addresses: what this source gives lies where the table access can reach it.
 *
 * It knows of each frame by a number that the caller has room for, and never touches the frames.
 * Blocks of order 0 only; allocate and free cost the same few steps at any time.
 */
#pragma once

#include "mm/frame_source.h"

struct pool_source {
    struct frame_source source;
    struct frame_range window;
    uint32_t *links;      /* of a free frame: the next one; else POOL_IN_USE */
    uint32_t first_free;  /* the frame freed last, or POOL_NO_FRAME */
    uint32_t fresh_index; /* frames from here on were never handed out; their links mean nothing */
    uint32_t free_frames;
};

/* Makes a source of all frames of the window, of which nothing else hands out any.
 * links: a number for each frame of the window, with any contents; outlives the source.
 * window: 4 KiB aligned, of fewer than 2^32 - 2 frames; may be empty. */
void pool_source_init(struct pool_source *self, struct frame_range window, uint32_t *links);

/* Frames that are not allocated. */
static inline uint64_t pool_source_free_frames(const struct pool_source *self)
{
    return self->free_frames;
}
