/* The buddy allocator over memory of every shape: what it hands out, joins, and refuses. */
#include "tests/host/buddy_memory.h"

#include <stdlib.h>
#include <string.h>

/* Allocates blocks until there are no more; each is memory, aligned, and new. */
static uint64_t allocate_all(struct test *test, struct memory *memory, unsigned order,
                             uint64_t *blocks)
{
    uint64_t block_count = memory_block_count(memory, order);
    uint64_t count = 0;
    uint64_t block = 0x1234;
    uint64_t before = block;
    uint64_t free_frames = buddy_source_free_frames(&memory->buddy);

    while (memory_allocate(memory, order, &block)) {
        REQUIRE(count < block_count);
        REQUIRE_EQUAL(block & ((UINT64_C(1) << order) - 1), 0);
        REQUIRE(memory_has(memory, block, order));
        free_frames -= UINT64_C(1) << order;
        REQUIRE_EQUAL(buddy_source_free_frames(&memory->buddy), free_frames);
        blocks[count++] = block;
        before = block;
    }
    CHECK_EQUAL(block, before);
    CHECK_EQUAL(buddy_source_free_frames(&memory->buddy), free_frames);
    return count;
}

static int compare_blocks(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;

    return (a > b) - (a < b);
}

/* Checks that no two of the blocks share a frame. Sorts them. */
static void check_disjoint(struct test *test, uint64_t *blocks, uint64_t count, unsigned order)
{
    qsort(blocks, count, sizeof *blocks, compare_blocks);
    for (uint64_t i = 1; i < count; i++) {
        REQUIRE(blocks[i] - blocks[i - 1] >= UINT64_C(1) << order);
    }
}

static void shuffle(struct test *test, uint64_t *blocks, uint64_t count)
{
    struct random random = test_random(test, 0);

    for (uint64_t i = count; i > 1; i--) {
        uint64_t k = random_next(&random) % i;
        uint64_t block = blocks[i - 1];
        blocks[i - 1] = blocks[k];
        blocks[k] = block;
    }
}

static void reverse(uint64_t *blocks, uint64_t count)
{
    for (uint64_t i = 0; i < count / 2; i++) {
        uint64_t block = blocks[i];
        blocks[i] = blocks[count - 1 - i];
        blocks[count - 1 - i] = block;
    }
}

static void free_all(struct test *test, struct memory *memory, unsigned order,
                     const uint64_t *blocks, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        REQUIRE_EQUAL(memory_free(memory, order, blocks[i]), FRAME_FREE_OK);
    }
    CHECK_EQUAL(buddy_source_free_frames(&memory->buddy), memory_frame_count(memory));
}

TEST(buddy, hands_out_every_frame_of_any_memory_once, .tags = "slow")
{
    struct memory memory;

    for (unsigned i = 0; i < layout_count; i++) {
        memory_init(test, &memory, &layouts[i], dirt_of(i));
        uint64_t frame_count = memory_frame_count(&memory);
        uint64_t *frames = malloc((frame_count + 1) * sizeof *frames);

        CHECK_EQUAL(buddy_source_total_frames(&memory.buddy), frame_count);
        CHECK_EQUAL(buddy_source_free_frames(&memory.buddy), frame_count);
        REQUIRE_EQUAL(allocate_all(test, &memory, 0, frames), frame_count);
        CHECK_INVARIANTS(&memory);
        CHECK_EQUAL(buddy_source_free_frames(&memory.buddy), 0);
        check_disjoint(test, frames, frame_count, 0);
        free(frames);
        memory_release(&memory);
    }
}

