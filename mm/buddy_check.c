#include "mm/buddy_chunks.h"

/* What the bytes of all frames say. */
struct tally {
    uint64_t free_blocks[BUDDY_ORDER_COUNT];
    uint64_t free_frames;
    uint64_t allocated_frames;
    uint64_t magazine_frames;
};

static uint64_t frames_of(unsigned order)
{
    return UINT64_C(1) << order;
}

static bool is_free_block(const struct buddy_source *self, uint64_t position, unsigned order)
{
    return *buddy_state_of(self, position, order) == buddy_state_with(BUDDY_FREE, order);
}

/* Checks a block of `order`, whose first frame is at `position`, and counts it. `unit_order` is
 * that of what a byte stands for: BUDDY_BLOCK_ORDER or 0. */
static const char *check_block(const struct buddy_source *self, uint64_t position, unsigned order,
                               unsigned unit_order, struct tally *tally)
{
    unsigned orders_end = unit_order == 0 ? BUDDY_BLOCK_ORDER : BUDDY_ORDER_COUNT;

    if (order < unit_order || order >= orders_end) {
        return "a byte has an order that belongs to the other kind of byte";
    }
    if (!is_aligned(position, frames_of(order))) {
        return "a block is not aligned to its size";
    }
    for (uint64_t i = frames_of(unit_order); i < frames_of(order); i += frames_of(unit_order)) {
        if (*buddy_state_of(self, position + i, unit_order) != BUDDY_INSIDE) {
            return "something begins inside a block";
        }
    }
    if (!is_free_block(self, position, order)) {
        tally->allocated_frames += frames_of(order);
        return NULL;
    }
    if (order < BUDDY_ORDER_MAX && is_free_block(self, position ^ frames_of(order), order)) {
        return "two free buddies are not joined";
    }
    if (!bit_tree_contains(&self->free_blocks[order], position >> order)) {
        return "a free block is not in the set of its order";
    }
    tally->free_blocks[order]++;
    tally->free_frames += frames_of(order);
    return NULL;
}

/* Checks what begins at *position, and moves that to what follows. */
static const char *check_unit(const struct buddy_source *self, uint64_t *position,
                              unsigned unit_order, struct tally *tally)
{
    uint8_t state = *buddy_state_of(self, *position, unit_order);
    unsigned order = state & BUDDY_ORDER_BITS;

    if (state == buddy_state_with(BUDDY_FREE, order) ||
        state == buddy_state_with(BUDDY_ALLOCATED, order)) {
        const char *text = check_block(self, *position, order, unit_order, tally);
        *position += frames_of(order);
        return text;
    }
    *position += frames_of(unit_order);
    if (state == BUDDY_NOT_MEMORY) {
        return NULL;
    }
    if (state == BUDDY_IN_MAGAZINE && unit_order == 0) {
        tally->magazine_frames++;
        return NULL;
    }
    return state == BUDDY_INSIDE ? "a frame is inside a block that does not begin"
                                 : "a byte has a value without a meaning";
}

static const char *check_chunk(const struct buddy_source *self, uint64_t slot, struct tally *tally)
{
    uint64_t chunk = self->chunk_of_slot[slot];
    uint64_t position = slot << BUDDY_CHUNK_ORDER;
    uint64_t chunk_end = position + BUDDY_CHUNK_FRAMES;
    const char *text = NULL;

    if (chunk >= self->chunk_end || self->slot_of_chunk[chunk] != slot) {
        return "a slot's chunk has another slot";
    }
    while (position < chunk_end && text == NULL) {
        uint64_t block_end = position + BUDDY_BLOCK_FRAMES;

        if (*buddy_state_of(self, position, BUDDY_BLOCK_ORDER) != BUDDY_SPLIT) {
            text = check_unit(self, &position, BUDDY_BLOCK_ORDER, tally);
            continue;
        }
        while (position < block_end && text == NULL) {
            text = check_unit(self, &position, 0, tally);
        }
    }
    return text;
}

/* The states of the frames of the ranges say that they are memory. Counts those frames. */
static const char *check_memory(const struct buddy_source *self, uint64_t *made_count,
                                uint64_t *unmade_count)
{
    uint64_t made_end = (self->first_chunk + self->chunk_end) << BUDDY_CHUNK_ORDER;

    for (size_t i = 0; i < self->range_count; i++) {
        struct buddy_run run = buddy_usable_run(self, i);
        uint64_t number = run.start;

        for (; number < run.end && number < made_end; number++) {
            uint64_t position;

            if (!buddy_position_of(self, phys_addr_of(number << PAGE_SHIFT), &position)) {
                return "a chunk with memory has no slot";
            }
            if (buddy_state_around(self, position) == BUDDY_NOT_MEMORY) {
                return "a frame of a range is not known as memory";
            }
        }
        *made_count += number - run.start;
        *unmade_count += run.end - number;
    }
    return NULL;
}

static const char *check_magazine(const struct buddy_source *self)
{
    for (uint64_t i = 0; i < self->magazine_count; i++) {
        const struct buddy_magazine_frame *entry = &self->magazine[i];
        uint64_t position;

        if (!buddy_position_of(self, entry->frame, &position) ||
            entry->state != &self->frame_states[position]) {
            return "a frame in the magazine comes with another frame's state";
        }
        if (*entry->state != BUDDY_IN_MAGAZINE) {
            return "a frame in the magazine is not known to be there";
        }
        for (uint64_t k = 0; k < i; k++) {
            if (self->magazine[k].state == entry->state) {
                return "a frame is in the magazine twice";
            }
        }
    }
    return NULL;
}

static const char *check_sets(const struct buddy_source *self, const struct tally *tally)
{
    for (unsigned order = 0; order < BUDDY_ORDER_COUNT; order++) {
        bool has_blocks = (self->orders_with_blocks >> order & 1) != 0;
        uint64_t count = 0;

        if (self->slot_count != 0 && !bit_tree_count(&self->free_blocks[order], &count)) {
            return "a set of free blocks has a bit above an empty word";
        }
        if (count != tally->free_blocks[order]) {
            return "a set has a block that is not free";
        }
        if (has_blocks != (count != 0)) {
            return "the mask of orders is wrong about one";
        }
    }
    return NULL;
}

const char *buddy_source_check(const struct buddy_source *self)
{
    struct tally tally = {.free_frames = 0};
    uint64_t made_count = 0;
    uint64_t unmade_count = 0;
    const char *text = NULL;

    for (uint64_t slot = 0; slot < self->slot_count && text == NULL; slot++) {
        text = check_chunk(self, slot, &tally);
    }
    text = text != NULL ? text : check_sets(self, &tally);
    text = text != NULL ? text : check_magazine(self);
    text = text != NULL ? text : check_memory(self, &made_count, &unmade_count);
    if (text != NULL) {
        return text;
    }
    if (tally.magazine_frames != self->magazine_count) {
        return "a frame is in the magazine by its state only";
    }
    if (tally.free_frames + tally.allocated_frames + tally.magazine_frames != made_count) {
        return "a frame outside the ranges is known as memory";
    }
    if (self->free_frames != tally.free_frames + unmade_count) {
        return "the count of free frames is wrong";
    }
    return self->total_frames == made_count + unmade_count ? NULL
                                                           : "the count of all frames is wrong";
}
