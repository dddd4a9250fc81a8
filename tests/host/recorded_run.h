/* Runs tests inside a test of the host, and records what the framework says of them. */
#pragma once

#include "testing/run.h"

/* What the last run has written, NUL-terminated, how it ended, and a letter for each call that was
 * recorded. */
struct recorded {
    char text[8192];
    size_t length;
    char calls[64];
    enum test_run_result result;
};

extern struct recorded recorded;

void record_call(char letter);

/* Runs the cases. Without a glob, all. */
void record_run(struct test_run run);

/* Runs one function as the test inner.it. */
void record_function(void (*function)(struct test *test));

/* The same as a test that is known to fail. */
void record_known(void (*function)(struct test *test), const char *expect_failure);

/* Bodies of tests that do what their names say. The first records a 't', and the last fails before it
 * skips. */
void body_passes(struct test *test);
void body_fails_twice(struct test *test);
void body_stops_at_require(struct test *test);
void body_skips(struct test *test);
void body_fails_and_skips(struct test *test);