TEST(buddy, joins_frames_that_come_back_in_any_order, .tags = "random slow")
{
    struct memory memory;

    for (unsigned i = 0; i < layout_count; i++) {
        memory_init(test, &memory, &layouts[i], dirt_of(i));
        uint64_t frame_count = memory_frame_count(&memory);
        uint64_t *frames = malloc((frame_count + 1) * sizeof *frames);

        for (unsigned turn = 0; turn < 3; turn++) {
            REQUIRE_EQUAL(allocate_all(test, &memory, 0, frames), frame_count);
            qsort(frames, frame_count, sizeof *frames, compare_blocks);
            if (turn == 1) {
                reverse(frames, frame_count);
            } else if (turn == 2) {
                shuffle(test, frames, frame_count);
            }
            free_all(test, &memory, 0, frames, frame_count);
            CHECK_INVARIANTS(&memory);
            /* Every large block is there again. */
            for (unsigned order = BUDDY_ORDER_MAX; order >= 9; order -= 3) {
                uint64_t count = allocate_all(test, &memory, order, frames);

                CHECK_EQUAL(count, memory_block_count(&memory, order));
                free_all(test, &memory, order, frames, count);
            }
        }
        free(frames);
        memory_release(&memory);
    }
}

TEST(buddy, gives_every_aligned_block_of_every_order, .tags = "random slow")
{
    struct memory memory;

    for (unsigned i = 0; i < layout_count; i++) {
        for (unsigned order = 0; order <= BUDDY_ORDER_MAX; order++) {
            memory_init(test, &memory, &layouts[i], dirt_of(order));
            uint64_t block_count = memory_block_count(&memory, order);
            uint64_t *blocks = malloc((block_count + 1) * sizeof *blocks);

            REQUIRE_EQUAL(allocate_all(test, &memory, order, blocks), block_count);
            check_disjoint(test, blocks, block_count, order);
            CHECK_INVARIANTS(&memory);
            shuffle(test, blocks, block_count);
            free_all(test, &memory, order, blocks, block_count);
            CHECK_INVARIANTS(&memory);
            free(blocks);
            memory_release(&memory);
        }
    }
}

TEST(buddy, counts_its_free_blocks_by_order)
{
    struct memory memory;

    for (unsigned i = 0; i < layout_count; i++) {
        memory_init(test, &memory, &layouts[i], dirt_of(i));
        uint64_t frame_count = memory_frame_count(&memory);
        uint64_t *frames = malloc((frame_count + 1) * sizeof *frames);
        uint64_t in_blocks = 0;

        /* Then every chunk was made. */
        uint64_t count = allocate_all(test, &memory, 0, frames);
        for (unsigned order = 0; order < BUDDY_ORDER_COUNT; order++) {
            CHECK_EQUAL(buddy_source_free_blocks(&memory.buddy, order), 0);
        }
        free_all(test, &memory, 0, frames, count);
        for (unsigned order = 0; order < BUDDY_ORDER_COUNT; order++) {
            in_blocks += buddy_source_free_blocks(&memory.buddy, order) << order;
        }
        CHECK_EQUAL(in_blocks + memory.buddy.magazine_count, frame_count);
        CHECK_EQUAL(buddy_source_free_blocks(&memory.buddy, BUDDY_ORDER_COUNT), 0);
        free(frames);
        memory_release(&memory);
    }
}

TEST(buddy, knows_no_order_beyond_1_gib)
{
    static const unsigned orders[] = {19, 20, 31, 32, 63, 64, UINT32_MAX};
    struct memory memory;
    uint64_t block = 0x1234;

    memory_init(test, &memory, &layouts[0], 0xa5);
    for (unsigned i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        CHECK(!memory_allocate(&memory, orders[i], &block));
        CHECK_EQUAL(block, 0x1234);
        CHECK_EQUAL(memory_free(&memory, orders[i], 0), FRAME_FREE_WRONG_ORDER);
    }
    CHECK_INVARIANTS(&memory);
    memory_release(&memory);
}

