/* What the allocator knows of each frame, and taking and releasing blocks. For buddy_*.c only.
 *
 * A frame has a byte, and a 2 MiB block (512 frames) has one. The bytes of 512 frames mean
 * something only while the byte of their block is SPLIT: until then nobody wrote them.
 *
 *    7 6 5 4       0
 *   |A|F|M|  order  |   A: the first frame of an allocated block   F: of a free block
 *                       M: a free frame that is in the magazine
 *
 * A block of order 9 or more is written down in the bytes of 2 MiB blocks, a smaller one in those
 * of frames:
 *
 *   2 MiB blocks | FREE 10 | INSIDE | SPLIT | ALLOCATED 9 | NOT_MEMORY |
 *                                     /   \
 *   frames    | ALLOCATED 0 | MAGAZINE | FREE 1 | INSIDE | ... | NOT_MEMORY |
 */
#pragma once

#include "mm/buddy_source.h"

enum buddy_state {
    BUDDY_INSIDE = 0x00, /* not the first of its block */
    BUDDY_IN_MAGAZINE = 0x20,
    BUDDY_FREE = 0x40,      /* + order */
    BUDDY_ALLOCATED = 0x80, /* + order */
    BUDDY_SPLIT = 0xfe,     /* 2 MiB blocks only: see the frames */
    BUDDY_NOT_MEMORY = 0xff,

    BUDDY_ORDER_BITS = 0x1f,
};

enum {
    BUDDY_CHUNK_ORDER = BUDDY_ORDER_MAX,
    BUDDY_CHUNK_FRAMES = 1 << BUDDY_CHUNK_ORDER,
    BUDDY_BLOCK_ORDER = TABLE_INDEX_BITS, /* of 2 MiB */
    BUDDY_BLOCK_FRAMES = 1 << BUDDY_BLOCK_ORDER,
    BUDDY_CHUNK_BLOCKS = BUDDY_CHUNK_FRAMES / BUDDY_BLOCK_FRAMES,
};

#define BUDDY_NO_SLOT UINT32_MAX

/* Stores the position of the frame at a physical address in *position. Returns false if it lies in
 * no chunk that was made. */
static inline bool buddy_position_of(const struct buddy_source *self, phys_addr frame,
                                     uint64_t *position)
{
    uint64_t number = frame.value >> PAGE_SHIFT;
    uint64_t chunk = (number >> BUDDY_CHUNK_ORDER) - self->first_chunk;

    if (chunk >= self->chunk_end || self->slot_of_chunk[chunk] == BUDDY_NO_SLOT) {
        return false;
    }
    *position = (uint64_t)self->slot_of_chunk[chunk] << BUDDY_CHUNK_ORDER |
                (number & (BUDDY_CHUNK_FRAMES - 1));
    return true;
}

static inline phys_addr buddy_frame_at(const struct buddy_source *self, uint64_t position)
{
    uint64_t chunk = self->first_chunk + self->chunk_of_slot[position >> BUDDY_CHUNK_ORDER];
    uint64_t number = chunk << BUDDY_CHUNK_ORDER | (position & (BUDDY_CHUNK_FRAMES - 1));

    return phys_addr_of(number << PAGE_SHIFT);
}

/* The order of the largest block that has at most `frame_count` frames, which is not 0. */
static inline unsigned buddy_order_within(uint64_t frame_count)
{
    return 63 - (unsigned)__builtin_clzll(frame_count);
}

static inline uint8_t buddy_state_with(enum buddy_state state, unsigned order)
{
    return (uint8_t)((unsigned)state | order);
}

/* The byte that stands for a block of `order` at `position`. */
static inline uint8_t *buddy_state_of(const struct buddy_source *self, uint64_t position,
                                      unsigned order)
{
    return order < BUDDY_BLOCK_ORDER ? &self->frame_states[position]
                                     : &self->block_states[position >> BUDDY_BLOCK_ORDER];
}

static inline void buddy_fill(uint8_t *bytes, uint64_t count, enum buddy_state state)
{
    for (uint64_t i = 0; i < count; i++) {
        bytes[i] = (uint8_t)state;
    }
}

/* Divides the byte of the 2 MiB block at `position`: its frames are all `state` then. */
static inline void buddy_split_block(struct buddy_source *self, uint64_t position,
                                     enum buddy_state state)
{
    *buddy_state_of(self, position, BUDDY_BLOCK_ORDER) = BUDDY_SPLIT;
    buddy_fill(&self->frame_states[position], BUDDY_BLOCK_FRAMES, state);
}

/* The state of the block that a frame is part of: NOT_MEMORY, IN_MAGAZINE, or FREE or ALLOCATED
 * with the block's order. */
uint8_t buddy_state_around(const struct buddy_source *self, uint64_t position);

/* Takes the lowest of the smallest free blocks that hold one of `order`, and cuts that off it.
 * Stores where it is in *position; the caller writes its state. Returns false if all free blocks
 * are smaller. */
bool buddy_block_take(struct buddy_source *self, unsigned order, uint64_t *position);

/* Makes a block free and joins it with its buddy as often as that is free. All its frames but the
 * first are INSIDE. */
void buddy_block_release(struct buddy_source *self, unsigned order, uint64_t position);
