#include "kernel/lib/format.h"

#include <stdbool.h>
#include <stdint.h>

/* One conversion: % [-] [0] [width] [.precision] [l|z] letter. */
struct conversion {
    bool left;
    bool zeros;
    bool is_long;
    size_t width;
    size_t precision;
    char letter;
};

enum { DIGITS_MAX = 22 }; /* of 2^64 in octal */

static void repeat(const struct text_sink *sink, char character, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sink->write(sink->context, &character, 1);
    }
}

/* `prefix` is a sign: it stands before zeros and after blanks. */
static void write_padded(const struct text_sink *sink, const struct conversion *conversion,
                         const char *prefix, size_t prefix_length, const char *text,
                         size_t length)
{
    size_t used = prefix_length + length;
    size_t padding = used < conversion->width ? conversion->width - used : 0;
    bool zeros = conversion->zeros && !conversion->left;

    repeat(sink, ' ', conversion->left || zeros ? 0 : padding);
    sink->write(sink->context, prefix, prefix_length);
    repeat(sink, '0', zeros ? padding : 0);
    sink->write(sink->context, text, length);
    repeat(sink, ' ', conversion->left ? padding : 0);
}

static void write_number(const struct text_sink *sink, const struct conversion *conversion,
                         uint64_t value, unsigned base, bool negative)
{
    char digits[DIGITS_MAX];
    size_t start = DIGITS_MAX;

    do {
        digits[--start] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    write_padded(sink, conversion, "-", negative ? 1 : 0, &digits[start], DIGITS_MAX - start);
}

static void write_string(const struct text_sink *sink, struct conversion *conversion,
                         const char *text)
{
    size_t length = 0;

    if (text == NULL) {
        text = "(null)";
    }
    while (length < conversion->precision && text[length] != '\0') {
        length++;
    }
    conversion->zeros = false;
    write_padded(sink, conversion, "", 0, text, length);
}

static size_t parse_number(const char **format, va_list *arguments)
{
    size_t number = 0;

    if (**format == '*') {
        int argument = va_arg(*arguments, int);
        (*format)++;
        return argument > 0 ? (size_t)argument : 0;
    }
    while (**format >= '0' && **format <= '9') {
        number = number * 10 + (size_t)(**format - '0');
        (*format)++;
    }
    return number;
}

/* Reads what follows a '%'; `*format` then stands behind the letter. */
static struct conversion parse_conversion(const char **format, va_list *arguments)
{
    struct conversion conversion = {.precision = SIZE_MAX};

    for (; **format == '-' || **format == '0'; (*format)++) {
        conversion.left = conversion.left || **format == '-';
        conversion.zeros = conversion.zeros || **format == '0';
    }
    conversion.width = parse_number(format, arguments);
    if (**format == '.') {
        (*format)++;
        conversion.precision = parse_number(format, arguments);
    }
    for (; **format == 'l' || **format == 'z'; (*format)++) {
        conversion.is_long = true;
    }
    conversion.letter = **format;
    *format += **format == '\0' ? 0 : 1;
    return conversion;
}

/* Returns false for a conversion that is not known. */
static bool write_conversion(const struct text_sink *sink, struct conversion *conversion,
                             va_list *arguments)
{
    switch (conversion->letter) {
    case '%':
        repeat(sink, '%', 1);
        return true;
    case 'c': {
        char character = (char)va_arg(*arguments, int);
        conversion->zeros = false;
        write_padded(sink, conversion, "", 0, &character, 1);
        return true;
    }
    case 's':
        write_string(sink, conversion, va_arg(*arguments, const char *));
        return true;
    case 'd': {
        int64_t value =
            conversion->is_long ? va_arg(*arguments, int64_t) : va_arg(*arguments, int);
        write_number(sink, conversion, value < 0 ? -(uint64_t)value : (uint64_t)value, 10,
                     value < 0);
        return true;
    }
    case 'o':
    case 'u':
    case 'x': {
        uint64_t value =
            conversion->is_long ? va_arg(*arguments, uint64_t) : va_arg(*arguments, unsigned);
        unsigned base = conversion->letter == 'o' ? 8 : conversion->letter == 'u' ? 10 : 16;
        write_number(sink, conversion, value, base, false);
        return true;
    }
    default:
        return false;
    }
}

void format_write_list(const struct text_sink *sink, const char *format, va_list arguments)
{
    va_list rest;

    va_copy(rest, arguments);
    while (*format != '\0') {
        const char *start = format;

        while (*format != '\0' && *format != '%') {
            format++;
        }
        if (format != start) {
            sink->write(sink->context, start, (size_t)(format - start));
        }
        if (*format == '%') {
            start = format++;
            struct conversion conversion = parse_conversion(&format, &rest);
            if (!write_conversion(sink, &conversion, &rest)) {
                while (*format != '\0') {
                    format++;
                }
                sink->write(sink->context, start, (size_t)(format - start));
            }
        }
    }
    va_end(rest);
}

void format_write(const struct text_sink *sink, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    format_write_list(sink, format, arguments);
    va_end(arguments);
}

struct text_buffer {
    char *text;
    size_t length;
    size_t limit;
};

static void buffer_write(void *context, const char *text, size_t length)
{
    struct text_buffer *buffer = context;

    for (size_t i = 0; i < length && buffer->length < buffer->limit; i++) {
        buffer->text[buffer->length++] = text[i];
    }
}

size_t format_text(char *text, size_t limit_bytes, const char *format, ...)
{
    struct text_buffer buffer = {.text = text, .limit = limit_bytes - 1};
    struct text_sink sink = {.write = buffer_write, .context = &buffer};
    va_list arguments;

    va_start(arguments, format);
    format_write_list(&sink, format, arguments);
    va_end(arguments);
    text[buffer.length] = '\0';
    return buffer.length;
}