/* Memory in which blocks of several orders are allocated and free. */
struct mixed_memory {
    struct memory memory;
    uint64_t frame;          /* allocated, order 0 */
    uint64_t block_8;        /* allocated, order 3 */
    uint64_t block_2m;       /* allocated, order 9 */
    uint64_t block_1g;       /* allocated, order 18 */
    uint64_t magazine_frame; /* freed, order 0 */
    uint64_t freed_2m;       /* freed, order 9, and joined with others */
};

static void mixed_memory_init(struct test *test, struct mixed_memory *mixed)
{
    /* The metadata is high up in the last range; the chunk there is not made. */
    static const struct layout layout = {
        {FRAMES(256, 3 * GIB_FRAMES - 256), FRAMES(8 * GIB_FRAMES, GIB_FRAMES + 5000)}, 2};
    struct memory *memory = &mixed->memory;

    /* As if every frame were allocated. */
    memory_init(test, memory, &layout, 0x80);
    REQUIRE(memory_allocate(memory, 0, &mixed->frame));
    REQUIRE(memory_allocate(memory, 3, &mixed->block_8));
    REQUIRE(memory_allocate(memory, 9, &mixed->block_2m));
    REQUIRE(memory_allocate(memory, 18, &mixed->block_1g));
    REQUIRE(memory_allocate(memory, 0, &mixed->magazine_frame));
    REQUIRE(memory_allocate(memory, 9, &mixed->freed_2m));
    REQUIRE_EQUAL(memory_free(memory, 0, mixed->magazine_frame), FRAME_FREE_OK);
    REQUIRE_EQUAL(memory_free(memory, 9, mixed->freed_2m), FRAME_FREE_OK);
}

