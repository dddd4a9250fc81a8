/* The buddy allocator against a model of it that is a list of owners, one per frame: random calls,
 * right and wrong ones. */
#include "tests/host/buddy_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STEPS_PER_PHASE = 4000, /* of filling or emptying */
    CHECKS = 64,            /* of all that the allocator keeps, at least */
    STREAM_COUNT = 4,       /* of random numbers */
    BLOCKS_MAX = 1 << 20,
    OWNER_FREE = 0,
    OWNER_NONE = UINT8_MAX, /* not memory, or metadata */
};

struct live_block {
    uint64_t first_frame;
    unsigned order;
};

struct model {
    struct test *test;
    struct memory memory;
    uint8_t *owners; /* by frame: OWNER_FREE, OWNER_NONE, or the order of its block + 1 */
    uint64_t frame_end;
    uint64_t free_frames;
    struct live_block *blocks;
    uint64_t block_count;
    unsigned stream;
    struct random random;
    uint64_t step;
};

/* Ends the test with a text that tells how to come here again. */
static void require_step(const struct model *model, bool holds, const char *text)
{
    char message[200];

    if (!holds) {
        snprintf(message, sizeof message, "stream %u step %llu: %s", model->stream,
                 (unsigned long long)model->step, text);
        test_require(model->test, false, message, __FILE__, __LINE__);
    }
}

static uint64_t number_below(struct model *model, uint64_t bound)
{
    return (random_next(&model->random) >> 11) % bound;
}

/* Mostly small ones, at times any. */
static unsigned random_order(struct model *model, unsigned order_max)
{
    unsigned order = 0;

    if (number_below(model, 16) == 0) {
        return (unsigned)number_below(model, order_max + 1);
    }
    while (order < order_max && number_below(model, 3) == 0) {
        order++;
    }
    return order;
}

static void model_init(struct model *model, struct test *test, const struct layout *layout,
                       unsigned stream)
{
    *model = (struct model){
        .test = test, .stream = stream, .random = test_random(test, stream)};
    memory_init(test, &model->memory, layout, 0xa5);
    model->frame_end = memory_end(&model->memory);
    model->owners = malloc(model->frame_end + 1);
    model->blocks = malloc(BLOCKS_MAX * sizeof *model->blocks);
    for (uint64_t frame = 0; frame < model->frame_end; frame++) {
        bool is_memory = memory_has(&model->memory, frame, 0);

        model->owners[frame] = is_memory ? OWNER_FREE : OWNER_NONE;
        model->free_frames += is_memory;
    }
}

static void model_release(struct model *model)
{
    free(model->owners);
    free(model->blocks);
    memory_release(&model->memory);
}

static bool is_all(const struct model *model, uint64_t first_frame, unsigned order, uint8_t owner)
{
    const uint8_t *owners = model->owners + first_frame;
    uint64_t frame_count = UINT64_C(1) << order;

    /* Each equals the one before it. */
    return first_frame + frame_count <= model->frame_end && owners[0] == owner &&
           memcmp(owners, owners + 1, frame_count - 1) == 0;
}

static bool has_free_block(const struct model *model, unsigned order)
{
    const struct layout *layout = model->memory.layout;
    uint64_t block_frames = UINT64_C(1) << order;

    for (size_t i = 0; i < layout->range_count; i++) {
        uint64_t first = layout->ranges[i].start.value / 4096;
        uint64_t end = first + layout->ranges[i].frame_count;

        for (uint64_t frame = first & ~(block_frames - 1); frame < end; frame += block_frames) {
            if (is_all(model, frame, order, OWNER_FREE)) {
                return true;
            }
        }
    }
    return false;
}

static void step_allocate(struct model *model, unsigned order_max)
{
    unsigned order = random_order(model, order_max);
    uint64_t block = UINT64_C(0x123456789);

    if (!memory_allocate(&model->memory, order, &block)) {
        require_step(model, block == UINT64_C(0x123456789), "a failed call stores nothing");
        require_step(model, !has_free_block(model, order), "a free block is found");
        return;
    }
    require_step(model, (block & ((UINT64_C(1) << order) - 1)) == 0, "blocks are aligned");
    require_step(model, is_all(model, block, order, OWNER_FREE), "only free frames are given");
    require_step(model, model->block_count < BLOCKS_MAX, "the model has room");
    memset(model->owners + block, (int)order + 1, UINT64_C(1) << order);
    model->free_frames -= UINT64_C(1) << order;
    model->blocks[model->block_count++] = (struct live_block){block, order};
}

