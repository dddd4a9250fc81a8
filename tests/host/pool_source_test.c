/* Frames inside a window: each once, back in any order, and every mistake seen. */
#include "mm/pool_source.h"

#include "testing/test.h"

#include <stdlib.h>
#include <string.h>

enum { WINDOW_MAX = 3000 };

static const struct frame_range windows[] = {
    {{0}, 0},   {{0}, 1},         {{0x7000}, 1},
    {{0}, 600}, {{0x123000}, 77}, {{UINT64_C(0xffffffff000)}, WINDOW_MAX},
};
enum { WINDOW_COUNT = sizeof windows / sizeof windows[0] };

/* A pool whose numbers hold what looks most like frames: `dirt` in each byte. */
struct pool {
    struct pool_source source;
    uint32_t *links; /* as many as there are frames, so that the sanitizer sees any more */
};

static void pool_init(struct pool *pool, struct frame_range window, int dirt)
{
    size_t size_bytes = window.frame_count * sizeof *pool->links;

    pool->links = malloc(size_bytes);
    memset(pool->links, dirt, size_bytes);
    pool_source_init(&pool->source, window, pool->links);
}

static void pool_release(struct pool *pool)
{
    free(pool->links);
}

static bool pool_allocate(struct pool *pool, uint64_t *address)
{
    phys_addr frame = phys_addr_of(*address);
    bool allocated = frame_source_allocate(&pool->source.source, 0, &frame);

    *address = frame.value;
    return allocated;
}

static enum frame_free_result pool_free(struct pool *pool, unsigned order, uint64_t address)
{
    return frame_source_free(&pool->source.source, order, phys_addr_of(address));
}

TEST(pool, hands_out_each_frame_of_its_window_once)
{
    static const int dirts[] = {0x00, 0xa5, 0xff};

    for (unsigned i = 0; i < 3 * WINDOW_COUNT; i++) {
        struct frame_range window = windows[i % WINDOW_COUNT];
        bool given[WINDOW_MAX] = {false};
        struct pool pool;
        uint64_t address = 0x1234;

        pool_init(&pool, window, dirts[i / WINDOW_COUNT]);
        for (uint64_t k = 0; k < window.frame_count; k++) {
            CHECK_EQUAL(pool_source_free_frames(&pool.source), window.frame_count - k);
            REQUIRE(pool_allocate(&pool, &address));
            uint64_t index = (address - window.start.value) / 4096;

            REQUIRE(index < window.frame_count);
            CHECK_EQUAL(address, window.start.value + index * 4096);
            CHECK(!given[index]);
            given[index] = true;
        }
        address = 0x1234;
        CHECK(!pool_allocate(&pool, &address));
        CHECK_EQUAL(address, 0x1234);
        CHECK_EQUAL(pool_source_free_frames(&pool.source), 0);
        pool_release(&pool);
    }
}

TEST(pool, gives_the_frame_that_came_back_last)
{
    struct pool pool;
    uint64_t frames[10];
    uint64_t address = 0;

    pool_init(&pool, windows[3], 0xa5);
    for (unsigned i = 0; i < 10; i++) {
        REQUIRE(pool_allocate(&pool, &frames[i]));
    }
    for (unsigned i = 0; i < 10; i++) {
        CHECK_EQUAL(pool_free(&pool, 0, frames[i]), FRAME_FREE_OK);
    }
    for (unsigned i = 10; i-- > 0;) {
        REQUIRE(pool_allocate(&pool, &address));
        CHECK_EQUAL(address, frames[i]);
    }
    pool_release(&pool);
}

TEST(pool, has_blocks_of_one_frame_only)
{
    struct pool pool;
    phys_addr frame = phys_addr_of(0x1234);

    pool_init(&pool, windows[3], 0xa5);
    for (unsigned order = 1; order < 20; order++) {
        CHECK(!frame_source_allocate(&pool.source.source, order, &frame));
        CHECK_EQUAL(frame.value, 0x1234);
    }
    CHECK_EQUAL(pool_source_free_frames(&pool.source), 600);
    pool_release(&pool);
}

