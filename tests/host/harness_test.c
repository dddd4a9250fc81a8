/* The parts of testing/ that decide what runs and what is reported. */
#include "tests/host/recorded_run.h"

#include <stdlib.h>
#include <string.h>

TEST(crc32, is_that_of_zlib)
{
    CHECK_EQUAL(test_crc32(0, "", 0), 0);
    CHECK_EQUAL(test_crc32(0, "123456789", 9), 0xcbf43926);
    CHECK_EQUAL(test_crc32(test_crc32(0, "1234", 4), "56789", 5), 0xcbf43926);
}

static const struct test_case cases[] = {
    {.suite = "inner", .sentence = "passes", .run = body_passes, .tags = "quick pure"},
    {.suite = "inner", .sentence = "fails_twice", .run = body_fails_twice, .tags = "quicker"},
    {.suite = "inner",
     .sentence = "stops_at_require",
     .run = body_stops_at_require,
     .tags = "pure"},
    {.suite = "inner",
     .sentence = "is_skipped",
     .run = body_fails_twice,
     .requires = REQUIRES_LA57},
    {.suite = "inner", .sentence = "skips", .run = body_skips},
};
enum { CASE_COUNT = sizeof cases / sizeof cases[0] };

static void run_cases(const char *glob)
{
    record_run((struct test_run){.cases = cases, .case_count = CASE_COUNT, .glob = glob});
}

TEST(run, reports_plan_results_and_summary)
{
    static const char results[] = "ok 1 inner.passes\n"
                                  "not ok 2 inner.fails_twice\n"
                                  "not ok 3 inner.stops_at_require\n"
                                  "ok 4 inner.is_skipped # SKIP four levels in use\n"
                                  "ok 5 inner.skips # SKIP no reason\n";
    char summary[96] = "# summary: planned=5 passed=1 failed=2 skipped=2 crc32=";

    run_cases("*");
    CHECK_EQUAL(recorded.result, TEST_RUN_FAILED);
    CHECK(strncmp(recorded.text, "KTAP version 1\n1..5\nok 1 inner.passes\n", 38) == 0);
    CHECK_TEXT_HAS(recorded.text, "1 > 2 does not hold\n");
    CHECK_TEXT_HAS(recorded.text, "2 + 2 == 5 does not hold: 4 != 5\n");
    CHECK_TEXT_HAS(recorded.text, "1 == 2 does not hold: 1 != 2\nnot ok 3");
    CHECK_TEXT_HAS(recorded.text,
                   "is_skipped # SKIP four levels in use\nok 5 inner.skips # SKIP no");
    for (unsigned digit = 0; digit < 8; digit++) {
        uint32_t crc = test_crc32(0, results, sizeof results - 1);
        strncat(summary, &"0123456789abcdef"[crc >> (28 - 4 * digit) & 15], 1);
    }
    strcat(summary, "\n");
    const char *found = strstr(recorded.text, summary);
    REQUIRE(found != NULL);
    CHECK_EQUAL(found[strlen(summary)], 0);
}

/* What the summary says that begins at `text` or after it. */
static uint32_t crc_in(const char *text)
{
    const char *found = strstr(text, " crc32=");

    return found == NULL ? 0 : (uint32_t)strtoul(found + strlen(" crc32="), NULL, 16);
}

#define KEY UINT64_C(0xfedcba9876543210)

static uint32_t crc_of(const char *results, bool has_key)
{
    static const char key[] = "\x10\x32\x54\x76\x98\xba\xdc\xfe";
    uint32_t crc = test_crc32(0, results, strlen(results));

    return has_key ? test_crc32(crc, key, sizeof key - 1) : crc;
}

TEST(run, is_signed_with_a_key_that_serves_once)
{
    test_run_sign_with(KEY);
    run_cases("inner.passes");
    CHECK_EQUAL(crc_in(recorded.text), crc_of("ok 1 inner.passes\n", true));
    run_cases("inner.passes");
    CHECK_EQUAL(crc_in(recorded.text), crc_of("ok 1 inner.passes\n", false));
}

static void runs_another(struct test *test)
{
    (void)test;
    run_cases("inner.passes");
}

TEST(run, keeps_its_key_from_runs_inside_it)
{
    test_run_sign_with(KEY);
    record_function(runs_another);
    CHECK_EQUAL(crc_in(recorded.text), crc_of("ok 1 inner.passes\n", false));
    const char *outer = strstr(recorded.text, "ok 1 inner.it\n");
    REQUIRE(outer != NULL);
    CHECK_EQUAL(crc_in(outer), crc_of("ok 1 inner.it\n", true));
}

TEST(run, passes_only_if_something_ran_and_nothing_failed)
{
    run_cases("inner.passes");
    CHECK_EQUAL(recorded.result, TEST_RUN_PASSED);
    run_cases("inner.stops*");
    CHECK_EQUAL(recorded.result, TEST_RUN_FAILED);
    run_cases("nothing");
    CHECK_EQUAL(recorded.result, TEST_RUN_NONE_SELECTED);
}

