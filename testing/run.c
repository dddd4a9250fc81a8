#include "testing/run.h"

#include "testing/selection.h"

/* What the summary line says. */
struct tally {
    uint64_t passed;
    uint64_t failed;
    uint64_t skipped;
    uint32_t crc;
};

struct test_progress {
    const struct test_run *run;
    struct tally tally;
    uint64_t planned;
    uint64_t number; /* of the test in progress, from 1 on */
};

/* An output that adds what passes to a checksum. */
struct summed_output {
    const struct test_output *output;
    uint32_t crc;
};

uint32_t test_crc32(uint32_t crc, const char *text, size_t length)
{
    crc = ~crc;
    for (size_t i = 0; i < length; i++) {
        crc ^= (uint8_t)text[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? UINT32_C(0xedb88320) : 0);
        }
    }
    return ~crc;
}

static void write_summed(void *context, const char *text, size_t length)
{
    struct summed_output *summed = context;

    summed->crc = test_crc32(summed->crc, text, length);
    summed->output->write(summed->output->context, text, length);
}

static void output_name(const struct test_output *output, const struct test_case *test_case)
{
    output_text(output, test_case->suite);
    output_text(output, ".");
    output_text(output, test_case->sentence);
}

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

/* Counts the result of the test in progress, and prints its line. */
static void report_result(struct test_progress *progress, const struct test_case *test_case,
                          bool failed, const char *skip_reason)
{
    struct tally *tally = &progress->tally;
    struct summed_output summed = {.output = &progress->run->output, .crc = tally->crc};
    struct test_output output = {.write = write_summed, .context = &summed};
    uint64_t *count = failed                ? &tally->failed
                      : skip_reason != NULL ? &tally->skipped
                                            : &tally->passed;

    ++*count;
    output_text(&output, failed ? "not ok " : "ok ");
    output_decimal(&output, progress->number);
    output_text(&output, " ");
    output_name(&output, test_case);
    if (!failed && skip_reason != NULL) {
        output_text(&output, " # SKIP ");
        output_text(&output, skip_reason);
    }
    output_text(&output, "\n");
    tally->crc = summed.crc;
}

static void output_count(const struct test_output *output, const char *name, uint64_t value)
{
    output_text(output, name);
    output_decimal(output, value);
}

static void output_summary(const struct test_progress *progress)
{
    const struct test_output *output = &progress->run->output;

    output_count(output, "# summary: planned=", progress->planned);
    output_count(output, " passed=", progress->tally.passed);
    output_count(output, " failed=", progress->tally.failed);
    output_count(output, " skipped=", progress->tally.skipped);
    output_text(output, " crc32=");
    output_hex_32(output, progress->tally.crc);
    output_text(output, "\n");
}

/* One line of its own: "# ", both texts and a line feed. */
static void output_note(const struct test *test, const char *text, const char *more)
{
    output_text(test->output, "# ");
    output_text(test->output, text);
    output_text(test->output, more);
    output_text(test->output, "\n");
}

