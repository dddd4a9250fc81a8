/* What runs of one test, and what comes of it: fixtures, rows, what is deferred, skips, failures that
 * are expected. */
#include "tests/host/recorded_run.h"

#include <string.h>

static void fails_once(struct test *test)
{
    CHECK_EQUAL(2 + 2, 5);
}

TEST(expected_failure, is_ok_while_the_check_that_it_names_fails)
{
    record_known(fails_once, "2 + 2 == 5");
    CHECK_TEXT_HAS(recorded.text, "# failed as expected: 2 + 2 == 5\nok 1 inner.it\n");
    record_known(body_stops_at_require, "1 == 2");
    CHECK_TEXT_HAS(recorded.text, "# failed as expected: 1 == 2\nok 1 inner.it\n");
    record_known(body_passes, "1 == 2");
    CHECK_TEXT_HAS(recorded.text, "# passes, but was to fail: 1 == 2\nnot ok 1 inner.it\n");
    record_known(body_skips, "1 == 2");
    CHECK_TEXT_HAS(recorded.text, "\nok 1 inner.it # SKIP no reason\n");
}

TEST(expected_failure, is_no_excuse_for_another)
{
    record_known(body_fails_twice, "2 + 2 == 5");
    CHECK_TEXT_HAS(recorded.text, "\nnot ok 1 inner.it\n");
    CHECK(strstr(recorded.text, "as expected") == NULL);
    /* A part of the text, or more of it, is another text. */
    static const char *const others[] = {"", "2", "2 + 2 == 5 ", "1 == 2", "it: 2 + 2 == 5"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        record_known(fails_once, others[i]);
        CHECK_TEXT_HAS(recorded.text, "\nnot ok 1 inner.it\n");
    }
}

TEST(expected_failure, is_no_skip_for_what_comes_after_it)
{
    record_known(body_fails_and_skips, "false");
    CHECK_TEXT_HAS(recorded.text, "# failed as expected: false\nok 1 inner.it\n");
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
    record_function(defers);
    CHECK_TEXT_EQUAL(recorded.calls, "b21");
}

TEST(test_defer, fails_a_test_that_defers_too_much_and_drops_nothing)
{
    record_function(defers_too_much);
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
    record_function(runs_in_fixture);
    CHECK_TEXT_EQUAL(recorded.calls, "ub1d");
}

static void fails_too(struct test *test, void *argument)
{
    (void)argument;
    REQUIRE(test == NULL);
}

static void defers_what_fails(struct test *test)
{
    test_defer(test, fails_too, NULL);
}

static void fail_in_tear_down(struct test *test)
{
    fails_too(test, NULL);
}

static void runs_what_fails_in_tear_down(struct test *test)
{
    static const struct test_fixture fixture = {.set_up = set_up, .tear_down = fail_in_tear_down};
    test_run_in_fixture(test, &fixture, body_passes);
}

static void runs_what_defers(struct test *test)
{
    test_run_in_fixture(test, NULL, defers_what_fails);
}

static void runs_the_check_in_the_body(struct test *test)
{
    static const struct test_fixture fixture = {.set_up = set_up, .tear_down = tear_down};
    test_run_in_fixture(test, &fixture, fail_in_tear_down);
}

static void runs_it_in_the_body_of_no_fixture(struct test *test)
{
    test_run_in_fixture(test, NULL, fail_in_tear_down);
}

TEST(expected_failure, is_one_of_the_body_only)
{
    static void (*const elsewhere[])(struct test * test) = {
        runs_without_set_up, runs_what_fails_in_tear_down, runs_what_defers, defers_what_fails};

    for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++) {
        record_known(elsewhere[i], "test == NULL");
        CHECK_TEXT_HAS(recorded.text, "test == NULL does not hold\n");
        CHECK_TEXT_HAS(recorded.text, "\nnot ok 1 inner.it\n");
    }
    record_known(runs_the_check_in_the_body, "test == NULL");
    CHECK_TEXT_HAS(recorded.text, "\nok 1 inner.it\n");
    record_known(runs_it_in_the_body_of_no_fixture, "test == NULL");
    CHECK_TEXT_HAS(recorded.text, "\nok 1 inner.it\n");
}

static void skip_in_tear_down(struct test *test)
{
    SKIP("too late");
}

static void runs_what_skips_in_tear_down(struct test *test)
{
    static const struct test_fixture fixture = {.tear_down = skip_in_tear_down};
    test_run_in_fixture(test, &fixture, body_passes);
}

static void skip_later(struct test *test, void *argument)
{
    (void)argument;
    SKIP("too late");
}

static void defers_a_skip(struct test *test)
{
    test_defer(test, skip_later, NULL);
}

static void runs_what_skips_in_set_up(struct test *test)
{
    static const struct test_fixture fixture = {.set_up = body_skips, .tear_down = tear_down};
    test_run_in_fixture(test, &fixture, body_passes);
}

static void skips_without_a_reason(struct test *test)
{
    SKIP(NULL);
}

static void skips_with_an_empty_reason(struct test *test)
{
    SKIP("");
}

