/* Runs one test, for testing/ itself. */
#pragma once

#include "testing/test.h"

/* Calls the test's function, and then what is still deferred. */
void test_run_body(struct test *test);
