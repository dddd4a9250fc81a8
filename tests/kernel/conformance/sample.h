/* A sample of all combinations: for a run that cannot have all of them. */
#pragma once

#include "tests/kernel/conformance/judge.h"

/* Which values of flags were met together. The flags are bits of the word. */
struct pair_coverage {
    uint64_t with_one[64];    /* [i]: flags that were 1 while flag i was 1 */
    uint64_t without_one[64]; /* [i]: flags that were 0 while flag i was 1 */
    uint64_t with_zero[64];
    uint64_t without_zero[64];
};

/* Every setting of the control registers, with every way to differ from an open path by one or two
 * flags, for every size of page and kind of access. */
void sample_pairs(struct test *test, struct tally *tally, struct pair_coverage *coverage);

/* `count` possible combinations of any kind. */
void sample_random(struct test *test, struct tally *tally, struct random *random, uint64_t count);

/* Fails the test for each pair of values that two flags can have together on this machine and that
 * was not met. */
void sample_check_coverage(struct test *test, const struct pair_coverage *coverage);