/* Calls function(test, argument). A failed REQUIRE and a SKIP in it come back here. */
__attribute__((noinline)) static void run_guarded(struct test *test,
                                                  void (*function)(struct test *, void *),
                                                  void *argument)
{
    void *end[5];
    void **outer = test->end;

    if (__builtin_setjmp(end) == 0) {
        test->end = end;
        function(test, argument);
    } else if (test->run->unwound != NULL) {
        test->run->unwound(test);
    }
    test->end = outer;
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

static void run_body(struct test *test, void (*run)(struct test *test))
{
    struct body body = {run};

    run_guarded(test, call_body, &body);
}

void test_defer(struct test *test, void (*function)(struct test *test, void *argument),
                void *argument)
{
    if (test->deferred_count == TEST_DEFERRED_MAX) {
        test->failed = true;
        output_note(test, "more is deferred than TEST_DEFERRED_MAX", "");
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
    while (test->deferred_count > count) {
        unsigned last = --test->deferred_count;

        run_guarded(test, test->deferred[last].function, test->deferred[last].argument);
    }
}

void test_run_in_fixture(struct test *test, const struct test_fixture *fixture,
                         void (*body)(struct test *test))
{
    bool tears_down = fixture != NULL && fixture->tear_down != NULL;

    if (fixture != NULL && fixture->set_up != NULL) {
        run_body(test, fixture->set_up);
    }
    if (test->failed || test->skip_reason != NULL) {
        tears_down = false;
    } else {
        run_body(test, body);
    }
    run_deferred(test, 0);
    if (tears_down) {
        run_body(test, fixture->tear_down);
    }
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

/* Returns whether the row failed. */
static bool run_row(struct test *test, struct row row)
{
    unsigned deferred_before = test->deferred_count;
    const char *name = *(const char *const *)row.values;
    bool failed_before = test->failed;
    bool failed;

    test->failed = false;
    run_guarded(test, call_row, &row);
    run_deferred(test, deferred_before);
    failed = test->failed;
    output_text(test->output, "# subcase ");
    output_text(test->output, name);
    if (test->skip_reason != NULL && !failed) {
        output_text(test->output, ": skipped: ");
        output_text(test->output, test->skip_reason);
        output_text(test->output, "\n");
    } else {
        output_text(test->output, failed ? ": not ok\n" : ": ok\n");
    }
    test->skip_reason = NULL;
    test->failed = failed_before || failed;
    return failed;
}

void test_run_each(struct test *test, const void *rows, size_t row_count, size_t row_bytes,
                   void (*body)(struct test *test, const void *row))
{
    size_t failed_count = 0;

    for (size_t i = 0; i < row_count; i++) {
        struct row row = {.values = (const char *)rows + i * row_bytes, .run = body};
        failed_count += run_row(test, row) ? 1 : 0;
    }
    if (failed_count > 0 || row_count == 0) {
        test->failed = true;
        output_count(test->output, "# subcases: ", row_count);
        output_count(test->output, ", of which failed: ", failed_count);
        output_text(test->output, "\n");
    }
}

/* A known defect is to show, and is mended when it does not. */
static void judge_expected_failure(struct test *test)
{
    const char *reason = test->test_case->expect_failure;

    if (reason == NULL || (test->skip_reason != NULL && !test->failed)) {
        return;
    }
    output_note(test, test->failed ? "failed as expected: " : "passes, but was to fail: ", reason);
    test->failed = !test->failed;
}

static void run_one(struct test_progress *progress, const struct test_case *test_case)
{
    const struct test_run *run = progress->run;
    struct test test = {
        .test_case = test_case,
        .output = &run->output,
        .run = run,
        .progress = progress,
        .subject = run->subject,
    };

    if (run->before != NULL) {
        run->before(&test);
    }
    if (run->start_timer != NULL) {
        run->start_timer(&test, test_case->timeout_ms != 0 ? test_case->timeout_ms
                                                           : (uint32_t)TEST_TIMEOUT_MS_DEFAULT);
    }
    run_body(&test, test_case->run);
    run_deferred(&test, 0);
    judge_expected_failure(&test);
    if (run->check_after != NULL) {
        run->check_after(&test);
    }
    if (run->stop_timer != NULL) {
        run->stop_timer(&test);
    }
    report_result(progress, test_case, test.failed, test.skip_reason);
}

void test_run_end_hung(struct test *test)
{
    report_result(test->progress, test->test_case, true, NULL);
    output_summary(test->progress);
}

enum test_run_result test_run(const struct test_run *run)
{
    struct test_progress progress = {.run = run};

    for (size_t i = 0; i < run->case_count; i++) {
        progress.planned += test_is_selected(run, &run->cases[i]) ? 1 : 0;
    }
    output_count(&run->output, "KTAP version 1\n1..", progress.planned);
    output_text(&run->output, "\n");
    if (run->shuffled) {
        output_count(&run->output, "# seed ", run->seed);
        output_text(&run->output, "\n");
    }
    for (size_t i = 0; i < run->case_count; i++) {
        const struct test_case *test_case = test_selected_case(run, i);
        uint64_t missing = test_case == NULL ? 0 : test_case->requires & ~run->provides;

        progress.number += test_case == NULL ? 0 : 1;
        if (missing != 0) {
            report_result(&progress, test_case, false, requirement_text(missing));
        } else if (test_case != NULL) {
            run_one(&progress, test_case);
        }
    }
    output_summary(&progress);
    return progress.planned == 0        ? TEST_RUN_NONE_SELECTED
           : progress.tally.failed != 0 ? TEST_RUN_FAILED
                                        : TEST_RUN_PASSED;
}

void test_list(const struct test_run *run)
{
    output_text(&run->output, "KTAP version 1\n1..0 # list\n");
    for (size_t i = 0; i < run->case_count; i++) {
        output_text(&run->output, "# test ");
        output_name(&run->output, &run->cases[i]);
        output_text(&run->output, "\n");
    }
}
