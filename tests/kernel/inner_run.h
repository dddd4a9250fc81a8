/* Runs tests inside a test, to see what the framework says of them. */
#pragma once

#include "testing/run.h"

/* What the last inner run has written, NUL-terminated, and how it ended. */
struct inner_run {
    char text[8192];
    size_t length;
    enum test_run_result result;
};

extern struct inner_run inner;

/* Runs `function` as the test inner.it, with all that the kernel does around a test but the timer,
 * which goes on for the outer test. */
void run_inner_function(struct test *test, void (*function)(struct test *test));
