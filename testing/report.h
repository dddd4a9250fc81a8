/* The report of a run as it is written: plan, result lines, summary. For testing/ itself. */
#pragma once

#include "testing/test.h"

/* What the summary line says. */
struct test_tally {
    uint64_t planned;
    uint64_t passed;
    uint64_t failed;
    uint64_t skipped;
    uint32_t crc;
};

struct test_report {
    struct test_output output; /* for all that is written */
    const struct test_output *target;
    char last_written;
    struct test_tally tally;
    uint64_t number; /* of the last result, from 1 on */
};

/* Begins with the plan. `report` must stay where it is. target: where the text goes in the end. */
void test_report_begin(struct test_report *report, const struct test_output *target,
                       uint64_t planned);

/* Counts the result of the next test, and prints its line.
 * skip_reason: NULL if the test was not skipped. */
void test_report_result(struct test_report *report, const struct test_case *test_case, bool failed,
                        const char *skip_reason);

/* key: goes into the checksum of the summary; 0: none does. */
void test_report_end(const struct test_report *report, uint64_t key);

/* The checksum of a summary: `crc` is that of the result lines. */
uint32_t test_report_crc(uint32_t crc, uint64_t key);

/* Ends a line that has begun, so that what comes next stands on a line of its own. */
void test_report_break_line(struct test_report *report);

/* Its suite and sentence. */
void output_test_name(const struct test_output *output, const struct test_case *test_case);

/* `name` and the number. */
void output_count(const struct test_output *output, const char *name, uint64_t value);
