/* Runs the functions of one test: set-up, body and rows, what it defers, tear-down. */
#include "testing/body.h"

#include "testing/report.h"
#include "testing/run.h"
#include "testing/selection.h"

/* Calls function(test, argument). A failed REQUIRE and a SKIP in it come back here; whoever comes back
 * by a jump of their own has ended the test without a reason. */
__attribute__((noinline)) static void run_guarded(struct test *test,
                                                  void (*function)(struct test *, void *),
                                                  void *argument)
{
    void *end[5];
    void **outer = test->end;
    volatile bool by_jump = true;

    test->may_jump = false;
    if (__builtin_setjmp(end) == 0) {
        test->end = end;
        function(test, argument);
        by_jump = false;
    }
    if (test->run->returned != NULL) {
        test->run->returned(test, by_jump);
    }
    test->end = outer;
    if (by_jump && !test->may_jump) {
        test_fail_for(test, "left by a jump that is neither a failed REQUIRE nor a SKIP", "");
    }
    test->may_jump = false;
}

/* Any function of a test as the argument of run_guarded. */
struct body {
    void (*run)(struct test *test);
};

static void call_body(struct test *test, void *argument)
{
    const struct body *body = argument;

    body->run(test);
}

static void run_body(struct test *test, enum test_phase phase, void (*run)(struct test *test))
{
    struct body body = {run};
    enum test_phase outer = test->phase;

    test->phase = phase;
    run_guarded(test, call_body, &body);
    test->phase = outer;
}

struct random test_random(struct test *test, uint64_t stream)
{
    if (!test_has_tag(test->test_case, "random")) {
        test_fail_for(test, "draws random numbers without the tag \"random\"", "");
    }
    return random_of(test->run->seed, stream);
}

void test_defer(struct test *test, void (*function)(struct test *test, void *argument),
                void *argument)
{
    if (test->deferred_count == TEST_DEFERRED_MAX) {
        test_fail_for(test, "more is deferred than TEST_DEFERRED_MAX", "");
        function(test, argument);
        return;
    }
    test->deferred[test->deferred_count].function = function;
    test->deferred[test->deferred_count].argument = argument;
    test->deferred_count++;
}

/* Calls what was deferred since there were `count`. */
static void run_deferred(struct test *test, unsigned count)
{
    enum test_phase outer = test->phase;

    test->phase = TEST_CLEANS_UP;
    while (test->deferred_count > count) {
        unsigned last = --test->deferred_count;

        run_guarded(test, test->deferred[last].function, test->deferred[last].argument);
    }
    test->phase = outer;
}

void test_run_in_fixture(struct test *test, const struct test_fixture *fixture,
                         void (*body)(struct test *test))
{
    bool tears_down = fixture != NULL && fixture->tear_down != NULL;

    if (fixture != NULL && fixture->set_up != NULL) {
        run_body(test, TEST_SETS_UP, fixture->set_up);
    }
    if (test->failed || test->skip_reason != NULL) {
        tears_down = false;
    } else {
        run_body(test, TEST_RUNS, body);
    }
    run_deferred(test, 0);
    if (tears_down) {
        run_body(test, TEST_CLEANS_UP, fixture->tear_down);
    }
}

void test_run_body(struct test *test)
{
    run_body(test, TEST_RUNS, test->test_case->run);
    run_deferred(test, 0);
}

/* A row and what runs for it, as the argument of run_guarded. */
struct row {
    const void *values;
    void (*run)(struct test *test, const void *values);
};

static void call_row(struct test *test, void *argument)
{
    const struct row *row = argument;

    row->run(test, row->values);
}

static void report_row(const struct test *test)
{
    output_text(test->output, "# subcase ");
    output_text(test->output, test->row);
    if (test->failed) {
        output_text(test->output, ": not ok\n");
    } else if (test->failed_as_expected) {
        output_text(test->output, ": failed as expected\n");
    } else if (test->skip_reason != NULL) {
        output_text(test->output, ": skipped: ");
        output_text(test->output, test->skip_reason);
        output_text(test->output, "\n");
    } else {
        output_text(test->output, ": ok\n");
    }
}

/* What came of the rows so far. */
struct row_count {
    size_t failed;
    size_t skipped;
    const char *skip_reason; /* of the first that was skipped */
};

static void run_row(struct test *test, struct row row, struct row_count *count)
{
    unsigned deferred_before = test->deferred_count;
    bool failed_before = test->failed;
    bool expected_before = test->failed_as_expected;

    test->failed = false;
    test->failed_as_expected = false;
    test->skip_reason = NULL;
    test->row = *(const char *const *)row.values;
    run_guarded(test, call_row, &row);
    run_deferred(test, deferred_before);
    report_row(test);
    if (test->failed) {
        count->failed++;
    } else if (test->skip_reason != NULL && !test->failed_as_expected) {
        count->skip_reason = count->skipped == 0 ? test->skip_reason : count->skip_reason;
        count->skipped++;
    }
    test->row = NULL;
    test->skip_reason = NULL;
    test->failed = test->failed || failed_before;
    test->failed_as_expected = test->failed_as_expected || expected_before;
}

void test_run_each(struct test *test, const void *rows, size_t row_count, size_t row_bytes,
                   void (*body)(struct test *test, const void *row))
{
    struct row_count count = {0};

    for (size_t i = 0; i < row_count; i++) {
        run_row(test, (struct row){.values = (const char *)rows + i * row_bytes, .run = body},
                &count);
    }
    if (count.failed > 0 || row_count == 0) {
        test->failed = true;
        output_count(test->output, "# subcases: ", row_count);
        output_count(test->output, ", of which failed: ", count.failed);
        output_text(test->output, "\n");
    }
    /* Where no row has run, the test has proved nothing. */
    test->skip_reason = row_count > 0 && count.skipped == row_count ? count.skip_reason : NULL;
}
