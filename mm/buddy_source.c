#include "mm/buddy_source.h"

#include "mm/buddy_chunks.h"

static struct buddy_source *to_buddy_source(struct frame_source *source)
{
    _Static_assert(offsetof(struct buddy_source, source) == 0, "the interface comes first");
    return (struct buddy_source *)source;
}

static bool buddy_allocate(struct frame_source *source, unsigned order, phys_addr *frame);
static enum frame_free_result buddy_free(struct frame_source *source, unsigned order,
                                         phys_addr frame);

/* Takes a block, from a chunk that is not made yet if need be. */
static bool take_block(struct buddy_source *self, unsigned order, uint64_t *position)
{
    while (!buddy_block_take(self, order, position)) {
        if (!buddy_chunk_make_next(self)) {
            return false;
        }
    }
    return true;
}

/* Makes chunks until one has a block, if no chunk that was made has. */
static bool has_block(struct buddy_source *self)
{
    while (self->orders_with_blocks == 0) {
        if (!buddy_chunk_make_next(self)) {
            return false;
        }
    }
    return true;
}

/* Puts a batch of frames into the empty magazine, from the smallest blocks that there are: those
 * are of no use to callers who want larger ones. Returns false if no frame is left. */
static __attribute__((noinline)) bool magazine_refill(struct buddy_source *self)
{
    while (self->magazine_count < BUDDY_MAGAZINE_BATCH && has_block(self)) {
        unsigned smallest = (unsigned)__builtin_ctz(self->orders_with_blocks);
        unsigned fitting = buddy_order_within(BUDDY_MAGAZINE_BATCH - self->magazine_count);
        unsigned order = smallest < fitting ? smallest : fitting;
        uint64_t position;

        if (!buddy_block_take(self, order, &position)) {
            break;
        }
        phys_addr frame = buddy_frame_at(self, position);
        uint8_t *states = &self->frame_states[position];

        buddy_fill(states, UINT64_C(1) << order, BUDDY_IN_MAGAZINE);
        /* The lowest on top. */
        for (uint64_t i = UINT64_C(1) << order; i-- > 0;) {
            self->magazine[self->magazine_count++] = (struct buddy_magazine_frame){
                .frame = phys_addr_add(frame, i << PAGE_SHIFT), .state = &states[i]};
        }
        self->free_frames -= UINT64_C(1) << order;
    }
    return self->magazine_count > 0;
}

/* Releases `count` frames of the magazine, those that are in it for longest. */
static __attribute__((noinline)) void magazine_drain(struct buddy_source *self, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        buddy_block_release(self, 0, (uint64_t)(self->magazine[i].state - self->frame_states));
    }
    for (uint64_t i = count; i < self->magazine_count; i++) {
        self->magazine[i - count] = self->magazine[i];
    }
    self->magazine_count -= count;
    self->free_frames += count;
}

/* Allocates a block of order 1 or more. */
static __attribute__((noinline)) bool allocate_block(struct buddy_source *self, unsigned order,
                                                     phys_addr *frame)
{
    uint64_t position;

    if (order > BUDDY_ORDER_MAX) {
        return false;
    }
    if (!take_block(self, order, &position)) {
        /* What is missing may be in the magazine. */
        magazine_drain(self, self->magazine_count);
        if (!take_block(self, order, &position)) {
            return false;
        }
    }
    *buddy_state_of(self, position, order) = buddy_state_with(BUDDY_ALLOCATED, order);
    self->free_frames -= UINT64_C(1) << order;
    *frame = buddy_frame_at(self, position);
    return true;
}

/* What single frames cost when the magazine is empty, and blocks always. */
static __attribute__((noinline)) bool allocate_slowly(struct buddy_source *self, unsigned order,
                                                      phys_addr *frame)
{
    if (order != 0) {
        return allocate_block(self, order, frame);
    }
    return magazine_refill(self) && buddy_allocate(&self->source, 0, frame);
}

