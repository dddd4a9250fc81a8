#include "mm/pool_source.h"

/* Larger than the index of any frame. */
#define POOL_NO_FRAME UINT32_MAX
#define POOL_IN_USE (UINT32_MAX - 1)

static struct pool_source *to_pool_source(struct frame_source *source)
{
    _Static_assert(offsetof(struct pool_source, source) == 0, "the interface comes first");
    return (struct pool_source *)source;
}

static bool pool_allocate(struct frame_source *source, unsigned order, phys_addr *frame)
{
    struct pool_source *self = to_pool_source(source);
    uint32_t index = self->first_free;

    if (order != 0) {
        return false;
    }
    if (index != POOL_NO_FRAME) {
        self->first_free = self->links[index];
    } else if (self->fresh_index < self->window.frame_count) {
        index = self->fresh_index++;
    } else {
        return false;
    }
    self->links[index] = POOL_IN_USE;
    self->free_frames--;
    *frame = phys_addr_add(self->window.start, (uint64_t)index << PAGE_SHIFT);
    return true;
}

static enum frame_free_result pool_free(struct frame_source *source, unsigned order,
                                        phys_addr frame)
{
    struct pool_source *self = to_pool_source(source);
    uint64_t index = (frame.value - self->window.start.value) >> PAGE_SHIFT;

    if (!is_aligned(frame.value, page_size_bytes(PAGE_4K))) {
        return FRAME_FREE_MISALIGNED;
    }
    if (index >= self->window.frame_count) {
        return FRAME_FREE_FOREIGN;
    }
    if (index >= self->fresh_index || self->links[index] != POOL_IN_USE) {
        return FRAME_FREE_DOUBLE;
    }
    if (order != 0) {
        return FRAME_FREE_WRONG_ORDER;
    }
    self->links[index] = self->first_free;
    self->first_free = (uint32_t)index;
    self->free_frames++;
    return FRAME_FREE_OK;
}

void pool_source_init(struct pool_source *self, struct frame_range window, uint32_t *links)
{
    *self = (struct pool_source){
        .source = {.allocate = pool_allocate, .free = pool_free},
        .window = window,
        .links = links,
        .first_free = POOL_NO_FRAME,
        .free_frames = (uint32_t)window.frame_count,
    };
}