static void step_free(struct model *model)
{
    if (model->block_count == 0) {
        return;
    }
    struct live_block *chosen = &model->blocks[number_below(model, model->block_count)];
    struct live_block block = *chosen;

    *chosen = model->blocks[--model->block_count];
    require_step(model,
                 memory_free(&model->memory, block.order, block.first_frame) == FRAME_FREE_OK,
                 "what was allocated can be freed");
    memset(model->owners + block.first_frame, OWNER_FREE, UINT64_C(1) << block.order);
    model->free_frames += UINT64_C(1) << block.order;
}

/* A free of any frame with any order, of which few are right. */
static void step_misuse(struct model *model)
{
    uint64_t frame = number_below(model, model->frame_end + 10);
    unsigned order = random_order(model, BUDDY_ORDER_MAX + 1);

    if (model->block_count > 0 && number_below(model, 2) == 0) {
        frame = model->blocks[number_below(model, model->block_count)].first_frame;
    }
    uint8_t owner = frame < model->frame_end ? model->owners[frame] : OWNER_NONE;
    unsigned owner_order = owner - 1U;
    enum frame_free_result expected;

    if (order > BUDDY_ORDER_MAX) {
        expected = FRAME_FREE_WRONG_ORDER;
    } else if ((frame & ((UINT64_C(1) << order) - 1)) != 0) {
        expected = FRAME_FREE_MISALIGNED;
    } else if (owner == OWNER_NONE) {
        expected = FRAME_FREE_FOREIGN;
    } else if (owner == OWNER_FREE) {
        expected = FRAME_FREE_DOUBLE;
    } else if (owner_order != order) {
        expected = FRAME_FREE_WRONG_ORDER;
    } else {
        return;
    }
    require_step(model, memory_free(&model->memory, order, frame) == expected,
                 frame_free_result_text(expected));
}

static void run(struct model *model, uint64_t step_count, unsigned order_max)
{
    const struct buddy_source *buddy = &model->memory.buddy;

    for (model->step = 0; model->step < step_count; model->step++) {
        bool filling = model->step / STEPS_PER_PHASE % 2 == 0;
        uint64_t kind = number_below(model, 16);

        if (kind < 2) {
            step_misuse(model);
        } else if (kind < (filling ? 12U : 6U)) {
            step_allocate(model, order_max);
        } else {
            step_free(model);
        }
        require_step(model, buddy_source_free_frames(buddy) == model->free_frames,
                     "the count of free frames is that of the model");
        if (model->step % (step_count / CHECKS) == 0) {
            const char *broken = buddy_source_check(buddy);
            require_step(model, broken == NULL, broken);
        }
    }
    while (model->block_count > 0) {
        step_free(model);
    }
    require_step(model, buddy_source_check(buddy) == NULL, "all rules hold at the end");
    require_step(model, model->free_frames == buddy_source_total_frames(buddy),
                 "all frames are free at the end");
}

static void run_some_streams(struct test *test, const struct layout *layout, uint64_t step_count,
                          unsigned order_max)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        struct model model;

        model_init(&model, test, layout, i);
        run(&model, step_count, order_max);
        model_release(&model);
    }
}

TEST(buddy_model, agrees_on_a_small_memory_that_is_full_again_and_again, .tags = "random")
{
    static const struct layout layout = {{FRAMES(1, 7), FRAMES(9, 300), FRAMES(700, 1),
                                          FRAMES(1024, 900), FRAMES(GIB_FRAMES - 40, 60)},
                                         5};

    run_some_streams(test, &layout, 100000, 9);
}

TEST(buddy_model, agrees_on_some_gib_with_blocks_of_all_orders, .tags = "random slow")
{
    static const struct layout layout = {
        {FRAMES(256, 2 * GIB_FRAMES), FRAMES(3 * GIB_FRAMES - 5000, GIB_FRAMES + 9000)}, 2};

    run_some_streams(test, &layout, 25000, BUDDY_ORDER_MAX);
}
