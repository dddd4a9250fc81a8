#include "kernel/test_mode/print.h"

#include "kernel/lib/format.h"

static void print_list(const struct test *test, const char *format, va_list arguments)
{
    struct text_sink sink = {.write = test->output->write, .context = test->output->context};

    format_write_list(&sink, format, arguments);
}

void test_print(const struct test *test, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_list(test, format, arguments);
    va_end(arguments);
}

void test_print_line(const struct test *test, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_list(test, format, arguments);
    va_end(arguments);
    output_text(test->output, "\n");
}