TEST(run, selects_by_a_whole_tag_and_the_name)
{
    struct test_run run = {.cases = cases, .case_count = CASE_COUNT, .tag = "pure"};

    record_run(run);
    CHECK_TEXT_HAS(recorded.text, "1..2\n");
    CHECK_TEXT_HAS(recorded.text, "ok 1 inner.passes\n");
    CHECK_TEXT_HAS(recorded.text, "not ok 2 inner.stops_at_require\n");
    run.glob = "*passes";
    record_run(run);
    CHECK_TEXT_HAS(recorded.text, "1..1\n");
    run.tag = "quick"; /* is not the tag "quicker" */
    run.glob = "*";
    record_run(run);
    CHECK_TEXT_HAS(recorded.text, "1..1\nok 1 inner.passes\n");
    run.tag = "slow";
    record_run(run);
    CHECK_EQUAL(recorded.result, TEST_RUN_NONE_SELECTED);
}

TEST(run, counts_a_failure_before_a_skip)
{
    record_function(body_fails_and_skips);
    CHECK_TEXT_HAS(recorded.text, "\nnot ok 1 inner.it\n# summary: planned=1 passed=0 failed=1");
}

TEST(order, is_that_of_the_seed_which_is_printed)
{
    char first[sizeof recorded.text];
    struct test_run run = {.cases = cases, .case_count = CASE_COUNT, .shuffled = true, .seed = 12};

    record_run(run);
    CHECK_TEXT_HAS(recorded.text, "1..5\n# seed 12\n");
    CHECK_TEXT_HAS(recorded.text, "# summary: planned=5 passed=1 failed=2 skipped=2");
    strcpy(first, recorded.text);
    record_run(run);
    CHECK_TEXT_EQUAL(recorded.text, first);
    for (run.seed = 13; run.seed < 23 && strcmp(recorded.text + 30, first + 30) == 0; run.seed++) {
        record_run(run);
    }
    CHECK_LESS(run.seed, 23);
    run_cases("*");
    CHECK(strstr(recorded.text, "# seed") == NULL);
}

static void note_before(struct test *test)
{
    (void)test;
    record_call('<');
}

static void fail_after(struct test *test)
{
    record_call('>');
    test->failed = true;
}

static void note_return(struct test *test, bool by_jump)
{
    (void)test;
    record_call(by_jump ? 'j' : 'r');
}

static void note_timer(struct test *test, uint32_t limit_ms)
{
    (void)test;
    record_call(limit_ms == TEST_TIMEOUT_MS_DEFAULT ? 'T' : limit_ms == 70 ? '7' : '?');
}

static uint64_t measured_ms;

static uint64_t note_timer_stop(struct test *test)
{
    (void)test;
    record_call('S');
    return measured_ms;
}

TEST(hooks, are_called_around_each_test_that_runs)
{
    static const struct test_case three[] = {
        {.suite = "a", .sentence = "b", .run = body_passes, .expect_failure = "test == NULL"},
        {.suite = "a", .sentence = "c", .run = body_stops_at_require, .timeout_ms = 70},
        {.suite = "a", .sentence = "d", .run = body_passes, .requires = REQUIRES_SMAP},
    };

    record_run((struct test_run){
        .cases = three,
        .case_count = 3,
        .before = note_before,
        .check_after = fail_after,
        .returned = note_return,
        .start_timer = note_timer,
        .stop_timer = note_timer_stop,
    });
    CHECK_TEXT_EQUAL(recorded.calls, "<Ttr>S<7j>S");
    CHECK_TEXT_HAS(recorded.text, "# summary: planned=3 passed=0 failed=2 skipped=1");
}

TEST(timer, fails_a_test_that_has_taken_longer_than_its_limit)
{
    struct test_case test_case = {.suite = "a",
                                  .sentence = "b",
                                  .run = body_passes,
                                  .timeout_ms = 70,
                                  .expect_failure = NULL};
    struct test_run run = {.cases = &test_case,
                           .case_count = 1,
                           .start_timer = note_timer,
                           .stop_timer = note_timer_stop};

    measured_ms = 70;
    record_run(run);
    CHECK_TEXT_HAS(recorded.text, "1..1\nok 1 a.b\n");
    measured_ms = 71;
    record_run(run);
    CHECK_TEXT_HAS(recorded.text, "# took too long: 71 ms, and its limit is 70 ms\nnot ok 1 a.b\n");
    test_case.timeout_ms = 0;
    measured_ms = TEST_TIMEOUT_MS_DEFAULT;
    record_run(run);
    CHECK_TEXT_HAS(recorded.text, "1..1\nok 1 a.b\n");
    measured_ms = UINT64_MAX;
    record_run(run);
    CHECK_TEXT_HAS(recorded.text,
                   "# took too long: 18446744073709551615 ms, and its limit is 10000");
    measured_ms = 0;
}

static void is_hung(struct test *test)
{
    output_text(test->output, "half a line");
    test_run_begin_hung(test, false);
    test_run_end_hung(test);
    record_call('h');
}

TEST(hung, test_is_named_and_gets_its_result_line_and_the_run_its_summary)
{
    record_function(is_hung);
    CHECK_TEXT_EQUAL(recorded.calls, "h");
    CHECK_TEXT_HAS(recorded.text,
                   "1..1\nhalf a line\n# hung: inner.it runs for more than 10000 ms; "
                   "interrupts are off; it is at\nnot ok 1 inner.it\n"
                   "# summary: planned=1 passed=0 failed=1 skipped=0 crc32=");
}
