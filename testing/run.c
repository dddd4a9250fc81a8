#include "testing/run.h"

#include "testing/body.h"
#include "testing/report.h"
#include "testing/selection.h"

/* The name of the first requirement in `missing`. */
static const char *requirement_text(uint64_t missing)
{
    static const char *const texts[] = {
        "no VGA text screen", "no 1 GiB pages",    "no no-execute",        "four levels in use",
        "no SMEP",            "no SMAP",           "no memory above 4 GiB", "no UMIP",
        "no PCIDs",           "no INVPCID",      "no framebuffer",     "no global pages",
    };
    _Static_assert(sizeof texts / sizeof texts[0] == TEST_REQUIREMENT_COUNT,
                   "each requirement has its text");
    for (unsigned bit = 0; bit < TEST_REQUIREMENT_COUNT; bit++) {
        if ((missing >> bit & 1) != 0) {
            return texts[bit];
        }
    }
    return "an unknown requirement";
}

void test_fail_for(struct test *test, const char *reason, const char *more)
{
    test->failed = true;
    output_text(test->output, "# ");
    output_text(test->output, reason);
    output_text(test->output, more);
    output_text(test->output, "\n");
}

/* A known defect is to show, and is fixed when it does not. What else went wrong is no part of it. */
static void judge_expected_failure(struct test *test)
{
    const char *expected = test->test_case->expect_failure;

    if (expected == NULL || test->failed || test->skip_reason != NULL) {
        return;
    }
    if (!test->failed_as_expected) {
        test_fail_for(test, "passes, but was to fail: ", expected);
        return;
    }
    output_text(test->output, "# failed as expected: ");
    output_text(test->output, expected);
    output_text(test->output, "\n");
}

static uint32_t limit_ms_of(const struct test_case *test_case)
{
    return test_case->timeout_ms != 0 ? test_case->timeout_ms : (uint32_t)TEST_TIMEOUT_MS_DEFAULT;
}

/* Whatever was to end the test in time has not: by its own measure it took too long. */
static void check_time(struct test *test, uint64_t took_ms)
{
    uint32_t limit_ms = limit_ms_of(test->test_case);

    if (took_ms <= limit_ms) {
        return;
    }
    test->failed = true;
    output_count(test->output, "# took too long: ", took_ms);
    output_count(test->output, " ms, and its limit is ", limit_ms);
    output_text(test->output, " ms\n");
}

static void run_one(struct test_report *report, const struct test_run *run,
                    const struct test_case *test_case)
{
    struct test test = {
        .test_case = test_case,
        .output = &report->output,
        .run = run,
        .report = report,
        .subject = run->subject,
    };

    if (run->before != NULL) {
        run->before(&test);
    }
    if (run->start_timer != NULL) {
        run->start_timer(&test, limit_ms_of(test_case));
    }
    test_run_body(&test);
    judge_expected_failure(&test);
    if (run->check_after != NULL) {
        run->check_after(&test);
    }
    if (run->stop_timer != NULL) {
        check_time(&test, run->stop_timer(&test));
    }
    test_report_result(report, test_case, test.failed, test.skip_reason);
}

void test_run_begin_hung(struct test *test, bool interrupts_on)
{
    test_report_break_line(test->report);
    output_text(test->output, "# hung: ");
    output_test_name(test->output, test->test_case);
    output_count(test->output, " runs for more than ", limit_ms_of(test->test_case));
    output_text(test->output, " ms; interrupts are ");
    output_text(test->output, interrupts_on ? "on" : "off");
    output_text(test->output, "; it is at\n");
}

void test_run_end_hung(struct test *test)
{
    test_report_break_line(test->report);
    test_report_result(test->report, test->test_case, true, NULL);
    test_report_end(test->report, 0);
}

/* 0: the next run is not signed. */
static uint64_t key_of_next_run;

void test_run_sign_with(uint64_t key)
{
    key_of_next_run = key;
}

enum test_run_result test_run(const struct test_run *run)
{
    struct test_report report;
    uint64_t key = key_of_next_run;
    uint64_t planned = 0;

    key_of_next_run = 0;
    for (size_t i = 0; i < run->case_count; i++) {
        planned += test_is_selected(run, &run->cases[i]) ? 1 : 0;
    }
    test_report_begin(&report, &run->output, planned);
    if (run->shuffled) {
        output_count(&report.output, "# seed ", run->seed);
        output_text(&report.output, "\n");
    }
    for (size_t i = 0; i < run->case_count; i++) {
        const struct test_case *test_case = test_selected_case(run, i);
        uint64_t missing = test_case == NULL ? 0 : test_case->requires & ~run->provides;

        if (missing != 0) {
            test_report_result(&report, test_case, false, requirement_text(missing));
        } else if (test_case != NULL) {
            run_one(&report, run, test_case);
        }
    }
    test_report_end(&report, key);
    return planned == 0               ? TEST_RUN_NONE_SELECTED
           : report.tally.failed != 0 ? TEST_RUN_FAILED
                                      : TEST_RUN_PASSED;
}

void test_list(const struct test_run *run)
{
    output_text(&run->output, "KTAP version 1\n1..0 # list\n");
    for (size_t i = 0; i < run->case_count; i++) {
        output_text(&run->output, "# test ");
        output_test_name(&run->output, &run->cases[i]);
        output_text(&run->output, "\n");
    }
}
