#include "mm/buddy_blocks.h"

static uint64_t frames_of(unsigned order)
{
    return UINT64_C(1) << order;
}

static void add_free(struct buddy_source *self, unsigned order, uint64_t position)
{
    *buddy_state_of(self, position, order) = buddy_state_with(BUDDY_FREE, order);
    bit_tree_add(&self->free_blocks[order], position >> order);
    self->orders_with_blocks |= 1U << order;
}

/* Leaves the state to the caller. */
static void remove_free(struct buddy_source *self, unsigned order, uint64_t position)
{
    struct bit_tree *blocks = &self->free_blocks[order];

    bit_tree_remove(blocks, position >> order);
    if (bit_tree_is_empty(blocks)) {
        self->orders_with_blocks &= ~(1U << order);
    }
}

bool buddy_block_take(struct buddy_source *self, unsigned order, uint64_t *position)
{
    uint32_t large_enough = self->orders_with_blocks >> order;

    if (large_enough == 0) {
        return false;
    }
    unsigned found = order + (unsigned)__builtin_ctz(large_enough);
    uint64_t start = bit_tree_first(&self->free_blocks[found]) << found;

    remove_free(self, found, start);
    while (found > order) {
        found--;
        if (found == BUDDY_BLOCK_ORDER - 1) {
            buddy_split_block(self, start, BUDDY_INSIDE);
        }
        add_free(self, found, start + frames_of(found));
    }
    *position = start;
    return true;
}

void buddy_block_release(struct buddy_source *self, unsigned order, uint64_t position)
{
    /* All but the first frame of the block of `order` at `position` are INSIDE, or are of a 2 MiB
     * block that is. Holds again after a join, which makes the right half's first frame INSIDE. */
    while (order < BUDDY_ORDER_MAX) {
        uint64_t buddy = position ^ frames_of(order);

        if (*buddy_state_of(self, buddy, order) != buddy_state_with(BUDDY_FREE, order)) {
            break;
        }
        remove_free(self, order, buddy);
        *buddy_state_of(self, position | frames_of(order), order) = BUDDY_INSIDE;
        position &= ~frames_of(order);
        order++;
    }
    add_free(self, order, position);
}

uint8_t buddy_state_around(const struct buddy_source *self, uint64_t position)
{
    uint8_t block_state = self->block_states[position >> BUDDY_BLOCK_ORDER];
    unsigned order = block_state == BUDDY_SPLIT ? 0 : BUDDY_BLOCK_ORDER;
    uint8_t state;

    /* A block's frames but the first are INSIDE, so the first that is not, looking at ever larger
     * alignments, is the beginning of the block that holds the frame. */
    do {
        state = *buddy_state_of(self, position & ~(frames_of(order) - 1), order);
        order++;
    } while (state == BUDDY_INSIDE && order <= BUDDY_ORDER_MAX);
    return state;
}
