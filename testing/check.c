#include "testing/test.h"

static void output_place(const struct test *test, const char *text, const char *file, int line)
{
    output_text(test->output, "# ");
    output_text(test->output, file);
    output_text(test->output, ":");
    output_decimal(test->output, (uint64_t)line);
    output_text(test->output, ": ");
    output_text(test->output, text);
    output_text(test->output, " does not hold");
}

void test_check(struct test *test, bool holds, const char *text, const char *file, int line)
{
    if (!holds) {
        test->failed = true;
        output_place(test, text, file, line);
        output_text(test->output, "\n");
    }
}

void test_check_equal(struct test *test, uint64_t actual, uint64_t expected, const char *text,
                      const char *file, int line)
{
    if (actual != expected) {
        test->failed = true;
        output_place(test, text, file, line);
        output_text(test->output, ": ");
        output_hex(test->output, actual);
        output_text(test->output, " != ");
        output_hex(test->output, expected);
        output_text(test->output, "\n");
    }
}

void test_require(struct test *test, bool holds, const char *text, const char *file, int line)
{
    test_check(test, holds, text, file, line);
    if (!holds) {
        __builtin_longjmp(test->end, 1);
    }
}

void test_require_equal(struct test *test, uint64_t actual, uint64_t expected, const char *text,
                        const char *file, int line)
{
    test_check_equal(test, actual, expected, text, file, line);
    if (actual != expected) {
        __builtin_longjmp(test->end, 1);
    }
}
