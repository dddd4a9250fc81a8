/* Runs registered tests and reports their results as KTAP.
 *
 *   KTAP version 1
 *   1..3
 *   ok 1 suite.sentence
 *   # file:line: expression does not hold: 0x1 != 0x2
 *   not ok 2 suite.sentence
 *   ok 3 suite.sentence # SKIP reason
 *   # summary: planned=3 passed=1 failed=1 skipped=1 crc32=89abcdef
 *
 * The checksum is the CRC-32 of the result lines, each with its line feed: what got lost or mixed
 * up on the way to the reader is noticed.
 */
#pragma once

#include "testing/test.h"

struct test_run {
    struct test_output output;
    const struct test_case *cases;
    size_t case_count;
    const char *glob;  /* of "suite.sentence", with * and ? */
    uint64_t provides; /* of enum test_requirement: what this machine has */
    void *subject;     /* given to each test */
    void (*check_after)(struct test *test); /* called after each test, which it may fail; or NULL */
};

enum test_run_result {
    TEST_RUN_PASSED,
    TEST_RUN_FAILED,
    TEST_RUN_NONE_SELECTED,
};

/* Runs the tests whose names match. */
enum test_run_result test_run(const struct test_run *run);

/* Prints the name of each test. */
void test_list(const struct test_run *run);

/* True when `glob` matches all of `text`. */
bool test_glob_matches(const char *glob, const char *text);

/* The CRC-32 (of zlib) of what `crc` is of, followed by `text`. Begin with 0. */
uint32_t test_crc32(uint32_t crc, const char *text, size_t length);
