/* Compares what an access did with what the manual says, by the model. */
#pragma once

#include "testing/test.h"
#include "tests/kernel/conformance/deviation.h"

/* The numbers of a run. */
struct tally {
    uint64_t combinations;
    uint64_t allowed; /* accesses that went through */
    uint64_t failures;
};

/* Performs the combination on the stage and judges it. A failure fails the test; the first
 * FAILURES_SHOWN of a tally are printed with all that is known of them. */
void judge_combination(struct test *test, struct tally *tally, uint64_t word);
enum { FAILURES_SHOWN = 20 };
