/* The parts of testing/ that decide what runs and what is reported. */
#include "testing/run.h"

#include <string.h>

TEST(crc32, is_that_of_zlib)
{
    CHECK_EQUAL(test_crc32(0, "", 0), 0);
    CHECK_EQUAL(test_crc32(0, "123456789", 9), 0xcbf43926);
    CHECK_EQUAL(test_crc32(test_crc32(0, "1234", 4), "56789", 5), 0xcbf43926);
}

/* What an inner run writes, and which of the program's functions it called. */
struct recorded {
    char text[8192];
    size_t length;
    char calls[64];
    enum test_run_result result;
};

static struct recorded recorded;

static void record(void *context, const char *text, size_t length)
{
    (void)context;
    if (length < sizeof recorded.text - recorded.length) {
        memcpy(recorded.text + recorded.length, text, length);
        recorded.length += length;
    }
}

static void record_call(char letter)
{
    size_t length = strlen(recorded.calls);

    if (length + 1 < sizeof recorded.calls) {
        recorded.calls[length] = letter;
    }
}

/* Runs the cases and records. */
static void run_inner(struct test_run run)
{
    memset(&recorded, 0, sizeof recorded);
    run.output = (struct test_output){.write = record};
    run.glob = run.glob == NULL ? "*" : run.glob;
    recorded.result = test_run(&run);
}

/* Runs one function as the test inner.it. */
static void run_function(void (*function)(struct test *test))
{
    struct test_case test_case = {.suite = "inner", .sentence = "it", .run = function};

    run_inner((struct test_run){.cases = &test_case, .case_count = 1});
}

