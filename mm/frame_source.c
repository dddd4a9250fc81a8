#include "mm/frame_source.h"

const char *frame_free_result_text(enum frame_free_result result)
{
    switch (result) {
    case FRAME_FREE_OK:
        return "ok";
    case FRAME_FREE_DOUBLE:
        return "double free: the frame is free already";
    case FRAME_FREE_FOREIGN:
        return "foreign frame: this source does not hand it out";
    case FRAME_FREE_MISALIGNED:
        return "misaligned: the address must be a multiple of the size of the block";
    case FRAME_FREE_WRONG_ORDER:
        return "wrong order: the frame was not allocated as a block of this size";
    }
    return "no result of free";
}

static bool empty_allocate(struct frame_source *source, unsigned order, phys_addr *frame)
{
    (void)source;
    (void)order;
    (void)frame;
    return false;
}

static enum frame_free_result empty_free(struct frame_source *source, unsigned order,
                                         phys_addr frame)
{
    (void)source;
    (void)order;
    (void)frame;
    return FRAME_FREE_FOREIGN;
}

struct frame_source *frame_source_empty(void)
{
    static struct frame_source empty = {.allocate = empty_allocate, .free = empty_free};
    return &empty;
}

static struct range_source *to_range_source(struct frame_source *source)
{
    _Static_assert(offsetof(struct range_source, source) == 0, "the interface comes first");
    return (struct range_source *)source;
}

static phys_addr frame_of(const struct range_source *self, uint64_t frame_index)
{
    return phys_addr_add(self->ranges[self->range_index].start, frame_index << PAGE_SHIFT);
}

static bool range_allocate(struct frame_source *source, unsigned order, phys_addr *frame)
{
    struct range_source *self = to_range_source(source);

    if (order != 0) {
        return false;
    }
    while (self->range_index < self->range_count &&
           self->frame_index == self->ranges[self->range_index].frame_count) {
        self->range_index++;
        self->frame_index = 0;
    }
    if (self->range_index == self->range_count) {
        return false;
    }
    *frame = frame_of(self, self->frame_index);
    self->frame_index++;
    return true;
}

/* What becomes of a frame that is not the one handed out last. */
static enum frame_free_result range_free_other(const struct range_source *self, phys_addr frame)
{
    for (size_t i = 0; i < self->range_count; i++) {
        uint64_t offset_bytes = frame.value - self->ranges[i].start.value;

        if (offset_bytes >> PAGE_SHIFT < self->ranges[i].frame_count) {
            return frame.value < range_source_position(self).value ? FRAME_FREE_OK
                                                                   : FRAME_FREE_DOUBLE;
        }
    }
    return FRAME_FREE_FOREIGN;
}

static enum frame_free_result range_free(struct frame_source *source, unsigned order,
                                         phys_addr frame)
{
    struct range_source *self = to_range_source(source);

    if (!is_aligned(frame.value, page_size_bytes(PAGE_4K))) {
        return FRAME_FREE_MISALIGNED;
    }
    if (order != 0) {
        return FRAME_FREE_WRONG_ORDER;
    }
    /* The last one is the end of an earlier range if none of this range was handed out. */
    while (self->frame_index == 0 && self->range_index > 0) {
        self->range_index--;
        self->frame_index = self->ranges[self->range_index].frame_count;
    }
    if (self->frame_index > 0 && frame_of(self, self->frame_index - 1).value == frame.value) {
        self->frame_index--;
        return FRAME_FREE_OK;
    }
    return range_free_other(self, frame);
}

void range_source_init(struct range_source *self, const struct frame_range *ranges,
                       size_t range_count)
{
    *self = (struct range_source){
        .source = {.allocate = range_allocate, .free = range_free},
        .ranges = ranges,
        .range_count = range_count,
    };
}

phys_addr range_source_position(const struct range_source *self)
{
    if (self->range_count == 0) {
        return phys_addr_of(0);
    }
    if (self->range_index < self->range_count) {
        return frame_of(self, self->frame_index);
    }
    const struct frame_range *last = &self->ranges[self->range_count - 1];
    return phys_addr_add(last->start, last->frame_count << PAGE_SHIFT);
}

static struct limited_source *to_limited_source(struct frame_source *source)
{
    _Static_assert(offsetof(struct limited_source, source) == 0, "the interface comes first");
    return (struct limited_source *)source;
}

static bool limited_allocate(struct frame_source *source, unsigned order, phys_addr *frame)
{
    struct limited_source *self = to_limited_source(source);
    uint64_t frame_count = UINT64_C(1) << order;

    if (self->remaining < frame_count || !frame_source_allocate(self->parent, order, frame)) {
        return false;
    }
    self->remaining -= frame_count;
    return true;
}

static enum frame_free_result limited_free(struct frame_source *source, unsigned order,
                                           phys_addr frame)
{
    struct limited_source *self = to_limited_source(source);
    enum frame_free_result result = frame_source_free(self->parent, order, frame);

    if (result == FRAME_FREE_OK) {
        self->remaining += UINT64_C(1) << order;
    }
    return result;
}

void limited_source_init(struct limited_source *self, struct frame_source *parent,
                         uint64_t frame_count)
{
    *self = (struct limited_source){
        .source = {.allocate = limited_allocate, .free = limited_free},
        .parent = parent,
        .remaining = frame_count,
    };
}
