#include "testing/run.h"

enum { NAME_BYTES = 192 };

/* What the summary line says. */
struct tally {
    uint64_t passed;
    uint64_t failed;
    uint64_t skipped;
    uint32_t crc;
};

/* An output that adds what passes to a checksum. */
struct summed_output {
    const struct test_output *output;
    uint32_t crc;
};

bool test_glob_matches(const char *glob, const char *text)
{
    const char *star = NULL; /* the last star met, and what of the text it leaves */
    const char *rest = NULL;

    while (*text != '\0') {
        if (*glob == '*') {
            star = glob++;
            rest = text;
        } else if (*glob == '?' || *glob == *text) {
            glob++;
            text++;
        } else if (star != NULL) {
            glob = star + 1;
            text = ++rest;
        } else {
            return false;
        }
    }
    while (*glob == '*') {
        glob++;
    }
    return *glob == '\0';
}

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

static bool is_selected(const struct test_run *run, const struct test_case *test_case)
{
    char name[NAME_BYTES];
    size_t length = 0;

    for (const char *from = test_case->suite; *from != '\0' && length + 2 < NAME_BYTES; from++) {
        name[length++] = *from;
    }
    name[length++] = '.';
    for (const char *from = test_case->sentence; *from != '\0' && length + 1 < NAME_BYTES; from++) {
        name[length++] = *from;
    }
    name[length] = '\0';
    return test_glob_matches(run->glob, name);
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
    static const char *const texts[TEST_REQUIREMENT_COUNT] = {
        "no VGA text screen", "no 1 GiB pages",    "no no-execute",        "four levels in use",
        "no SMEP",            "no SMAP",           "no memory above 4 GiB", "no UMIP",
    };
    for (unsigned bit = 0; bit < TEST_REQUIREMENT_COUNT; bit++) {
        if ((missing >> bit & 1) != 0) {
            return texts[bit];
        }
    }
    return "an unknown requirement";
}

static void output_result(const struct test_run *run, struct tally *tally,
                          const struct test_case *test_case, uint64_t number, bool failed,
                          const char *skip_reason)
{
    struct summed_output summed = {.output = &run->output, .crc = tally->crc};
    struct test_output output = {.write = write_summed, .context = &summed};

    output_text(&output, failed ? "not ok " : "ok ");
    output_decimal(&output, number);
    output_text(&output, " ");
    output_name(&output, test_case);
    if (skip_reason != NULL) {
        output_text(&output, " # SKIP ");
        output_text(&output, skip_reason);
    }
    output_text(&output, "\n");
    tally->crc = summed.crc;
}

/* Returns true if the test failed. A failed REQUIRE comes back here. */
__attribute__((noinline)) static bool run_one(const struct test_run *run,
                                              const struct test_case *test_case)
{
    struct test test = {
        .test_case = test_case,
        .output = &run->output,
        .subject = run->subject,
    };

    if (__builtin_setjmp(test.end) == 0) {
        test_case->run(&test);
    }
    if (run->check_after != NULL) {
        run->check_after(&test);
    }
    return test.failed;
}

static void run_and_report(const struct test_run *run, struct tally *tally,
                           const struct test_case *test_case, uint64_t number)
{
    uint64_t missing = test_case->requires & ~run->provides;
    bool failed;

    if (missing != 0) {
        tally->skipped++;
        output_result(run, tally, test_case, number, false, requirement_text(missing));
        return;
    }
    failed = run_one(run, test_case);
    tally->failed += failed ? 1 : 0;
    tally->passed += failed ? 0 : 1;
    output_result(run, tally, test_case, number, failed, NULL);
}

static void output_count(const struct test_output *output, const char *name, uint64_t value)
{
    output_text(output, name);
    output_decimal(output, value);
}

static void output_summary(const struct test_run *run, const struct tally *tally, uint64_t planned)
{
    output_count(&run->output, "# summary: planned=", planned);
    output_count(&run->output, " passed=", tally->passed);
    output_count(&run->output, " failed=", tally->failed);
    output_count(&run->output, " skipped=", tally->skipped);
    output_text(&run->output, " crc32=");
    output_hex_32(&run->output, tally->crc);
    output_text(&run->output, "\n");
}

enum test_run_result test_run(const struct test_run *run)
{
    struct tally tally = {0};
    uint64_t planned = 0;
    uint64_t number = 0;

    for (size_t i = 0; i < run->case_count; i++) {
        planned += is_selected(run, &run->cases[i]) ? 1 : 0;
    }
    output_count(&run->output, "KTAP version 1\n1..", planned);
    output_text(&run->output, "\n");
    for (size_t i = 0; i < run->case_count; i++) {
        if (is_selected(run, &run->cases[i])) {
            run_and_report(run, &tally, &run->cases[i], ++number);
        }
    }
    output_summary(run, &tally, planned);
    return planned == 0        ? TEST_RUN_NONE_SELECTED
           : tally.failed != 0 ? TEST_RUN_FAILED
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