/* Every wrong free of the mixed memory is told, and changes no bit. */
static void check_wrong_frees(struct test *test, struct mixed_memory *mixed)
{
    const uint64_t metadata = mixed->memory.buddy.metadata.start.value;
    const struct {
        uint64_t address;
        unsigned order;
        enum frame_free_result expected;
    } cases[] = {
        {mixed->magazine_frame << 12, 0, FRAME_FREE_DOUBLE},
        {mixed->freed_2m << 12, 9, FRAME_FREE_DOUBLE},
        {mixed->freed_2m << 12, 0, FRAME_FREE_DOUBLE},
        {(mixed->freed_2m + 77) << 12, 0, FRAME_FREE_DOUBLE},
        {(mixed->freed_2m + 512) << 12, 9, FRAME_FREE_DOUBLE},
        {2 * GIB_FRAMES << 12, 18, FRAME_FREE_DOUBLE},
        {(3 * GIB_FRAMES - 1) << 12, 0, FRAME_FREE_DOUBLE},
        {8 * GIB_FRAMES << 12, 0, FRAME_FREE_DOUBLE}, /* in a chunk that is not made */
        {8 * GIB_FRAMES << 12, 18, FRAME_FREE_DOUBLE},

        {0, 0, FRAME_FREE_FOREIGN},
        {255 << 12, 0, FRAME_FREE_FOREIGN},
        {0, 9, FRAME_FREE_FOREIGN},
        {3 * GIB_FRAMES << 12, 0, FRAME_FREE_FOREIGN},
        {5 * GIB_FRAMES << 12, 18, FRAME_FREE_FOREIGN},
        {(8 * GIB_FRAMES - 1) << 12, 0, FRAME_FREE_FOREIGN},
        {(9 * GIB_FRAMES + 5000) << 12, 0, FRAME_FREE_FOREIGN},
        {10 * GIB_FRAMES << 12, 0, FRAME_FREE_FOREIGN},
        {UINT64_MAX << 12, 0, FRAME_FREE_FOREIGN},
        {metadata, 0, FRAME_FREE_FOREIGN},
        {metadata + 4096, 0, FRAME_FREE_FOREIGN},

        {(mixed->frame << 12) + 1, 0, FRAME_FREE_MISALIGNED},
        {(mixed->frame << 12) + 2048, 0, FRAME_FREE_MISALIGNED},
        {(mixed->block_8 + 1) << 12, 3, FRAME_FREE_MISALIGNED},
        {(mixed->block_8 + 4) << 12, 3, FRAME_FREE_MISALIGNED},
        {(mixed->block_2m + 256) << 12, 9, FRAME_FREE_MISALIGNED},
        {(mixed->block_1g + 512) << 12, 18, FRAME_FREE_MISALIGNED},
        {UINT64_MAX, 0, FRAME_FREE_MISALIGNED},

        {mixed->frame << 12, 1, FRAME_FREE_WRONG_ORDER},
        {mixed->block_8 << 12, 0, FRAME_FREE_WRONG_ORDER},
        {mixed->block_8 << 12, 2, FRAME_FREE_WRONG_ORDER},
        {(mixed->block_8 + 1) << 12, 0, FRAME_FREE_WRONG_ORDER},
        {(mixed->block_8 + 4) << 12, 2, FRAME_FREE_WRONG_ORDER},
        {mixed->block_2m << 12, 0, FRAME_FREE_WRONG_ORDER},
        {mixed->block_2m << 12, 8, FRAME_FREE_WRONG_ORDER},
        {(mixed->block_2m + 511) << 12, 0, FRAME_FREE_WRONG_ORDER},
        {mixed->block_1g << 12, 17, FRAME_FREE_WRONG_ORDER},
        {(mixed->block_1g + GIB_FRAMES / 2) << 12, 17, FRAME_FREE_WRONG_ORDER},
        {(mixed->block_1g + 12345) << 12, 0, FRAME_FREE_WRONG_ORDER},
        {mixed->block_1g << 12, 19, FRAME_FREE_WRONG_ORDER},
    };
    struct memory *memory = &mixed->memory;
    struct buddy_source before = memory->buddy;
    uint8_t *metadata_before = malloc(memory->metadata_bytes);

    memcpy(metadata_before, memory->metadata, memory->metadata_bytes);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_EQUAL(frame_source_free(&memory->buddy.source, cases[i].order,
                                      phys_addr_of(cases[i].address)),
                    cases[i].expected);
        REQUIRE(memcmp(&before, &memory->buddy, sizeof before) == 0);
        REQUIRE(memcmp(metadata_before, memory->metadata, memory->metadata_bytes) == 0);
    }
    CHECK_INVARIANTS(memory);
    free(metadata_before);
}

/* The next frame that is freed makes it drain. */
static void fill_magazine(struct test *test, struct memory *memory)
{
    uint64_t frames[BUDDY_MAGAZINE_CAPACITY];

    for (unsigned i = 0; i < BUDDY_MAGAZINE_CAPACITY; i++) {
        REQUIRE(memory_allocate(memory, 0, &frames[i]));
    }
    for (unsigned i = 0; memory->buddy.magazine_count < BUDDY_MAGAZINE_CAPACITY; i++) {
        REQUIRE(i < BUDDY_MAGAZINE_CAPACITY);
        REQUIRE_EQUAL(memory_free(memory, 0, frames[i]), FRAME_FREE_OK);
    }
}

TEST(buddy, says_what_is_wrong_with_a_free_and_changes_nothing)
{
    struct mixed_memory mixed;
    struct memory *memory = &mixed.memory;

    mixed_memory_init(test, &mixed);
    check_wrong_frees(test, &mixed);
    fill_magazine(test, memory);
    check_wrong_frees(test, &mixed);
    uint64_t free_frames = buddy_source_free_frames(&memory->buddy);

    CHECK_EQUAL(memory_free(memory, 0, mixed.frame), FRAME_FREE_OK);
    CHECK_EQUAL(memory_free(memory, 3, mixed.block_8), FRAME_FREE_OK);
    CHECK_EQUAL(memory_free(memory, 9, mixed.block_2m), FRAME_FREE_OK);
    CHECK_EQUAL(memory_free(memory, 18, mixed.block_1g), FRAME_FREE_OK);
    CHECK_EQUAL(buddy_source_free_frames(&memory->buddy), free_frames + 1 + 8 + 512 + GIB_FRAMES);
    CHECK_INVARIANTS(memory);
    memory_release(memory);
}