TEST(pool, says_what_is_wrong_with_a_free_and_changes_nothing)
{
    const struct frame_range window = {{0x200000}, 100};
    struct pool pool;
    uint64_t frames[5];

    pool_init(&pool, window, 0xfe);
    for (unsigned i = 0; i < 5; i++) {
        REQUIRE(pool_allocate(&pool, &frames[i]));
    }
    /* Those never handed out look as if they were in use. */
    for (unsigned i = 5; i < 100; i++) {
        pool.links[i] = pool.links[0];
    }
    CHECK_EQUAL(pool_free(&pool, 0, frames[1]), FRAME_FREE_OK);
    CHECK_EQUAL(pool_free(&pool, 0, frames[3]), FRAME_FREE_OK);
    const struct {
        uint64_t address;
        unsigned order;
        enum frame_free_result expected;
    } cases[] = {
        {frames[1], 0, FRAME_FREE_DOUBLE},
        {frames[3], 0, FRAME_FREE_DOUBLE},
        {0x200000 + 5 * 4096, 0, FRAME_FREE_DOUBLE}, /* never handed out */
        {0x200000 + 99 * 4096, 0, FRAME_FREE_DOUBLE},
        {0x200000 + 100 * 4096, 0, FRAME_FREE_FOREIGN},
        {0x1ff000, 0, FRAME_FREE_FOREIGN},
        {0, 0, FRAME_FREE_FOREIGN},
        {UINT64_MAX << 12, 0, FRAME_FREE_FOREIGN},
        {(UINT64_C(1) << 44) + 0x200000, 0, FRAME_FREE_FOREIGN}, /* the index has 33 bits */
        {frames[0] + 1, 0, FRAME_FREE_MISALIGNED},
        {frames[0] + 2048, 0, FRAME_FREE_MISALIGNED},
        {0x1fffff, 0, FRAME_FREE_MISALIGNED},
        {frames[0], 1, FRAME_FREE_WRONG_ORDER},
        {frames[2], 18, FRAME_FREE_WRONG_ORDER},
    };
    struct pool_source before = pool.source;
    uint32_t links_before[100];

    memcpy(links_before, pool.links, sizeof links_before);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_EQUAL(pool_free(&pool, cases[i].order, cases[i].address), cases[i].expected);
        REQUIRE(memcmp(&before, &pool.source, sizeof before) == 0);
        REQUIRE(memcmp(links_before, pool.links, sizeof links_before) == 0);
    }
    pool_release(&pool);
}

TEST(pool, agrees_with_a_list_of_owners_over_random_calls, .tags = "random")
{
    const struct frame_range window = {{0x40000000}, 500};
    bool allocated[500] = {false};
    uint64_t allocated_count = 0;
    struct random random = test_random(test, 0);
    struct pool pool;

    pool_init(&pool, window, 0xa5);
    for (unsigned step = 0; step < 200000; step++) {
        uint64_t number = random_next(&random);
        uint64_t index = (number >> 20) % 500;
        uint64_t address = 0;

        /* More of one kind, then more of the other, so that it is full and empty at times. */
        if ((number >> 50) % 16 < (step / 3000 % 2 == 0 ? 11U : 5U)) {
            REQUIRE_EQUAL(pool_allocate(&pool, &address), allocated_count < 500);
            if (allocated_count < 500) {
                index = (address - window.start.value) / 4096;
                REQUIRE(index < 500 && !allocated[index]);
                allocated[index] = true;
                allocated_count++;
            }
        } else {
            REQUIRE_EQUAL(pool_free(&pool, 0, window.start.value + index * 4096),
                          allocated[index] ? FRAME_FREE_OK : FRAME_FREE_DOUBLE);
            allocated_count -= allocated[index];
            allocated[index] = false;
        }
        REQUIRE_EQUAL(pool_source_free_frames(&pool.source), 500 - allocated_count);
    }
    pool_release(&pool);
}
