/* Formatted lines among the results of a test. */
#pragma once

#include "testing/test.h"

/* Prints as format_write does, to where the results of the test go. Lines begin with '#'. */
__attribute__((format(printf, 2, 3))) void test_print(const struct test *test, const char *format,
                                                      ...);

/* The same, and ends the line. */
__attribute__((format(printf, 2, 3))) void test_print_line(const struct test *test,
                                                           const char *format, ...);
