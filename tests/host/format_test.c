/* Formatting, compared with the C library's where both have the same rules. */
#include "kernel/lib/format.h"

#include "testing/test.h"

#include <stdio.h>
#include <string.h>

/* Both formats are literals at each use. */
#define CHECK_AS_PRINTF(...)                                                                       \
    do {                                                                                           \
        char ours[128];                                                                            \
        char theirs[128];                                                                          \
        size_t length = format_text(ours, sizeof ours, __VA_ARGS__);                               \
        snprintf(theirs, sizeof theirs, __VA_ARGS__);                                              \
        CHECK(strcmp(ours, theirs) == 0);                                                          \
        CHECK_EQUAL(length, strlen(theirs));                                                       \
    } while (0)

TEST(format, writes_numbers_as_printf_does)
{
    static const uint64_t values[] = {0, 1, 9, 10, 0xff, 0x80000000, INT64_MAX, UINT64_MAX};

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        CHECK_AS_PRINTF("%lu %lx %ld", values[i], values[i], (int64_t)values[i]);
        CHECK_AS_PRINTF("%lo %o [%024lo] [%-24lo]", values[i], (unsigned)values[i], values[i],
                        values[i]);
        CHECK_AS_PRINTF("%u %x %d", (unsigned)values[i], (unsigned)values[i], (int)values[i]);
        CHECK_AS_PRINTF("[%20lu] [%-20lu] [%020lx]", values[i], values[i], values[i]);
        CHECK_AS_PRINTF("[%8d] [%-8d] [%08d]", -(int)(values[i] & 0xffff),
                        -(int)(values[i] & 0xffff), -(int)(values[i] & 0xffff));
        CHECK_AS_PRINTF("[%3zu] [%*lu]", (size_t)values[i], 12, values[i]);
    }
}

TEST(format, writes_strings_and_characters_as_printf_does)
{
    CHECK_AS_PRINTF("%s|%10s|%-10s|%.2s|%10.3s", "frame", "frame", "frame", "frame", "frame");
    CHECK_AS_PRINTF("%c%c%%", 'a', '\n');
    CHECK_AS_PRINTF("%s", "");
    CHECK_AS_PRINTF("plain");
}

TEST(format, cuts_off_where_the_buffer_ends)
{
    char text[5];

    CHECK_EQUAL(format_text(text, sizeof text, "%s", "abcdefgh"), 4);
    CHECK(strcmp(text, "abcd") == 0);
    CHECK_EQUAL(format_text(text, 1, "%s", "abc"), 0);
    CHECK_EQUAL(text[0], 0);
}

/* In a variable, so that the compiler does not refuse it. */
static const char *volatile unknown_format = "a %q %s b";

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
TEST(format, stops_at_a_conversion_that_it_does_not_know)
{
    char text[32];

    format_text(text, sizeof text, unknown_format);
    CHECK(strcmp(text, "a %q %s b") == 0);
}
