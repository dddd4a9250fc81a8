/* Sets of numbers as trees of words, against arrays of truth values. */
#include "mm/bit_tree.h"

#include "testing/test.h"

#include <stdlib.h>
#include <string.h>

/* One word, two, and one more word on every level. */
static const uint64_t bounds[] = {1,    2,    63,   64,     65,     128,    4095,
                                  4096, 4097, 8192, 262143, 262144, 262145, 300001};
enum { BOUND_COUNT = sizeof bounds / sizeof bounds[0] };

struct set {
    struct bit_tree tree;
    uint64_t *words;
    uint64_t bound;
};

/* The words behind those that the set may use are checked by the sanitizer. */
static void set_init(struct set *set, uint64_t bound, int dirt)
{
    size_t word_count = bit_tree_word_count(bound);

    set->bound = bound;
    set->words = malloc(word_count * sizeof *set->words);
    memset(set->words, dirt, word_count * sizeof *set->words);
    bit_tree_init(&set->tree, set->words, bound);
}

static void set_release(struct set *set)
{
    free(set->words);
}

static uint64_t count_of(struct test *test, const struct set *set)
{
    uint64_t count = UINT64_MAX;

    REQUIRE(bit_tree_count(&set->tree, &count));
    return count;
}

TEST(bit_tree, is_empty_at_first_whatever_the_memory_held)
{
    static const int dirts[] = {0x00, 0xa5, 0xff};

    for (unsigned i = 0; i < BOUND_COUNT; i++) {
        for (unsigned k = 0; k < sizeof dirts / sizeof dirts[0]; k++) {
            struct set set;

            set_init(&set, bounds[i], dirts[k]);
            CHECK(bit_tree_is_empty(&set.tree));
            CHECK_EQUAL(count_of(test, &set), 0);
            for (uint64_t number = 0; number < bounds[i]; number += 1 + number / 3) {
                CHECK(!bit_tree_contains(&set.tree, number));
            }
            set_release(&set);
        }
    }
}

TEST(bit_tree, holds_each_single_number)
{
    for (unsigned i = 0; i < BOUND_COUNT; i++) {
        struct set set;
        uint64_t step = bounds[i] < 10000 ? 1 : 61;

        set_init(&set, bounds[i], 0xff);
        for (uint64_t number = (bounds[i] - 1) % step; number < bounds[i]; number += step) {
            bit_tree_add(&set.tree, number);
            CHECK(bit_tree_contains(&set.tree, number));
            CHECK_EQUAL(bit_tree_first(&set.tree), number);
            CHECK(number == 0 || !bit_tree_contains(&set.tree, number - 1));
            CHECK(number + 1 == bounds[i] || !bit_tree_contains(&set.tree, number + 1));
            bit_tree_remove(&set.tree, number);
            REQUIRE(bit_tree_is_empty(&set.tree));
        }
        set_release(&set);
    }
}

TEST(bit_tree, gives_all_numbers_in_order)
{
    for (unsigned i = 0; i < BOUND_COUNT; i++) {
        struct set set;

        set_init(&set, bounds[i], 0xa5);
        for (uint64_t number = bounds[i]; number-- > 0;) {
            bit_tree_add(&set.tree, number);
        }
        REQUIRE_EQUAL(count_of(test, &set), bounds[i]);
        for (uint64_t number = 0; number < bounds[i]; number++) {
            REQUIRE_EQUAL(bit_tree_first(&set.tree), number);
            bit_tree_remove(&set.tree, number);
        }
        CHECK(bit_tree_is_empty(&set.tree));
        set_release(&set);
    }
}

TEST(bit_tree, agrees_with_an_array_over_random_changes, .tags = "random")
{
    struct random random = test_random(test, 0);

    for (unsigned i = 0; i < BOUND_COUNT; i++) {
        struct set set;
        bool *contained = calloc(bounds[i], sizeof *contained);
        uint64_t count = 0;

        set_init(&set, bounds[i], 0xff);
        for (unsigned step = 0; step < 50000; step++) {
            uint64_t any = random_next(&random);
            /* Dense in places, empty in others. */
            uint64_t number = any % bounds[i] >> (any >> 40) % 12;

            REQUIRE_EQUAL(bit_tree_contains(&set.tree, number), contained[number]);
            if (contained[number]) {
                bit_tree_remove(&set.tree, number);
                count--;
            } else {
                bit_tree_add(&set.tree, number);
                count++;
            }
            contained[number] = !contained[number];
            REQUIRE_EQUAL(bit_tree_is_empty(&set.tree), count == 0);
            if (count > 0) {
                uint64_t first = bit_tree_first(&set.tree);

                REQUIRE(contained[first]);
                REQUIRE(step % 1000 != 0 || memchr(contained, true, first) == NULL);
            }
        }
        CHECK_EQUAL(count_of(test, &set), count);
        free(contained);
        set_release(&set);
    }
}

TEST(bit_tree, is_seen_to_be_broken_when_a_word_is_lost)
{
    struct set set;
    uint64_t count;

    set_init(&set, 300000, 0xff);
    bit_tree_add(&set.tree, 77);
    bit_tree_add(&set.tree, 250000);
    CHECK_EQUAL(count_of(test, &set), 2);
    set.tree.levels[0][250000 / 64] = 0;
    CHECK(!bit_tree_count(&set.tree, &count));
    set_release(&set);
}

TEST(bit_tree, needs_a_64th_more_than_its_bits)
{
    CHECK_EQUAL(bit_tree_word_count(1), 1);
    CHECK_EQUAL(bit_tree_word_count(64), 1);
    CHECK_EQUAL(bit_tree_word_count(65), 2 + 1);
    CHECK_EQUAL(bit_tree_word_count(4096), 64 + 1);
    CHECK_EQUAL(bit_tree_word_count(4097), 65 + 2 + 1);
    CHECK_EQUAL(bit_tree_word_count(UINT64_C(1) << 42), (UINT64_C(1) << 36) + (UINT64_C(1) << 30) +
                                                            (UINT64_C(1) << 24) + (1 << 18) +
                                                            (1 << 12) + (1 << 6) + 1);
}
