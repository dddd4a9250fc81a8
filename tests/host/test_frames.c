#include "tests/host/test_frames.h"

#include "testing/random.h"

#include <stdlib.h>
#include <string.h>

enum { DIRTY_BYTE = 0xa5, POISON_BYTE = 0xdd };

static struct test_frames *to_test_frames(struct frame_source *source)
{
    _Static_assert(offsetof(struct test_frames, source) == 0, "the interface comes first");
    return (struct test_frames *)source;
}

uint64_t test_frames_index(const struct test_frames *frames, uint64_t frame)
{
    return (frame - frames->memory->ram_start) >> PAGE_SHIFT;
}

static void fill(const struct test_frames *frames, uint64_t index, int byte)
{
    memset(frames->memory->ram + (index << PAGE_SHIFT), byte, 1 << PAGE_SHIFT);
}

static bool take(struct frame_source *source, unsigned order, phys_addr *frame)
{
    struct test_frames *self = to_test_frames(source);
    uint64_t index;

    if (order != 0 || self->free_count == 0 || self->limit == 0) {
        return false;
    }
    self->limit -= self->limit == UINT64_MAX ? 0 : 1;
    index = self->free[--self->free_count];
    self->state[index] = FRAME_TAKEN;
    self->touched[index] = true;
    self->in_use++;
    fill(self, index, DIRTY_BYTE);
    *frame = phys_addr_of(self->memory->ram_start + (index << PAGE_SHIFT));
    return true;
}

static enum frame_free_result refuse(struct test_frames *self, phys_addr frame, const char *fault,
                                     enum frame_free_result result)
{
    self->fault = fault;
    self->fault_frame = frame.value;
    return result;
}

static enum frame_free_result give_back(struct frame_source *source, unsigned order,
                                        phys_addr frame)
{
    struct test_frames *self = to_test_frames(source);
    uint64_t index = test_frames_index(self, frame.value);
    const char *fault = NULL;

    if (!is_aligned(frame.value, 1 << PAGE_SHIFT)) {
        return refuse(self, frame, "it is misaligned", FRAME_FREE_MISALIGNED);
    }
    if (index >= self->frame_count || self->state[index] == FRAME_RESERVED) {
        return refuse(self, frame, "it is none of the source's", FRAME_FREE_FOREIGN);
    }
    if (self->state[index] == FRAME_FREE) {
        return refuse(self, frame, "it is free already", FRAME_FREE_DOUBLE);
    }
    if (order != 0) {
        return refuse(self, frame, "it is no block of that order", FRAME_FREE_WRONG_ORDER);
    }
    if (self->check_free != NULL) {
        fault = self->check_free(self->context, frame);
    }
    if (fault != NULL) {
        (void)refuse(self, frame, fault, FRAME_FREE_OK);
    }
    self->limit += self->limit == UINT64_MAX ? 0 : 1;
    self->state[index] = FRAME_FREE;
    self->in_use--;
    self->free[self->free_count++] = (uint32_t)index;
    fill(self, index, POISON_BYTE);
    return FRAME_FREE_OK;
}

static void shuffle(struct test_frames *frames, uint64_t seed)
{
    struct random random = random_of(seed, 0);

    for (uint64_t i = frames->free_count; i > 1; i--) {
        uint32_t *one = &frames->free[i - 1];
        uint32_t *other = &frames->free[random_below(&random, (unsigned)i)];
        uint32_t moved = *one;

        *one = *other;
        *other = moved;
    }
}

void test_frames_init(struct test_frames *frames, struct host_memory *memory,
                      uint64_t reserved_count, uint64_t seed)
{
    uint64_t frame_count = memory->ram_bytes >> PAGE_SHIFT;

    *frames = (struct test_frames){
        .source = {.allocate = take, .free = give_back},
        .memory = memory,
        .frame_count = frame_count,
        .state = calloc(frame_count, sizeof *frames->state),
        .touched = calloc(frame_count, sizeof *frames->touched),
        .free = calloc(frame_count, sizeof *frames->free),
        .limit = UINT64_MAX,
    };
    if (frames->state == NULL || frames->touched == NULL || frames->free == NULL) {
        host_panic("no memory for %zu frames", (size_t)frame_count);
    }
    for (uint64_t index = 0; index < frame_count; index++) {
        if (index == 0 || index > reserved_count) {
            frames->state[index] = FRAME_FREE;
            frames->free[frames->free_count++] = (uint32_t)index;
        }
    }
    shuffle(frames, seed);
}

void test_frames_release(struct test_frames *frames)
{
    free(frames->state);
    free(frames->touched);
    free(frames->free);
}

void test_frames_put_next(struct test_frames *frames, phys_addr frame)
{
    uint64_t index = test_frames_index(frames, frame.value);

    for (uint64_t i = 0; i < frames->free_count; i++) {
        if (frames->free[i] == index) {
            memmove(&frames->free[i], &frames->free[i + 1],
                    (frames->free_count - 1 - i) * sizeof *frames->free);
            frames->free[frames->free_count - 1] = (uint32_t)index;
            return;
        }
    }
    host_panic("frame %#llx is not free", (unsigned long long)frame.value);
}
