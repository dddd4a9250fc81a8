/* What a test checks with. A check that fails fails the test and prints the place, the expression
 * and both values. CHECK goes on, REQUIRE ends the test; both are used inside a function that has
 * a `struct test *test`. Arguments are evaluated once.
 *
 *   CHECK(condition)
 *   CHECK_EQUAL(actual, expected)      numbers, enum values, bool or pointers, compared by value:
 *   CHECK_NOT_EQUAL(actual, other)     -1 is less than 0u, and true equals 1
 *   CHECK_LESS(actual, limit)
 *   CHECK_AT_MOST(actual, limit)
 *   CHECK_AT_LEAST(actual, limit)
 *   CHECK_SIZE_EQUAL(actual, expected) numbers of bytes, shown in KiB and so on too
 *   CHECK_TEXT_EQUAL(actual, expected) strings, or NULL
 *   CHECK_TEXT_HAS(text, part)         part occurs in text
 *
 * REQUIRE, REQUIRE_EQUAL and so on: the same.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct test;

/* Where a check stands, and what it says. */
struct test_place {
    const char *text;
    const char *file;
    int line;
};

/* A pointer to a struct test_place, for checks of one's own. */
#define TEST_PLACE(text_)                                                                          \
    __extension__({                                                                                \
        static const struct test_place test_place_ = {(text_), __FILE__, __LINE__};                \
        &test_place_;                                                                              \
    })

enum test_value_kind {
    TEST_VALUE_UNSIGNED,
    TEST_VALUE_SIGNED,
    TEST_VALUE_BOOL,
    TEST_VALUE_POINTER,
    TEST_VALUE_SIZE,
};

struct test_value {
    uint64_t bits; /* sign-extended */
    enum test_value_kind kind;
};

enum test_relation {
    TEST_EQUAL,
    TEST_NOT_EQUAL,
    TEST_LESS,
    TEST_AT_MOST,
    TEST_AT_LEAST,
};

static inline struct test_value test_value_unsigned(uint64_t value)
{
    return (struct test_value){value, TEST_VALUE_UNSIGNED};
}

static inline struct test_value test_value_signed(int64_t value)
{
    return (struct test_value){(uint64_t)value, TEST_VALUE_SIGNED};
}

static inline struct test_value test_value_bool(bool value)
{
    return (struct test_value){value, TEST_VALUE_BOOL};
}

static inline struct test_value test_value_pointer(const volatile void *value)
{
    return (struct test_value){(uint64_t)value, TEST_VALUE_POINTER};
}

static inline struct test_value test_value_size(uint64_t value)
{
    return (struct test_value){value, TEST_VALUE_SIZE};
}

/* Takes a value by its type. Anything else is taken for a pointer, which for a struct or a
 * floating-point number does not compile. */
#define TEST_VALUE(value)                                                                          \
    _Generic((value),                                                                              \
        bool: test_value_bool,                                                                     \
        char: test_value_signed,                                                                   \
        signed char: test_value_signed,                                                            \
        short: test_value_signed,                                                                  \
        int: test_value_signed,                                                                    \
        long: test_value_signed,                                                                   \
        long long: test_value_signed,                                                              \
        unsigned char: test_value_unsigned,                                                        \
        unsigned short: test_value_unsigned,                                                       \
        unsigned int: test_value_unsigned,                                                         \
        unsigned long: test_value_unsigned,                                                        \
        unsigned long long: test_value_unsigned,                                                   \
        default: test_value_pointer)(value)

#define TEST_COMPARE(relation, actual, expected, text)                                             \
    __extension__({                                                                                \
        __auto_type test_actual_ = (actual);                                                       \
        __auto_type test_expected_ = (expected);                                                   \
        test_compare(test, (relation), TEST_VALUE(test_actual_), TEST_VALUE(test_expected_),       \
                     TEST_PLACE(text));                                                            \
    })