TEST(skip, is_for_set_up_and_body_and_has_a_reason)
{
    record_function(runs_what_skips_in_set_up);
    CHECK_TEXT_HAS(recorded.text, "\nok 1 inner.it # SKIP no reason\n");
    CHECK_TEXT_EQUAL(recorded.calls, "");
    record_function(runs_what_skips_in_tear_down);
    CHECK_TEXT_HAS(recorded.text, "# skips when it has run already: too late\nnot ok 1 inner.it\n");
    record_function(defers_a_skip);
    CHECK_TEXT_HAS(recorded.text, "# skips when it has run already: too late\nnot ok 1 inner.it\n");
    record_function(skips_without_a_reason);
    CHECK_TEXT_HAS(recorded.text, "# skips without a reason\nnot ok 1 inner.it\n");
    record_function(skips_with_an_empty_reason);
    CHECK_TEXT_HAS(recorded.text, "# skips without a reason\nnot ok 1 inner.it\n");
}

static void jumps_out(struct test *test)
{
    __builtin_longjmp(test->end, 1);
}

TEST(run, fails_a_test_that_leaves_its_body_by_a_jump_of_its_own)
{
    record_function(jumps_out);
    CHECK_TEXT_HAS(recorded.text, "# left by a jump that is neither a failed REQUIRE nor a SKIP\n"
                                  "not ok 1 inner.it\n");
}

TEST(fixture, leaves_out_a_test_that_cannot_be_set_up)
{
    record_function(runs_without_set_up);
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
    record_function(runs_rows);
    CHECK_TEXT_HAS(recorded.text, "# subcase one: not ok\n# subcase two: ok\n"
                                  "# subcase three: skipped: odd\n# subcase four: ok\n"
                                  "# subcases: 4, of which failed: 1\nnot ok 1 inner.it\n");
    CHECK_TEXT_EQUAL(recorded.calls, "rrrre");
}

static void row_that_skips(struct test *test, const void *row)
{
    SKIP(*(const char *const *)row);
}

static void skips_all_rows(struct test *test)
{
    test_run_each(test, rows, 4, sizeof rows[0], row_that_skips);
}

static void row_that_skips_but_one(struct test *test, const void *row)
{
    if (*(const char *const *)row != rows[2].name) {
        SKIP("odd");
    }
}

static void skips_all_rows_but_one(struct test *test)
{
    test_run_each(test, rows, 4, sizeof rows[0], row_that_skips_but_one);
}

static void row_that_defers_a_skip(struct test *test, const void *row)
{
    (void)row;
    test_defer(test, skip_later, NULL);
}

static void skips_all_rows_too_late(struct test *test)
{
    test_run_each(test, rows, 4, sizeof rows[0], row_that_defers_a_skip);
}

TEST(subcases, that_are_all_skipped_skip_the_test_for_the_first_reason)
{
    record_function(skips_all_rows);
    CHECK_TEXT_HAS(recorded.text, "# subcase one: skipped: one\n");
    CHECK_TEXT_HAS(recorded.text, "\nok 1 inner.it # SKIP one\n");
    CHECK_TEXT_HAS(recorded.text, "planned=1 passed=0 failed=0 skipped=1 ");
    record_function(skips_all_rows_but_one);
    CHECK_TEXT_HAS(recorded.text, "# subcase four: skipped: odd\nok 1 inner.it\n");
    record_function(skips_all_rows_too_late);
    CHECK_TEXT_HAS(recorded.text, "# subcases: 4, of which failed: 4\nnot ok 1 inner.it\n");
}

static void row_that_fails(struct test *test, const void *row)
{
    int value = *(const int *)((const char *)row + sizeof(const char *));

    CHECK_LESS(value, 4);
}

static void fails_in_the_last_row(struct test *test)
{
    test_run_each(test, rows, 4, sizeof rows[0], row_that_fails);
}

TEST(subcases, have_their_name_in_an_expected_failure)
{
    record_known(fails_in_the_last_row, "four: value < 4");
    CHECK_TEXT_HAS(recorded.text, "# subcase three: ok\n");
    CHECK_TEXT_HAS(recorded.text, "# subcase four: failed as expected\n"
                                  "# failed as expected: four: value < 4\nok 1 inner.it\n");
    static const char *const others[] = {"value < 4", "three: value < 4", "four",
                                         "four: ",    "four:value < 4",   "fourth: value < 4"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        record_known(fails_in_the_last_row, others[i]);
        CHECK_TEXT_HAS(recorded.text,
                       "# subcase four: not ok\n# subcases: 4, of which failed: 1\n");
        CHECK_TEXT_HAS(recorded.text, "\nnot ok 1 inner.it\n");
    }
}

TEST(subcases, are_a_failure_if_there_are_none)
{
    record_function(runs_no_rows);
    CHECK_TEXT_HAS(recorded.text, "not ok 1 inner.it\n");
}

TEST_EACH(subcases, come_from_the_table_in_its_order, rows)
{
    CHECK_EQUAL(row - rows, row->value - 1);
}
