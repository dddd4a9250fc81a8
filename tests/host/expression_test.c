/* Numbers and addresses as they are typed. */
#include "kernel/line/expression.h"

#include "testing/test.h"

#include <string.h>

static bool look_up(void *context, const char *name, size_t length, uint64_t *value)
{
    (void)context;
    *value = 0xffffffff80001000;
    return length == 8 && memcmp(name, "cpu_halt", 8) == 0;
}

TEST(expression, reads_numbers_in_each_base_and_with_each_unit)
{
    static const struct {
        const char *text;
        uint64_t value;
    } cases[] = {
        {"0", 0},
        {"0K", 0},
        {"0x00", 0},
        {"0o00_10", 8},
        {"4096", 4096},
        {"0x1000", 4096},
        {"0XfF", 255},
        {"0xffffffffffffffff", UINT64_MAX},
        {"18446744073709551615", UINT64_MAX},
        {"0o777", 0777},
        {"0o177777_776_776_776_776_0000", 0xffffff7fbfdfe000},
        {"0o177777_777_777_777_777_7777", UINT64_MAX},
        {"0x8000_0000", 0x80000000},
        {"1_000", 1000},
        {"4K", 4096},
        {"4k", 4096},
        {"4KiB", 4096},
        {"2MiB", 2 << 20},
        {"1G", 1 << 30},
        {"10TiB", UINT64_C(0xa0000000000)},
        {"0x10K", 0x4000},
        {"16383T", UINT64_C(16383) << 40},
        {"cpu_halt", 0xffffffff80001000},
        {"cpu_halt+0x10", 0xffffffff80001010},
        {"cpu_halt+2M-1", 0xffffffff802000ff + 0xf00},
        {"10T+0x5000", UINT64_C(0xa0000005000)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct expression expression = expression_parse(cases[i].text, look_up, NULL);
        CHECK_EQUAL(expression.result, EXPRESSION_OK);
        CHECK_EQUAL(expression.value, cases[i].value);
    }
}

TEST(expression, says_what_is_wrong_and_where)
{
    static const struct {
        const char *text;
        enum expression_result result;
        size_t at;
        size_t length;
    } cases[] = {
        {"", EXPRESSION_EMPTY, 0, 0},
        {"1+", EXPRESSION_EMPTY, 2, 0},
        {"-1", EXPRESSION_EMPTY, 0, 0},
        {"0x", EXPRESSION_BAD_DIGIT, 0, 2},
        {"0xg", EXPRESSION_BAD_DIGIT, 0, 3},
        {"0o8", EXPRESSION_BAD_DIGIT, 0, 3},
        {"12a", EXPRESSION_BAD_DIGIT, 0, 3},
        {"1__0", EXPRESSION_BAD_DIGIT, 0, 4},
        {"1_", EXPRESSION_BAD_DIGIT, 0, 2},
        {"0x_1", EXPRESSION_BAD_DIGIT, 0, 4},
        {"4iB", EXPRESSION_BAD_DIGIT, 0, 3},
        {"0xK", EXPRESSION_BAD_DIGIT, 0, 3},
        {"4KK", EXPRESSION_BAD_DIGIT, 0, 3},
        {"00", EXPRESSION_LEADING_ZERO, 0, 2},
        {"08", EXPRESSION_LEADING_ZERO, 0, 2},
        {"04K", EXPRESSION_LEADING_ZERO, 0, 3},
        {"8+0010", EXPRESSION_LEADING_ZERO, 2, 4},
        {"18446744073709551616", EXPRESSION_TOO_LARGE, 0, 20},
        {"0x10000000000000000", EXPRESSION_TOO_LARGE, 0, 19},
        {"16777216T", EXPRESSION_TOO_LARGE, 0, 9},
        {"1-2", EXPRESSION_TOO_LARGE, 2, 1},
        {"0xffffffffffffffff+1", EXPRESSION_TOO_LARGE, 19, 1},
        {"cpu_hat", EXPRESSION_UNKNOWN_NAME, 0, 7},
        {"cpu_halt+cpu", EXPRESSION_UNKNOWN_NAME, 9, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct expression expression = expression_parse(cases[i].text, look_up, NULL);
        CHECK_EQUAL(expression.result, cases[i].result);
        CHECK_EQUAL((size_t)(expression.at - cases[i].text), cases[i].at);
        CHECK_EQUAL(expression.length, cases[i].length);
        CHECK(strlen(expression_result_text(expression.result)) > 0);
    }
    CHECK_EQUAL(expression_parse("cpu_halt", NULL, NULL).result, EXPRESSION_UNKNOWN_NAME);
}

TEST(expression, that_lacks_only_0x_is_told_apart)
{
    static const struct {
        const char *text;
        bool lacks_0x;
    } cases[] = {
        {"ffffffff80201000", true},
        {"ffff_8020_1000", true},
        {"0000000000001000", true},
        {"00000000000b8000", true},
        {"12a", true},
        {"1+12a", true},
        {"face", false}, /* a name, as it seems */
        {"0b101", false},
        {"1__0", false},
        {"1_", false},
        {"4KK", false},
        {"0xg", false},
        {"8_cpus", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct expression expression = expression_parse(cases[i].text, look_up, NULL);
        CHECK(expression.result != EXPRESSION_OK);
        CHECK_EQUAL(expression_is_bare_hexadecimal(&expression), cases[i].lacks_0x);
    }
}
