/* The general frame source: a buddy allocator for blocks of 4 KiB (order 0) to 1 GiB (order 18).
 *
 * A block of order k is 2^k frames, aligned to their size. Its buddy is the block with which it
 * forms one of order k + 1; two free buddies are always joined. What the allocator knows lies apart
 * from the frames that it hands out: it never reads or writes those, so they need not be mapped and
 * keep what was in them. It knows
 *
 *   - a byte per frame and a byte per 2 MiB block: see buddy_blocks.h. From these, free sees every
 *     mistake of its caller's;
 *   - per order, the set of the free blocks: see bit_tree.h. The lowest block is taken first, which
 *     keeps large blocks together;
 *   - a stack of free frames in front of order 0, the magazine, so that most calls for single
 *     frames are a push or a pop.
 *
 * The state of 1 GiB (a chunk) is made when the chunks below it cannot serve a call, that of 512
 * frames when their 2 MiB block is first split. So init takes the same time for any amount of
 * memory, and no later call takes long.
 */
#pragma once

#include "mm/bit_tree.h"
#include "mm/frame_source.h"

enum {
    BUDDY_ORDER_MAX = 18,
    BUDDY_ORDER_COUNT = BUDDY_ORDER_MAX + 1,
    BUDDY_MAGAZINE_CAPACITY = 64,
    BUDDY_MAGAZINE_BATCH = BUDDY_MAGAZINE_CAPACITY / 2, /* moves when it is empty or full */
};

/* A free frame, and the byte that says so. */
struct buddy_magazine_frame {
    phys_addr frame;
    uint8_t *state;
};

/* Read by buddy_*.c only, but for `metadata`. A position is the index of a frame among all frames
 * of the chunks that were made: (slot of its chunk) * 2^18 + frame in the chunk. */
struct buddy_source {
    struct frame_source source;

    uint64_t magazine_count;
    struct buddy_magazine_frame magazine[BUDDY_MAGAZINE_CAPACITY];

    uint8_t *block_states;   /* of 2 MiB blocks */
    uint8_t *frame_states;   /* by position */
    uint32_t *slot_of_chunk; /* UINT32_MAX: without memory */
    uint32_t *chunk_of_slot;
    uint64_t first_chunk; /* physical address >> 30; the other chunks count from it */
    uint64_t chunk_end;   /* chunks below it were made, if they have memory */
    uint64_t slot_count;  /* of the chunks that were made */

    uint32_t orders_with_blocks;                    /* bit k: free_blocks[k] is not empty */
    struct bit_tree free_blocks[BUDDY_ORDER_COUNT]; /* of positions >> order */
    uint64_t free_frames;                           /* without those in the magazine */
    uint64_t total_frames;

    const struct frame_range *ranges;
    size_t range_count;
    size_t next_range;           /* all ranges before it were made */
    size_t metadata_range;       /* the range that the metadata was taken from */
    struct frame_range metadata; /* the frames that the source keeps for itself */
};

/* Makes a source of all frames of the ranges but those that it takes for its own metadata: 1/3100
 * of the memory, in one piece at an end of a range, where it costs the fewest 1 GiB blocks.
 * base: the byte at physical address p of the metadata is reached at base + p, now and later.
 * ranges: ascending, without overlaps, as 4 KiB frames; they may touch and be empty. The array and
 *   the source stay where they are while the source is used.
 * Returns: false if no range has room for the metadata. */
__attribute__((warn_unused_result)) bool buddy_source_init(struct buddy_source *self, uint64_t base,
                                                           const struct frame_range *ranges,
                                                           size_t range_count);

/* Frames that are not allocated, wherever they are: in blocks, the magazine or chunks not made. */
static inline uint64_t buddy_source_free_frames(const struct buddy_source *self)
{
    return self->free_frames + self->magazine_count;
}

/* Frames of the ranges without the metadata. */
static inline uint64_t buddy_source_total_frames(const struct buddy_source *self)
{
    return self->total_frames;
}

/* How many free blocks of `order` there are, without the frames in the magazine and those of chunks
 * not made. Costs a walk over these blocks. */
uint64_t buddy_source_free_blocks(const struct buddy_source *self, unsigned order);

/* Walks all that the source knows and compares it: for tests.
 * Returns: NULL, or the rule that is broken. */
const char *buddy_source_check(const struct buddy_source *self);
