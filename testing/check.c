#include "testing/check.h"

#include "testing/test.h"

/* How many bytes the strings have in common at their beginning. */
static size_t common_length(const char *left, const char *right)
{
    size_t length = 0;

    while (left[length] != '\0' && left[length] == right[length]) {
        length++;
    }
    return length;
}

static bool texts_are_equal(const char *left, const char *right)
{
    if (left == NULL || right == NULL) {
        return left == right;
    }
    size_t length = common_length(left, right);
    return left[length] == right[length];
}

/* True when `text` is all of first, ": " and rest, or of rest alone if first is NULL. */
static bool is_text_of(const char *text, const char *first, const char *rest)
{
    if (first != NULL) {
        size_t length = common_length(text, first);
        if (first[length] != '\0' || text[length] != ':' || text[length + 1] != ' ') {
            return false;
        }
        text += length + 2;
    }
    return texts_are_equal(text, rest);
}

/* Only what fails in the body itself can be the defect that is known. */
static bool is_known(const struct test *test, const struct test_place *place)
{
    const char *known = test->test_case->expect_failure;

    return known != NULL && test->phase == TEST_RUNS && is_text_of(known, test->row, place->text);
}

void test_fail(struct test *test, const struct test_place *place)
{
    if (is_known(test, place)) {
        test->failed_as_expected = true;
    } else {
        test->failed = true;
    }
    output_text(test->output, "# ");
    output_text(test->output, place->file);
    output_text(test->output, ":");
    output_decimal(test->output, (uint64_t)place->line);
    output_text(test->output, ": ");
    output_text(test->output, place->text);
    output_text(test->output, " does not hold");
}

bool test_holds(struct test *test, bool holds, const struct test_place *place)
{
    if (!holds) {
        test_fail(test, place);
        output_text(test->output, "\n");
    }
    return holds;
}

static bool is_negative(struct test_value value)
{
    return value.kind == TEST_VALUE_SIGNED && (int64_t)value.bits < 0;
}

/* By value, whatever the types. */
static bool is_less(struct test_value left, struct test_value right)
{
    if (is_negative(left) != is_negative(right)) {
        return is_negative(left);
    }
    return left.bits < right.bits; /* two negative ones are ordered in the same way */
}

static bool relation_holds(enum test_relation relation, struct test_value left,
                           struct test_value right)
{
    switch (relation) {
    case TEST_EQUAL:
        return !is_less(left, right) && !is_less(right, left);
    case TEST_NOT_EQUAL:
        return is_less(left, right) || is_less(right, left);
    case TEST_LESS:
        return is_less(left, right);
    case TEST_AT_MOST:
        return !is_less(right, left);
    case TEST_AT_LEAST:
        return !is_less(left, right);
    }
    return false;
}

/* What is true when the relation does not hold. */
static const char *opposite_text(enum test_relation relation)
{
    static const char *const texts[] = {
        [TEST_EQUAL] = " != ",   [TEST_NOT_EQUAL] = " == ", [TEST_LESS] = " >= ",
        [TEST_AT_MOST] = " > ", [TEST_AT_LEAST] = " < ",
    };
    return texts[relation];
}

static void output_number(const struct test_output *output, struct test_value value)
{
    if (is_negative(value)) {
        output_text(output, "-");
        output_decimal(output, 0 - value.bits);
    } else {
        output_decimal(output, value.bits);
    }
    if (value.bits > 9) {
        output_text(output, " (");
        output_hex(output, value.bits);
        output_text(output, ")");
    }
}

static void output_value(const struct test_output *output, struct test_value value)
{
    switch (value.kind) {
    case TEST_VALUE_UNSIGNED:
    case TEST_VALUE_SIGNED:
        output_number(output, value);
        return;
    case TEST_VALUE_BOOL:
        output_text(output, value.bits != 0 ? "true" : "false");
        return;
    case TEST_VALUE_POINTER:
        output_text(output, value.bits == 0 ? "NULL" : "");
        if (value.bits != 0) {
            output_hex(output, value.bits);
        }
        return;
    case TEST_VALUE_SIZE:
        output_size(output, value.bits);
        return;
    }
}

/* In C a comparison is an int: beside a bool, 0 and 1 are meant as one. */
static struct test_value shown_beside(struct test_value value, struct test_value other)
{
    if (other.kind == TEST_VALUE_BOOL && value.bits <= 1) {
        value.kind = TEST_VALUE_BOOL;
    }
    return value;
}

bool test_compare(struct test *test, enum test_relation relation, struct test_value actual,
                  struct test_value expected, const struct test_place *place)
{
    bool holds = relation_holds(relation, actual, expected);

    if (!holds) {
        test_fail(test, place);
        output_text(test->output, ": ");
        output_value(test->output, shown_beside(actual, expected));
        output_text(test->output, opposite_text(relation));
        output_value(test->output, shown_beside(expected, actual));
        output_text(test->output, "\n");
    }
    return holds;
}

bool test_text_equal(struct test *test, const char *actual, const char *expected,
                     const struct test_place *place)
{
    bool holds = texts_are_equal(actual, expected);

    if (!holds) {
        test_fail(test, place);
        output_text(test->output, ": ");
        output_quoted(test->output, actual);
        output_text(test->output, " is not ");
        output_quoted(test->output, expected);
        if (actual != NULL && expected != NULL) {
            output_text(test->output, ", from byte ");
            output_decimal(test->output, common_length(actual, expected));
        }
        output_text(test->output, "\n");
    }
    return holds;
}

static bool text_has(const char *text, const char *part)
{
    if (text == NULL || part == NULL) {
        return false;
    }
    do {
        if (part[common_length(text, part)] == '\0') {
            return true;
        }
    } while (*text++ != '\0');
    return false;
}

bool test_text_has(struct test *test, const char *text, const char *part,
                   const struct test_place *place)
{
    bool holds = text_has(text, part);

    if (!holds) {
        test_fail(test, place);
        output_text(test->output, ": ");
        output_quoted(test->output, part);
        output_text(test->output, " is not in ");
        output_quoted(test->output, text);
        output_text(test->output, "\n");
    }
    return holds;
}

/* Back to whoever called the function of the test. */
_Noreturn static void leave(struct test *test)
{
    test->may_jump = true;
    __builtin_longjmp(test->end, 1);
}

void test_end_unless(struct test *test, bool holds)
{
    if (!holds) {
        leave(test);
    }
}

void test_check(struct test *test, bool holds, const char *text, const char *file, int line)
{
    (void)test_holds(test, holds, &(struct test_place){text, file, line});
}

void test_require(struct test *test, bool holds, const char *text, const char *file, int line)
{
    test_end_unless(test, test_holds(test, holds, &(struct test_place){text, file, line}));
}

void test_skip(struct test *test, const char *reason)
{
    if (reason == NULL || reason[0] == '\0') {
        test_fail_for(test, "skips without a reason", "");
    } else if (test->phase == TEST_CLEANS_UP) {
        test_fail_for(test, "skips when it has run already: ", reason);
    } else if (!test->failed_as_expected) {
        test->skip_reason = reason;
    }
    leave(test);
}