TEST(buddy, knows_no_frame_in_a_hole_between_chunks_that_it_made)
{
    static const struct layout layout = {{FRAMES(0, 1000), FRAMES(4 * GIB_FRAMES, 1000)}, 2};
    uint64_t frames[2000];
    struct memory memory;

    for (unsigned i = 0; i < 3; i++) {
        memory_init(test, &memory, &layout, dirt_of(i));
        allocate_all(test, &memory, 0, frames);
        for (uint64_t chunk = 1; chunk < 4; chunk++) {
            CHECK_EQUAL(memory_free(&memory, 0, chunk * GIB_FRAMES), FRAME_FREE_FOREIGN);
            CHECK_EQUAL(memory_free(&memory, 0, chunk * GIB_FRAMES + 500), FRAME_FREE_FOREIGN);
        }
        CHECK_INVARIANTS(&memory);
        memory_release(&memory);
    }
}

TEST(buddy, sees_a_double_free_at_every_fill_of_its_magazine)
{
    enum { FRAME_COUNT = 3 * BUDDY_MAGAZINE_CAPACITY };
    struct memory memory;
    uint64_t frames[FRAME_COUNT];

    memory_init(test, &memory, &layouts[0], 0xa5);
    for (unsigned i = 0; i < FRAME_COUNT; i++) {
        REQUIRE(memory_allocate(&memory, 0, &frames[i]));
    }
    for (unsigned i = 0; i < FRAME_COUNT; i++) {
        REQUIRE_EQUAL(memory_free(&memory, 0, frames[i]), FRAME_FREE_OK);
        for (unsigned k = 0; k <= i; k++) {
            REQUIRE_EQUAL(memory_free(&memory, 0, frames[k]), FRAME_FREE_DOUBLE);
        }
        CHECK_EQUAL(buddy_source_free_frames(&memory.buddy),
                    memory_frame_count(&memory) - FRAME_COUNT + i + 1);
    }
    CHECK_INVARIANTS(&memory);
    memory_release(&memory);
}

TEST(buddy, takes_frames_out_of_its_magazine_for_a_block_of_any_order)
{
    /* 1 GiB, and what the metadata needs. */
    static const struct layout layout = {
        {FRAMES(GIB_FRAMES - 700, 700), FRAMES(GIB_FRAMES, GIB_FRAMES)}, 2};
    uint64_t *blocks = malloc((GIB_FRAMES + 1000) * sizeof *blocks);
    struct memory memory;
    uint64_t frame;
    uint64_t block;

    for (unsigned order = 1; order <= BUDDY_ORDER_MAX; order++) {
        memory_init(test, &memory, &layout, 0xa5);
        uint64_t count = allocate_all(test, &memory, order, blocks);

        /* All that is free, in the end, is the block whose frames the magazine has some of. */
        allocate_all(test, &memory, 0, blocks + count);
        REQUIRE_EQUAL(memory_free(&memory, order, blocks[count / 2]), FRAME_FREE_OK);
        REQUIRE(memory_allocate(&memory, 0, &frame));
        CHECK(!memory_allocate(&memory, order, &block));
        CHECK_INVARIANTS(&memory);
        REQUIRE_EQUAL(memory_free(&memory, 0, frame), FRAME_FREE_OK);
        REQUIRE(memory_allocate(&memory, order, &block));
        CHECK_EQUAL(block, blocks[count / 2]);
        CHECK_INVARIANTS(&memory);
        memory_release(&memory);
    }
    free(blocks);
}

