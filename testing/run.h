/* Runs registered tests and reports their results as KTAP.
 *
 *   KTAP version 1
 *   1..4
 *   # seed 17
 *   ok 1 suite.sentence
 *   # file:line: expression does not hold: 1 != 2
 *   not ok 2 suite.sentence
 *   ok 3 suite.sentence # SKIP reason
 *   # subcase name: ok
 *   ok 4 suite.sentence
 *   # summary: planned=4 passed=2 failed=1 skipped=1 crc32=89abcdef
 *
 * The seed stands there when the order is shuffled. The checksum is the CRC-32 of the result lines,
 * each with its line feed, and of the key if there is one: what got lost or mixed up on the way to the
 * reader is noticed, and what does not come from this run.
 */
#pragma once

#include "testing/test.h"

/* What to run, and what the program under test does around each test. The functions may be NULL. */
struct test_run {
    struct test_output output;
    const struct test_case *cases;
    size_t case_count;
    const char *glob;  /* of "suite.sentence", with * and ? */
    const char *tag;   /* only tests that have it among their tags; NULL: all */
    const char *without_tag; /* no test that has it; NULL: none is left out */
    bool shuffled;     /* in an order that depends on `seed` alone */
    uint64_t seed;
    uint64_t provides; /* of enum test_requirement: what this machine has */
    void *subject;     /* given to each test */

    /* Notes the state that the test must leave behind. */
    void (*before)(struct test *test);

    /* Called after each test and all that it deferred; fails it for what it has left behind. */
    void (*check_after)(struct test *test);

    /* Called whenever a function of the test has come back. by_jump: a failed REQUIRE or a SKIP has
     * left functions that will not return. */
    void (*returned)(struct test *test, bool by_jump);

    /* Between these two, a test that takes longer than limit_ms is ended by the program: it calls
     * test_run_begin_hung, prints lines of its own on where the test is, each with "#" in front, calls
     * test_run_end_hung and stops. stop_timer returns for how many milliseconds the test ran, by a
     * clock that the test cannot hold off, or less if that was within the limit: more than the limit
     * fails the test. */
    void (*start_timer)(struct test *test, uint32_t limit_ms);
    uint64_t (*stop_timer)(struct test *test);
};

enum test_run_result {
    TEST_RUN_PASSED,
    TEST_RUN_FAILED,
    TEST_RUN_NONE_SELECTED,
};

/* Lets the summary of the next run be signed with `key`; 0: with none. Its eight bytes, the lowest
 * first, follow the result lines into the checksum. The run takes the key, and keeps it where neither
 * its tests nor runs inside it come across it. */
void test_run_sign_with(uint64_t key);

/* Runs the tests whose names match. */
enum test_run_result test_run(const struct test_run *run);

/* Reports that the test in progress takes too long: "# hung: ..." on a line of its own. May be called
 * from an interrupt. */
void test_run_begin_hung(struct test *test, bool interrupts_on);

/* Reports the test in progress as failed, and the summary, unsigned: of the plan, no more will follow.
 * May be called from an interrupt. */
void test_run_end_hung(struct test *test);

/* Prints the name of each test. */
void test_list(const struct test_run *run);

/* The CRC-32 (of zlib) of what `crc` is of, followed by `text`. Begin with 0. */
uint32_t test_crc32(uint32_t crc, const char *text, size_t length);
