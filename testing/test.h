/* Tests that run inside the kernel: how to write one.
 *
 *   TEST(map_to, refuses_a_mapped_page)
 *   {
 *       struct kernel *kernel = test->subject;
 *       CHECK_EQUAL(map_it(kernel), MAP_ALREADY_MAPPED);
 *   }
 *
 * A test's name is the sentence that it proves. CHECK goes on after a failure, REQUIRE ends the
 * test. What a machine must have for the test to make sense is said after the name:
 * TEST(suite, sentence, .requires = REQUIRES_PAGES_1G).
 */
#pragma once

#include "testing/text_output.h"

#include <stdbool.h>

/* What a machine may lack. The runner reads these bits from the image. */
enum test_requirement {
    REQUIRES_VGA_TEXT = 1 << 0,   /* a live VGA text screen */
    REQUIRES_PAGES_1G = 1 << 1,   /* 1 GiB pages */
    REQUIRES_NO_EXECUTE = 1 << 2,
    REQUIRES_LA57 = 1 << 3,       /* five levels are in use */
    REQUIRES_SMEP = 1 << 4,
    REQUIRES_SMAP = 1 << 5,
    REQUIRES_RAM_ABOVE_4G = 1 << 6,
    REQUIRES_UMIP = 1 << 7,
};
enum { TEST_REQUIREMENT_COUNT = 8 };

/* A test in progress. */
struct test {
    const struct test_case *test_case;
    const struct test_output *output;
    void *subject; /* what is tested, given by whoever runs the tests */
    bool failed;
    void *end[5]; /* where a failed REQUIRE goes */
};

/* A registered test. The runner reads these records out of section test_cases of the image. */
struct test_case {
    const char *suite;
    const char *sentence;
    void (*run)(struct test *test);
    const char *file;
    uint32_t line;
    uint32_t timeout_ms; /* 0: the runner's default */
    uint64_t requires;   /* of enum test_requirement */
    uint64_t reserved[2];
};
_Static_assert(sizeof(struct test_case) == 64, "the runner reads records of 64 bytes");

#define TEST(suite_, sentence_, ...)                                                               \
    static void suite_##_##sentence_(struct test *test);                                           \
    static const struct test_case test_case_##suite_##_##sentence_                                 \
        __attribute__((used, section("test_cases"), aligned(64))) = {                             \
            .suite = #suite_,                                                                      \
            .sentence = #sentence_,                                                                \
            .run = suite_##_##sentence_,                                                           \
            .file = __FILE__,                                                                      \
            .line = __LINE__,                                                                      \
            __VA_ARGS__};                                                                          \
    static void suite_##_##sentence_(__attribute__((unused)) struct test *test)

#define CHECK(condition) test_check(test, (condition), #condition, __FILE__, __LINE__)
#define REQUIRE(condition) test_require(test, (condition), #condition, __FILE__, __LINE__)

/* Compares two numbers, enum values or pointers, and shows both when they differ. */
#define CHECK_EQUAL(actual, expected)                                                              \
    test_check_equal(test, (uint64_t)(actual), (uint64_t)(expected), #actual " == " #expected,     \
                     __FILE__, __LINE__)
#define REQUIRE_EQUAL(actual, expected)                                                            \
    test_require_equal(test, (uint64_t)(actual), (uint64_t)(expected), #actual " == " #expected,   \
                       __FILE__, __LINE__)

void test_check(struct test *test, bool holds, const char *text, const char *file, int line);
void test_check_equal(struct test *test, uint64_t actual, uint64_t expected, const char *text,
                      const char *file, int line);
void test_require(struct test *test, bool holds, const char *text, const char *file, int line);
void test_require_equal(struct test *test, uint64_t actual, uint64_t expected, const char *text,
                        const char *file, int line);