static bool buddy_allocate(struct frame_source *source, unsigned order, phys_addr *frame)
{
    struct buddy_source *self = to_buddy_source(source);

    if (order != 0 || self->magazine_count == 0) {
        return allocate_slowly(self, order, frame);
    }
    struct buddy_magazine_frame *top = &self->magazine[--self->magazine_count];

    *top->state = BUDDY_ALLOCATED;
    *frame = top->frame;
    return true;
}

/* Frees a block of order 1 or more, or a frame when the magazine is full, or says what is wrong. */
static __attribute__((noinline)) enum frame_free_result free_slowly(struct buddy_source *self,
                                                                    unsigned order, phys_addr frame)
{
    uint64_t position;

    if (order > BUDDY_ORDER_MAX) {
        return FRAME_FREE_WRONG_ORDER;
    }
    if (!is_aligned(frame.value, page_size_bytes(PAGE_4K) << order)) {
        return FRAME_FREE_MISALIGNED;
    }
    if (!buddy_position_of(self, frame, &position)) {
        return buddy_chunk_will_have(self, frame) ? FRAME_FREE_DOUBLE : FRAME_FREE_FOREIGN;
    }
    uint8_t state = buddy_state_around(self, position);

    if (state == BUDDY_NOT_MEMORY) {
        return FRAME_FREE_FOREIGN;
    }
    if ((state & BUDDY_ALLOCATED) == 0) {
        return FRAME_FREE_DOUBLE;
    }
    /* A block of this order that holds a frame aligned to it begins there. */
    if (state != buddy_state_with(BUDDY_ALLOCATED, order)) {
        return FRAME_FREE_WRONG_ORDER;
    }
    if (order == 0) {
        magazine_drain(self, BUDDY_MAGAZINE_BATCH);
        return buddy_free(&self->source, order, frame);
    }
    buddy_block_release(self, order, position);
    self->free_frames += UINT64_C(1) << order;
    return FRAME_FREE_OK;
}

static enum frame_free_result buddy_free(struct frame_source *source, unsigned order,
                                         phys_addr frame)
{
    struct buddy_source *self = to_buddy_source(source);
    uint64_t position;

    if (order != 0 || !is_aligned(frame.value, page_size_bytes(PAGE_4K)) ||
        self->magazine_count == BUDDY_MAGAZINE_CAPACITY ||
        !buddy_position_of(self, frame, &position) ||
        self->block_states[position >> BUDDY_BLOCK_ORDER] != BUDDY_SPLIT ||
        self->frame_states[position] != BUDDY_ALLOCATED) {
        return free_slowly(self, order, frame);
    }
    uint8_t *state = &self->frame_states[position];

    *state = BUDDY_IN_MAGAZINE;
    self->magazine[self->magazine_count++] =
        (struct buddy_magazine_frame){.frame = frame, .state = state};
    return FRAME_FREE_OK;
}

bool buddy_source_init(struct buddy_source *self, uint64_t base, const struct frame_range *ranges,
                       size_t range_count)
{
    *self = (struct buddy_source){
        .source = {.allocate = buddy_allocate, .free = buddy_free},
        .ranges = ranges,
        .range_count = range_count,
    };
    if (!buddy_metadata_init(self, base)) {
        return false;
    }
    for (size_t i = 0; i < range_count; i++) {
        struct buddy_run run = buddy_usable_run(self, i);
        self->total_frames += run.end - run.start;
    }
    self->free_frames = self->total_frames;
    /* Whoever makes a source needs this one; it takes the same time for any amount of memory. */
    buddy_chunk_make_next(self);
    return true;
}

uint64_t buddy_source_free_blocks(const struct buddy_source *self, unsigned order)
{
    uint64_t count = 0;

    if (order < BUDDY_ORDER_COUNT && (self->orders_with_blocks >> order & 1) != 0) {
        (void)bit_tree_count(&self->free_blocks[order], &count);
    }
    return count;
}
