/* The parts of testing/ that decide what runs and what is reported. */
#include "testing/run.h"

#include <string.h>

TEST(glob, matches_as_a_shell_does)
{
    static const struct {
        const char *glob;
        const char *text;
        bool matches;
    } cases[] = {
        {"*", "", true},
        {"*", "map_to.refuses", true},
        {"", "", true},
        {"", "a", false},
        {"map_to.*", "map_to.refuses", true},
        {"map_to.*", "unmap_to.refuses", false},
        {"*refuses", "map_to.refuses", true},
        {"*refuses", "map_to.refuses_it", false},
        {"m?p", "map", true},
        {"m?p", "mp", false},
        {"*a*b*c*", "xxaxxbxxcxx", true},
        {"*a*b*c*", "xxaxxcxxbxx", false},
        {"*ab", "aab", true},
        {"a", "ab", false},
        {"ab", "a", false},
        {"**", "x", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_EQUAL(test_glob_matches(cases[i].glob, cases[i].text), cases[i].matches);
    }
}

TEST(crc32, is_that_of_zlib)
{
    CHECK_EQUAL(test_crc32(0, "", 0), 0);
    CHECK_EQUAL(test_crc32(0, "123456789", 9), 0xcbf43926);
    CHECK_EQUAL(test_crc32(test_crc32(0, "1234", 4), "56789", 5), 0xcbf43926);
}

/* What an inner run writes. */
struct recorded {
    char text[2048];
    size_t length;
};

static void record(void *context, const char *text, size_t length)
{
    struct recorded *recorded = context;

    if (length < sizeof recorded->text - recorded->length) {
        memcpy(recorded->text + recorded->length, text, length);
        recorded->length += length;
    }
}

static void passes(struct test *test)
{
    CHECK(test != NULL);
}

static void fails_twice(struct test *test)
{
    CHECK(1 > 2);
    CHECK_EQUAL(2 + 2, 5);
}

static void stops_at_require(struct test *test)
{
    REQUIRE_EQUAL(1, 2);
    CHECK(false);
}

static enum test_run_result run_cases(struct recorded *recorded, const char *glob)
{
    static const struct test_case cases[] = {
        {.suite = "inner", .sentence = "passes", .run = passes},
        {.suite = "inner", .sentence = "fails_twice", .run = fails_twice},
        {.suite = "inner", .sentence = "stops_at_require", .run = stops_at_require},
        {.suite = "inner", .sentence = "is_skipped", .run = fails_twice, .requires = REQUIRES_LA57},
    };
    struct test_run run = {
        .output = {.write = record, .context = recorded},
        .cases = cases,
        .case_count = 4,
        .glob = glob,
    };

    memset(recorded, 0, sizeof *recorded);
    return test_run(&run);
}

TEST(run, reports_plan_results_and_summary)
{
    struct recorded recorded;
    static const char results[] = "ok 1 inner.passes\n"
                                  "not ok 2 inner.fails_twice\n"
                                  "not ok 3 inner.stops_at_require\n"
                                  "ok 4 inner.is_skipped # SKIP four levels in use\n";
    char summary[96] = "# summary: planned=4 passed=1 failed=2 skipped=1 crc32=";

    CHECK_EQUAL(run_cases(&recorded, "*"), TEST_RUN_FAILED);
    CHECK(strncmp(recorded.text, "KTAP version 1\n1..4\nok 1 inner.passes\n", 38) == 0);
    CHECK(strstr(recorded.text, "1 > 2 does not hold") != NULL);
    CHECK(strstr(recorded.text, "2 + 2 == 5 does not hold: 0x4 != 0x5") != NULL);
    CHECK(strstr(recorded.text, "1 == 2 does not hold: 0x1 != 0x2\nnot ok 3") != NULL);
    CHECK(strstr(recorded.text, "is_skipped # SKIP four levels in use\n") != NULL);
    for (unsigned digit = 0; digit < 8; digit++) {
        uint32_t crc = test_crc32(0, results, sizeof results - 1);
        strncat(summary, &"0123456789abcdef"[crc >> (28 - 4 * digit) & 15], 1);
    }
    strcat(summary, "\n");
    const char *found = strstr(recorded.text, summary);
    REQUIRE(found != NULL);
    CHECK_EQUAL(found[strlen(summary)], 0);
}

TEST(run, passes_only_if_something_ran_and_nothing_failed)
{
    struct recorded recorded;

    CHECK_EQUAL(run_cases(&recorded, "inner.passes"), TEST_RUN_PASSED);
    CHECK_EQUAL(run_cases(&recorded, "inner.stops*"), TEST_RUN_FAILED);
    CHECK_EQUAL(run_cases(&recorded, "nothing"), TEST_RUN_NONE_SELECTED);
}
