/* Tests that would be green by accident, or by deceit, if nothing but their last line counted. */
#include "kernel/cpu/registers.h"
#include "kernel/drivers/pic.h"
#include "kernel/drivers/stopwatch.h"
#include "kernel/panic/debug_exit.h"
#include "testing/report.h"
#include "testing/run.h"
#include "tests/kernel/misbehave/misbehave.h"

static const struct {
    const char *name;
} rows[] = {{"one"}, {"two"}};

TEST_EACH(bad, skips_each_row, rows) { SKIP(row->name); }
TEST(bad, skips_at_home) { SKIP("no wish to run"); }
TEST(bad, skips_without_a_reason) { SKIP(NULL); }
TEST(bad, jumps_out_of_its_body) { __builtin_longjmp(test->end, 1); }

TEST(bad, goes_well_though_known_to_fail, .expect_failure = "1 == 2") { CHECK_EQUAL(1, 1); }
TEST(bad, fails_elsewhere_than_known, .expect_failure = "1 == 2") { CHECK_EQUAL(1, 3); }
TEST_EACH(bad, fails_in_another_row_than_known, rows, .expect_failure = "two: 1 == 2")
{
    (void)row;
    REQUIRE_EQUAL(1, 2);
}
TEST(bad, leaves_something_though_known_to_fail, .expect_failure = "1 == 2")
{
    cr0_write(cr0_read() & ~CR0_WRITE_PROTECT);
    CHECK_EQUAL(1, 2);
}
TEST(bad, stops_though_known_to_fail, .expect_failure = "1 == 2")
{
    CHECK_EQUAL(1, 2);
    *(volatile uint8_t *)UINT64_C(0x123456789000) = 1;
}
TEST(good_but_known, fails_as_known, .expect_failure = "1 == 2") { CHECK_EQUAL(1, 2); }

static void fail_to_set_up(struct test *test) { REQUIRE_EQUAL(1, 2); }
FIXTURE(bad_fixture, fail_to_set_up, NULL);
TEST(bad_fixture, fails_to_set_up_though_known_to_fail, .expect_failure = "1 == 2") {}

/* The watchdog does not see this: its interrupt is held back, and let through again in time. */
TEST(bad, outlasts_its_limit, .timeout_ms = 300)
{
    uint64_t start = cpu_cycles();
    uint16_t masks = pic_masks();

    pic_set_masks(0xffff);
    while (stopwatch_ms(cpu_cycles() - start) < 450) {
        cpu_pause();
    }
    pic_set_masks(masks);
}

TEST(bad, forgets_that_it_failed)
{
    CHECK_EQUAL(1, 2);
    test->failed = false;
}

TEST(bad, corrects_the_tally)
{
    CHECK_EQUAL(1, 2);
    test->report->tally.failed--;
    test->report->tally.passed++;
}

TEST(bad, prints_its_own_result) { output_text(test->output, "ok 1 bad.prints_its_own_result\n"); }

TEST(bad, reports_twice)
{
    test_report_result(test->report, test->test_case, false, NULL);
}

/* A whole report that would be right, if it were the kernel's. */
static void report_success(struct test *test)
{
    test_report_result(test->report, test->test_case, false, NULL);
    test_report_end(test->report, 0);
}

TEST(bad, reports_success_and_fails)
{
    report_success(test);
    CHECK(false);
}

TEST(bad, reports_success_and_hangs, .timeout_ms = 300)
{
    report_success(test);
    hang_with_interrupts_off(test->subject);
}

TEST(bad, reports_success_and_exits)
{
    report_success(test);
    debug_exit(DEBUG_EXIT_PASS);
}

/* As a test would that prints what the framework prints, behind the plan that stands there already. */
TEST(bad, prints_a_report_of_its_own_and_exits)
{
    static const char result[] = "ok 1 bad.prints_a_report_of_its_own_and_exits\n";

    output_text(test->output, result);
    output_text(test->output, "# summary: planned=1 passed=1 failed=0 skipped=0 crc32=");
    output_hex_32(test->output, test_crc32(0, result, sizeof result - 1));
    output_text(test->output, "\n");
    debug_exit(DEBUG_EXIT_PASS);
}

TEST(bad, runs_the_tests_in_a_test)
{
    struct test_run run = *test->run;

    run.glob = "good.*";
    (void)test_run(&run);
}

TEST(bad, ends_as_if_hung)
{
    test_run_end_hung(test);
    debug_exit(DEBUG_EXIT_PASS);
}