static void passes(struct test *test)
{
    record_call('t');
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

static void skips(struct test *test)
{
    SKIP("no reason");
    CHECK(false);
}

static void fails_and_skips(struct test *test)
{
    CHECK(false);
    SKIP("too late");
}

static const struct test_case cases[] = {
    {.suite = "inner", .sentence = "passes", .run = passes, .tags = "quick pure"},
    {.suite = "inner", .sentence = "fails_twice", .run = fails_twice, .tags = "quicker"},
    {.suite = "inner", .sentence = "stops_at_require", .run = stops_at_require, .tags = "pure"},
    {.suite = "inner", .sentence = "is_skipped", .run = fails_twice, .requires = REQUIRES_LA57},
    {.suite = "inner", .sentence = "skips", .run = skips},
};
enum { CASE_COUNT = sizeof cases / sizeof cases[0] };

static void run_cases(const char *glob)
{
    run_inner((struct test_run){.cases = cases, .case_count = CASE_COUNT, .glob = glob});
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
    CHECK_TEXT_HAS(recorded.text, "is_skipped # SKIP four levels in use\nok 5 inner.skips # SKIP no");
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

    run_inner(run);
    CHECK_TEXT_HAS(recorded.text, "1..2\n");
    CHECK_TEXT_HAS(recorded.text, "ok 1 inner.passes\n");
    CHECK_TEXT_HAS(recorded.text, "not ok 2 inner.stops_at_require\n");
    run.glob = "*passes";
    run_inner(run);
    CHECK_TEXT_HAS(recorded.text, "1..1\n");
    run.tag = "quick"; /* is not the tag "quicker" */
    run.glob = "*";
    run_inner(run);
    CHECK_TEXT_HAS(recorded.text, "1..1\nok 1 inner.passes\n");
    run.tag = "slow";
    run_inner(run);
    CHECK_EQUAL(recorded.result, TEST_RUN_NONE_SELECTED);
}

TEST(run, counts_a_failure_before_a_skip)
{
    run_function(fails_and_skips);
    CHECK_TEXT_HAS(recorded.text, "\nnot ok 1 inner.it\n# summary: planned=1 passed=0 failed=1");
}

TEST(order, is_that_of_the_seed_which_is_printed)
{
    char first[sizeof recorded.text];
    struct test_run run = {.cases = cases, .case_count = CASE_COUNT, .shuffled = true, .seed = 12};

    run_inner(run);
    CHECK_TEXT_HAS(recorded.text, "1..5\n# seed 12\n");
    CHECK_TEXT_HAS(recorded.text, "# summary: planned=5 passed=1 failed=2 skipped=2");
    strcpy(first, recorded.text);
    run_inner(run);
    CHECK_TEXT_EQUAL(recorded.text, first);
    for (run.seed = 13; run.seed < 23 && strcmp(recorded.text + 30, first + 30) == 0; run.seed++) {
        run_inner(run);
    }
    CHECK_LESS(run.seed, 23);
    run_cases("*");
    CHECK(strstr(recorded.text, "# seed") == NULL);
}

TEST(expected_failure, is_ok_if_the_test_fails_and_not_if_it_passes)
{
    struct test_case known[] = {
        {.suite = "a", .sentence = "fails", .run = fails_twice, .expect_failure = "issue 7"},
        {.suite = "a", .sentence = "ends", .run = stops_at_require, .expect_failure = "issue 8"},
        {.suite = "a", .sentence = "passes", .run = passes, .expect_failure = "issue 9"},
        {.suite = "a", .sentence = "skips", .run = skips, .expect_failure = "issue 10"},
    };

    run_inner((struct test_run){.cases = known, .case_count = 4});
    CHECK_TEXT_HAS(recorded.text, "# failed as expected: issue 7\nok 1 a.fails\n");
    CHECK_TEXT_HAS(recorded.text, "# failed as expected: issue 8\nok 2 a.ends\n");
    CHECK_TEXT_HAS(recorded.text, "# passes, but was to fail: issue 9\nnot ok 3 a.passes\n");
    CHECK_TEXT_HAS(recorded.text, "\nok 4 a.skips # SKIP no reason\n");
}

static void call_later(struct test *test, void *argument)
{
    (void)test;
    record_call(*(const char *)argument);
}

static void require_later(struct test *test, void *argument)
{
    (void)argument;
    REQUIRE(false);
}

static void defers(struct test *test)
{
    test_defer(test, call_later, "1");
    test_defer(test, require_later, NULL);
    test_defer(test, call_later, "2");
    record_call('b');
    REQUIRE(false);
}

static void defers_too_much(struct test *test)
{
    for (unsigned i = 0; i <= TEST_DEFERRED_MAX; i++) {
        test_defer(test, call_later, "d");
    }
    record_call('b');
}

TEST(test_defer, calls_the_last_deferred_first_however_the_test_ends)
{
    run_function(defers);
    CHECK_TEXT_EQUAL(recorded.calls, "b21");
}

TEST(test_defer, fails_a_test_that_defers_too_much_and_drops_nothing)
{
    run_function(defers_too_much);
    CHECK_TEXT_EQUAL(recorded.calls, "dbdddddddd");
    CHECK_TEXT_HAS(recorded.text, "not ok 1 inner.it\n");
}

static void set_up(struct test *test)
{
    record_call('u');
    test->fixture = "left by set_up";
}

static void set_up_in_vain(struct test *test)
{
    test_defer(test, call_later, "1");
    REQUIRE(test == NULL);
}

static void tear_down(struct test *test)
{
    record_call('d');
    CHECK_TEXT_EQUAL(test->fixture, "left by set_up");
}

static void body_of_fixture(struct test *test)
{
    test_defer(test, call_later, "1");
    CHECK_TEXT_EQUAL(test->fixture, "left by set_up");
    record_call('b');
    REQUIRE(false);
}

static void runs_in_fixture(struct test *test)
{
    static const struct test_fixture fixture = {.set_up = set_up, .tear_down = tear_down};
    test_run_in_fixture(test, &fixture, body_of_fixture);
}

static void runs_without_set_up(struct test *test)
{
    static const struct test_fixture fixture = {.set_up = set_up_in_vain, .tear_down = tear_down};
    test_run_in_fixture(test, &fixture, body_of_fixture);
}

TEST(fixture, goes_around_the_test_also_when_that_is_cut_short)
{
    run_function(runs_in_fixture);
    CHECK_TEXT_EQUAL(recorded.calls, "ub1d");
}

TEST(fixture, leaves_out_a_test_that_cannot_be_set_up)
{
    run_function(runs_without_set_up);
    CHECK_TEXT_EQUAL(recorded.calls, "1");
    CHECK_TEXT_HAS(recorded.text, "not ok 1 inner.it\n");
}

static void make_sentence(struct test *test)
{
    test->fixture = "of the suite";
}

FIXTURE(suite_with_fixture, make_sentence, NULL);

TEST(suite_with_fixture, finds_what_set_up_has_left)
{
    CHECK_TEXT_EQUAL(test->fixture, "of the suite");
}

static const struct {
    const char *name;
    int value;
} rows[] = {{"one", 1}, {"two", 2}, {"three", 3}, {"four", 4}};

static void row_body(struct test *test, const void *row)
{
    int value = *(const int *)((const char *)row + sizeof(const char *));

    test_defer(test, call_later, "r");
    if (value == 3) {
        SKIP("odd");
    }
    REQUIRE_EQUAL(value % 2, 0);
    CHECK_LESS(value, 5);
}

static void runs_rows(struct test *test)
{
    test_run_each(test, rows, 4, sizeof rows[0], row_body);
    record_call('e');
}

static void runs_no_rows(struct test *test)
{
    test_run_each(test, rows, 0, sizeof rows[0], row_body);
}

TEST(subcases, are_reported_by_name_and_one_that_fails_ends_alone)
{
    run_function(runs_rows);
    CHECK_TEXT_HAS(recorded.text, "# subcase one: not ok\n# subcase two: ok\n"
                                  "# subcase three: skipped: odd\n# subcase four: ok\n"
                                  "# subcases: 4, of which failed: 1\nnot ok 1 inner.it\n");
    CHECK_TEXT_EQUAL(recorded.calls, "rrrre");
}

TEST(subcases, are_a_failure_if_there_are_none)
{
    run_function(runs_no_rows);
    CHECK_TEXT_HAS(recorded.text, "not ok 1 inner.it\n");
}

TEST_EACH(subcases, come_from_the_table_in_its_order, rows)
{
    CHECK_EQUAL(row - rows, row->value - 1);
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

static void note_unwound(struct test *test)
{
    (void)test;
    record_call('u');
}

static void note_timer(struct test *test, uint32_t limit_ms)
{
    (void)test;
    record_call(limit_ms == TEST_TIMEOUT_MS_DEFAULT ? 'T' : limit_ms == 70 ? '7' : '?');
}

static void note_timer_stop(struct test *test)
{
    (void)test;
    record_call('S');
}

TEST(hooks, are_called_around_each_test_that_runs)
{
    static const struct test_case three[] = {
        {.suite = "a", .sentence = "b", .run = passes, .expect_failure = "never mind"},
        {.suite = "a", .sentence = "c", .run = stops_at_require, .timeout_ms = 70},
        {.suite = "a", .sentence = "d", .run = passes, .requires = REQUIRES_SMAP},
    };

    run_inner((struct test_run){
        .cases = three,
        .case_count = 3,
        .before = note_before,
        .check_after = fail_after,
        .unwound = note_unwound,
        .start_timer = note_timer,
        .stop_timer = note_timer_stop,
    });
    CHECK_TEXT_EQUAL(recorded.calls, "<Tt>S<7u>S");
    CHECK_TEXT_HAS(recorded.text, "# summary: planned=3 passed=0 failed=2 skipped=1");
}

static void is_hung(struct test *test)
{
    test_run_end_hung(test);
    record_call('h');
}

TEST(hung, test_gets_its_result_line_and_the_run_its_summary)
{
    run_function(is_hung);
    CHECK_TEXT_EQUAL(recorded.calls, "h");
    CHECK_TEXT_HAS(recorded.text, "1..1\nnot ok 1 inner.it\n# summary: planned=1 passed=0 failed=1 "
                                  "skipped=0 crc32=");
}
