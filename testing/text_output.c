#include "testing/text_output.h"

void output_text(const struct test_output *output, const char *text)
{
    size_t length = 0;

    while (text[length] != '\0') {
        length++;
    }
    output->write(output->context, text, length);
}

static void output_digits(const struct test_output *output, uint64_t value, unsigned base,
                          size_t digit_count_min)
{
    char digits[20];
    size_t start = sizeof digits;

    while (value != 0 || sizeof digits - start < digit_count_min) {
        digits[--start] = "0123456789abcdef"[value % base];
        value /= base;
    }
    output->write(output->context, &digits[start], sizeof digits - start);
}

void output_decimal(const struct test_output *output, uint64_t value)
{
    output_digits(output, value, 10, 1);
}

void output_hex(const struct test_output *output, uint64_t value)
{
    output_text(output, "0x");
    output_digits(output, value, 16, 1);
}

void output_hex_32(const struct test_output *output, uint32_t value)
{
    output_digits(output, value, 16, 8);
}
