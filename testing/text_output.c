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

void output_size(const struct test_output *output, uint64_t bytes)
{
    static const char *const units[] = {" bytes", " KiB", " MiB", " GiB", " TiB"};
    uint64_t count = bytes;
    size_t unit = 0;

    while (unit + 1 < sizeof units / sizeof units[0] && count != 0 && count % 1024 == 0) {
        count /= 1024;
        unit++;
    }
    output_decimal(output, count);
    output_text(output, units[unit]);
    if (unit != 0) {
        output_text(output, " (");
        output_decimal(output, bytes);
        output_text(output, " bytes)");
    }
}

static void output_byte(const struct test_output *output, char byte)
{
    if (byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\') {
        output->write(output->context, &byte, 1);
    } else if (byte == '\n') {
        output_text(output, "\\n");
    } else if (byte == '"' || byte == '\\') {
        output_text(output, byte == '"' ? "\\\"" : "\\\\");
    } else {
        output_text(output, "\\x");
        output_digits(output, (uint8_t)byte, 16, 2);
    }
}

void output_quoted(const struct test_output *output, const char *text)
{
    if (text == NULL) {
        output_text(output, "NULL");
        return;
    }
    output_text(output, "\"");
    for (; *text != '\0'; text++) {
        output_byte(output, *text);
    }
    output_text(output, "\"");
}
