#include "kernel/line/expression.h"

struct part {
    const char *text;
    size_t length;
};

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

static char lower(char character)
{
    return character >= 'A' && character <= 'Z' ? (char)(character - 'A' + 'a') : character;
}

/* 16 or more for what is no digit of any base. */
static unsigned digit_value(char character)
{
    character = lower(character);
    return is_digit(character)                    ? (unsigned)(character - '0')
           : character >= 'a' && character <= 'f' ? (unsigned)(character - 'a') + 10
                                                  : 16;
}

/* Takes "0x" or "0o" from the front of the number; 10 if there is neither. */
static unsigned take_base(struct part *number)
{
    char letter = number->length > 2 && number->text[0] == '0' ? lower(number->text[1]) : '\0';

    if (letter != 'x' && letter != 'o') {
        return 10;
    }
    number->text += 2;
    number->length -= 2;
    return letter == 'x' ? 16 : 8;
}

/* Takes K, KiB or another such unit from the end of the number. Returns its power of two. */
static unsigned take_unit(struct part *number)
{
    static const char units[] = "kmgt";
    size_t end = number->length;

    if (end > 3 && lower(number->text[end - 1]) == 'b' && lower(number->text[end - 2]) == 'i') {
        end -= 2;
    }
    for (unsigned i = 0; i < sizeof units - 1; i++) {
        if (end > 1 && lower(number->text[end - 1]) == units[i]) {
            number->length = end - 1;
            return 10 * (i + 1);
        }
    }
    return 0;
}

static enum expression_result parse_number(struct part number, uint64_t *value)
{
    unsigned base = take_base(&number);
    unsigned unit = take_unit(&number);
    bool has_leading_zero = base == 10 && number.length > 1 && number.text[0] == '0';
    uint64_t sum = 0;
    bool after_digit = false;

    for (size_t i = 0; i < number.length; i++) {
        unsigned digit = digit_value(number.text[i]);
        if (number.text[i] == '_' && after_digit) {
            after_digit = false;
            continue;
        }
        if (digit >= base) {
            return EXPRESSION_BAD_DIGIT;
        }
        after_digit = true;
        if (__builtin_mul_overflow(sum, (uint64_t)base, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)digit, &sum)) {
            return EXPRESSION_TOO_LARGE;
        }
    }
    if (!after_digit) {
        return EXPRESSION_BAD_DIGIT;
    }
    if (has_leading_zero) {
        return EXPRESSION_LEADING_ZERO;
    }
    *value = sum << unit;
    return *value >> unit == sum ? EXPRESSION_OK : EXPRESSION_TOO_LARGE;
}

static enum expression_result parse_part(struct part part, name_lookup *lookup, void *context,
                                         uint64_t *value)
{
    if (part.length == 0) {
        return EXPRESSION_EMPTY;
    }
    if (is_digit(part.text[0])) {
        return parse_number(part, value);
    }
    return lookup != NULL && lookup(context, part.text, part.length, value)
               ? EXPRESSION_OK
               : EXPRESSION_UNKNOWN_NAME;
}

struct expression expression_parse(const char *text, name_lookup *lookup, void *context)
{
    struct expression expression = {.result = EXPRESSION_OK};
    char sign = '+';

    for (;;) {
        uint64_t value = 0;

        expression.at = text;
        while (*text != '\0' && *text != '+' && *text != '-') {
            text++;
        }
        expression.length = (size_t)(text - expression.at);
        expression.result =
            parse_part((struct part){expression.at, expression.length}, lookup, context, &value);
        if (expression.result != EXPRESSION_OK) {
            return expression;
        }
        if (sign == '+' ? __builtin_add_overflow(expression.value, value, &expression.value)
                        : __builtin_sub_overflow(expression.value, value, &expression.value)) {
            expression.result = EXPRESSION_TOO_LARGE;
            return expression;
        }
        if (*text == '\0') {
            return expression;
        }
        sign = *text++;
    }
}

/* Whether "0b" was meant as the base, as in other languages. */
static bool is_binary(const struct expression *expression)
{
    return expression->length > 2 && expression->at[0] == '0' && lower(expression->at[1]) == 'b';
}

bool expression_is_bare_hexadecimal(const struct expression *expression)
{
    bool has_decimal_digit = false;
    char before = '_';

    for (size_t i = 0; i < expression->length; i++) {
        char now = expression->at[i];
        bool is_separator = now == '_' && before != '_';

        has_decimal_digit = has_decimal_digit || is_digit(now);
        if (digit_value(now) >= 16 && !is_separator) {
            return false;
        }
        before = now;
    }
    return has_decimal_digit && before != '_' && !is_binary(expression);
}

const char *expression_result_text(enum expression_result result)
{
    switch (result) {
    case EXPRESSION_OK:
        return "ok";
    case EXPRESSION_EMPTY:
        return "a number is missing";
    case EXPRESSION_BAD_DIGIT:
        return "not a number: write 4096, 0x1000, 0o001_000, 4K, 2MiB or 1G";
    case EXPRESSION_TOO_LARGE:
        return "out of range: a number has 64 bits";
    case EXPRESSION_LEADING_ZERO:
        return "a decimal number does not begin with 0";
    case EXPRESSION_UNKNOWN_NAME:
        return "neither a number nor a known name";
    }
    return "no such result";
}