TEST(buddy, breaks_no_large_block_for_single_frames_while_small_ones_last)
{
    static const struct layout layout = {{FRAMES(5120, 2048), FRAMES(10241, 300)}, 2};
    struct memory memory;
    uint64_t frame;
    uint64_t block;

    memory_init(test, &memory, &layout, 0xa5);
    for (unsigned i = 0; i < 256; i++) {
        REQUIRE(memory_allocate(&memory, 0, &frame));
        CHECK(frame >= 10241);
    }
    for (unsigned i = 0; i < 4; i++) {
        REQUIRE(memory_allocate(&memory, 9, &block));
        CHECK_EQUAL(block, 5120 + 512 * i);
    }
    memory_release(&memory);
}

TEST(buddy, is_seen_by_its_check_when_any_state_changes)
{
    static const uint8_t values[] = {0x00, 0x20, 0x40, 0x41, 0x80, 0x81, 0x93, 0x77, 0xfe, 0xff};
    static const struct layout layout = {{FRAMES(100, 100), FRAMES(250, 300)}, 2};
    struct memory memory;
    uint64_t block;

    memory_init(test, &memory, &layout, 0xa5);
    for (unsigned i = 0; i < 40; i++) {
        REQUIRE(memory_allocate(&memory, i % 4, &block));
    }
    CHECK_INVARIANTS(&memory);
    for (uint64_t i = 0; i < 1024; i++) {
        for (unsigned k = 0; k < sizeof values; k++) {
            uint8_t *state = &memory.buddy.frame_states[i];
            uint8_t before = *state;

            *state = values[k];
            CHECK((buddy_source_check(&memory.buddy) == NULL) == (values[k] == before));
            *state = before;
        }
    }
    CHECK_INVARIANTS(&memory);
    memory_release(&memory);
}

TEST(buddy, is_seen_by_its_check_when_a_count_or_a_set_changes)
{
    struct memory memory;
    uint64_t block;

    memory_init(test, &memory, &layouts[3], 0xa5);
    for (unsigned i = 0; i < 40; i++) {
        REQUIRE(memory_allocate(&memory, i % 4, &block));
    }
    struct buddy_source *buddy = &memory.buddy;
    unsigned order = (unsigned)__builtin_ctz(buddy->orders_with_blocks);
    uint64_t number = bit_tree_first(&buddy->free_blocks[order]);

    CHECK_INVARIANTS(&memory);
    buddy->free_frames++;
    CHECK(buddy_source_check(buddy) != NULL);
    buddy->free_frames--;
    buddy->total_frames++;
    CHECK(buddy_source_check(buddy) != NULL);
    buddy->total_frames--;
    for (unsigned i = 0; i < BUDDY_ORDER_COUNT; i++) {
        buddy->orders_with_blocks ^= 1U << i;
        CHECK(buddy_source_check(buddy) != NULL);
        buddy->orders_with_blocks ^= 1U << i;
    }
    bit_tree_remove(&buddy->free_blocks[order], number);
    CHECK(buddy_source_check(buddy) != NULL);
    bit_tree_add(&buddy->free_blocks[order], number + 1);
    CHECK(buddy_source_check(buddy) != NULL);
    bit_tree_add(&buddy->free_blocks[order], number);
    CHECK(buddy_source_check(buddy) != NULL);
    bit_tree_remove(&buddy->free_blocks[order], number + 1);
    buddy->magazine[0].frame.value += 4096;
    CHECK(buddy_source_check(buddy) != NULL);
    buddy->magazine[0].frame.value -= 4096;
    struct buddy_magazine_frame first = buddy->magazine[0];
    buddy->magazine[0] = buddy->magazine[1];
    CHECK(buddy_source_check(buddy) != NULL);
    buddy->magazine[0] = first;
    buddy->magazine_count--;
    CHECK(buddy_source_check(buddy) != NULL);
    buddy->magazine_count++;
    CHECK_INVARIANTS(&memory);
    memory_release(&memory);
}
