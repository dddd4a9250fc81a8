/* The numbers of random tests. */
#include "tests/host/recorded_run.h"

#include "testing/test.h"

enum { SEEDS = 64 };

/* The reference: the first numbers of splitmix64 from state 0 (Steele, Lea, Flood: "Fast splittable
 * pseudorandom number generators"). */
TEST(random, numbers_are_those_of_splitmix64)
{
    struct random random = {.state = 0};

    CHECK_EQUAL(random_next(&random), UINT64_C(0xe220a8397b1dcdaf));
    CHECK_EQUAL(random_next(&random), UINT64_C(0x6e789e6aa1b965f4));
    CHECK_EQUAL(random_next(&random), UINT64_C(0x06c45d188009454f));
}

TEST(random, numbers_of_seeds_and_streams_have_nothing_in_common)
{
    uint64_t first[SEEDS][2];

    for (unsigned seed = 0; seed < SEEDS; seed++) {
        for (unsigned stream = 0; stream < 2; stream++) {
            struct random random = random_of(seed, stream);
            first[seed][stream] = random_next(&random);
        }
        for (unsigned other = 0; other <= seed; other++) {
            CHECK_NOT_EQUAL(first[seed][0], first[other][1]);
            CHECK(other == seed || (first[seed][0] != first[other][0] &&
                                    first[seed][1] != first[other][1]));
        }
    }
}

TEST(random, bytes_decide_the_numbers_that_are_read_from_them)
{
    static const uint8_t bytes[] = {1, 0, 1};
    struct random random = {.bytes = bytes, .byte_count = sizeof bytes};
    uint64_t one = random_next(&random);

    CHECK_NOT_EQUAL(one, 0);
    CHECK_EQUAL(random_next(&random), 0);
    CHECK_EQUAL(random_next(&random), one);
    CHECK_EQUAL(random_next(&random), 0); /* behind the bytes */
    CHECK_EQUAL(random.byte_count, 0);
}

TEST(random, number_below_a_bound_can_be_any, .tags = "random")
{
    struct random random = test_random(test, 0);
    unsigned seen = 0;

    for (unsigned i = 0; i < 1000; i++) {
        unsigned number = random_below(&random, 5);
        REQUIRE_LESS(number, 5);
        seen |= 1u << number;
    }
    CHECK_EQUAL(seen, 0x1f);
    CHECK_EQUAL(random_below(&random, 1), 0);
}

static uint64_t drawn;

static void draw(struct test *test)
{
    struct random random = test_random(test, 0);

    drawn = random_next(&random);
}

static uint64_t number_drawn_with(uint64_t seed, const char *tags)
{
    const struct test_case test_case = {
        .suite = "inner", .sentence = "it", .run = draw, .file = __FILE__, .tags = tags};

    record_run((struct test_run){.cases = &test_case, .case_count = 1, .seed = seed});
    return drawn;
}

TEST(random, numbers_of_a_test_follow_from_the_seed_of_the_run)
{
    CHECK_EQUAL(number_drawn_with(7, "random"), number_drawn_with(7, "slow random"));
    CHECK_NOT_EQUAL(number_drawn_with(7, "random"), number_drawn_with(8, "random"));
}

TEST(random, numbers_fail_a_test_without_the_tag)
{
    number_drawn_with(7, "random");
    CHECK_EQUAL(recorded.result, TEST_RUN_PASSED);
    number_drawn_with(7, "randomly");
    CHECK_EQUAL(recorded.result, TEST_RUN_FAILED);
    CHECK_TEXT_HAS(recorded.text, "# draws random numbers without the tag \"random\"\n");
    number_drawn_with(7, NULL);
    CHECK_EQUAL(recorded.result, TEST_RUN_FAILED);
}