/* The macros' arguments are made text here, before they are expanded. */
#define CHECK(condition) ((void)test_holds(test, (condition), TEST_PLACE(#condition)))
#define CHECK_EQUAL(actual, expected)                                                              \
    ((void)TEST_COMPARE(TEST_EQUAL, actual, expected, #actual " == " #expected))
#define CHECK_NOT_EQUAL(actual, other)                                                             \
    ((void)TEST_COMPARE(TEST_NOT_EQUAL, actual, other, #actual " != " #other))
#define CHECK_LESS(actual, limit)                                                                  \
    ((void)TEST_COMPARE(TEST_LESS, actual, limit, #actual " < " #limit))
#define CHECK_AT_MOST(actual, limit)                                                               \
    ((void)TEST_COMPARE(TEST_AT_MOST, actual, limit, #actual " <= " #limit))
#define CHECK_AT_LEAST(actual, limit)                                                              \
    ((void)TEST_COMPARE(TEST_AT_LEAST, actual, limit, #actual " >= " #limit))
#define CHECK_SIZE_EQUAL(actual, expected)                                                         \
    ((void)test_compare(test, TEST_EQUAL, test_value_size(actual), test_value_size(expected),      \
                        TEST_PLACE(#actual " == " #expected)))
#define CHECK_TEXT_EQUAL(actual, expected)                                                         \
    ((void)test_text_equal(test, (actual), (expected), TEST_PLACE(#actual " is " #expected)))
#define CHECK_TEXT_HAS(text, part)                                                                 \
    ((void)test_text_has(test, (text), (part), TEST_PLACE(#text " has " #part)))

#define REQUIRE(condition)                                                                         \
    test_end_unless(test, test_holds(test, (condition), TEST_PLACE(#condition)))
#define REQUIRE_EQUAL(actual, expected)                                                            \
    test_end_unless(test, TEST_COMPARE(TEST_EQUAL, actual, expected, #actual " == " #expected))
#define REQUIRE_NOT_EQUAL(actual, other)                                                           \
    test_end_unless(test, TEST_COMPARE(TEST_NOT_EQUAL, actual, other, #actual " != " #other))
#define REQUIRE_LESS(actual, limit)                                                                \
    test_end_unless(test, TEST_COMPARE(TEST_LESS, actual, limit, #actual " < " #limit))
#define REQUIRE_AT_MOST(actual, limit)                                                             \
    test_end_unless(test, TEST_COMPARE(TEST_AT_MOST, actual, limit, #actual " <= " #limit))
#define REQUIRE_AT_LEAST(actual, limit)                                                            \
    test_end_unless(test, TEST_COMPARE(TEST_AT_LEAST, actual, limit, #actual " >= " #limit))
#define REQUIRE_SIZE_EQUAL(actual, expected)                                                       \
    test_end_unless(test, test_compare(test, TEST_EQUAL, test_value_size(actual),                  \
                                    test_value_size(expected),                                     \
                                    TEST_PLACE(#actual " == " #expected)))
#define REQUIRE_TEXT_EQUAL(actual, expected)                                                       \
    test_end_unless(test, test_text_equal(test, (actual), (expected),                              \
                                       TEST_PLACE(#actual " is " #expected)))
#define REQUIRE_TEXT_HAS(text, part)                                                               \
    test_end_unless(test, test_text_has(test, (text), (part), TEST_PLACE(#text " has " #part)))

/* Each returns whether the check held. */
bool test_holds(struct test *test, bool holds, const struct test_place *place);
bool test_compare(struct test *test, enum test_relation relation, struct test_value actual,
                  struct test_value expected, const struct test_place *place);
bool test_text_equal(struct test *test, const char *actual, const char *expected,
                     const struct test_place *place);
bool test_text_has(struct test *test, const char *text, const char *part,
                   const struct test_place *place);

/* Ends the test if the check did not hold. */
void test_end_unless(struct test *test, bool holds);

/* CHECK and REQUIRE with a text and a place that are known at run time. */
void test_check(struct test *test, bool holds, const char *text, const char *file, int line);
void test_require(struct test *test, bool holds, const char *text, const char *file, int line);

/* For checks of one's own: fails the test and prints "# file:line: TEXT does not hold". The caller
 * goes on with ": ", both values and a line feed, and perhaps lines that begin with "# ". */
void test_fail(struct test *test, const struct test_place *place);
