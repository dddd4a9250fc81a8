/* Tests that run inside the kernel: how to write one.
 *
 *   TEST(map_to, refuses_a_mapped_page)
 *   {
 *       struct kernel *kernel = test->subject;
 *       CHECK_EQUAL(map_it(kernel), MAP_ALREADY_MAPPED);
 *   }
 *
 * A test's name is the sentence that it proves; two of one name do not link. What there is to say
 * about a test follows its name, as initialisers of struct test_case:
 *
 *   TEST(suite, sentence, .requires = REQUIRES_PAGES_1G, .timeout_ms = 500, .tags = "slow cpu")
 *
 * A test that shows a known defect names the check that fails, as the failure prints it, in a
 * TEST_EACH behind the name of the row:
 *
 *   TEST(suite, sentence, .expect_failure = "map_it(kernel) == MAP_OK")
 *   TEST_EACH(suite, sentence, sizes, .expect_failure = "2 MiB: map_it(kernel, row) == MAP_OK")
 *
 * It is ok while that check fails in the body, whatever its values, and all else holds; once the
 * check passes, the test fails.
 *
 * TEST_EACH runs its body for each row of a table, FIXTURE puts functions around each test of a
 * suite, test_defer undoes something when a test ends. What compares is in testing/check.h.
 */
#pragma once

#include "testing/check.h"
#include "testing/random.h"
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
    REQUIRES_PCID = 1 << 8,
    REQUIRES_INVPCID = 1 << 9,
    REQUIRES_FRAMEBUFFER = 1 << 10, /* a screen of pixels */
    REQUIRES_GLOBAL_PAGES = 1 << 11,
};
enum { TEST_REQUIREMENT_COUNT = 12 };

enum { TEST_DEFERRED_MAX = 8 };

/* The limits of a record. The runner refuses an image that breaks them, and the Makefile has it look
 * when an image is linked. */
enum {
    TEST_NAME_BYTES_MAX = 127, /* of "suite.sentence", which must go into a kernel's command line */
    TEST_TAG_BYTES_MAX = 31,
    TEST_TIMEOUT_MS_DEFAULT = 10000,
    TEST_TIMEOUT_MS_MAX = 3600000,
};

struct test_run; /* see testing/run.h */
struct test_report;

/* What of a test is running. */
enum test_phase { TEST_RUNS, TEST_SETS_UP, TEST_CLEANS_UP };

/* A test in progress. */
struct test {
    const struct test_case *test_case;
    const struct test_output *output;
    const struct test_run *run;
    struct test_report *report;
    void *subject; /* what is tested, given by whoever runs the tests */
    void *fixture; /* left by the set-up of the suite for its tests */
    bool failed;
    bool failed_as_expected; /* by the check that test_case->expect_failure names */
    const char *skip_reason; /* NULL: not skipped */
    enum test_phase phase;
    const char *row;         /* the name of the row of TEST_EACH; NULL outside */
    bool may_jump;           /* to `end` */
    void **end;              /* where a failed REQUIRE goes */
    struct {
        void (*function)(struct test *test, void *argument);
        void *argument;
    } deferred[TEST_DEFERRED_MAX];
    unsigned deferred_count;
};

/* A registered test. The runner reads these records out of section test_cases of the image. */
struct test_case {
    const char *suite;
    const char *sentence;
    void (*run)(struct test *test);
    const char *file;
    uint32_t line;
    uint32_t timeout_ms;        /* 0: TEST_TIMEOUT_MS_DEFAULT; at most TEST_TIMEOUT_MS_MAX */
    uint64_t requires;          /* of enum test_requirement */
    const char *tags;           /* words to select by, separated by blanks; NULL: none */
    const char *expect_failure; /* the check that is known to fail; NULL: the test is to pass */
};
_Static_assert(sizeof(struct test_case) == 64, "the runner reads records of 64 bytes");

/* What goes around each test of a suite. If set_up fails or skips, the test and tear_down are left
 * out. */
struct test_fixture {
    void (*set_up)(struct test *test);    /* or NULL */
    void (*tear_down)(struct test *test); /* or NULL; runs also after a failed REQUIRE */
};

/* The fixture of a suite, at most one in the program: FIXTURE(map_to, make_world, check_world); */
#define FIXTURE(suite_, set_up_, tear_down_)                                                       \
    extern const struct test_fixture test_fixture_##suite_ __attribute__((weak));                  \
    const struct test_fixture test_fixture_##suite_ = {.set_up = (set_up_),                        \
                                                       .tear_down = (tear_down_)};                 \
    const char test_fixture_guard_##suite_ __asm__("fixture." #suite_) = 0

/* The suite's fixture is a weak symbol: its address is NULL where no file defines it. The record
 * is a global symbol with the test's name, so that the linker refuses a second one. */
#define TEST_REGISTER(suite_, sentence_, body_, ...)                                               \
    _Static_assert(sizeof(#sentence_) > 1 && sizeof(#suite_) > 1, "a test has a name");            \
    _Static_assert(sizeof(#suite_ "." #sentence_) - 1 <= TEST_NAME_BYTES_MAX,                      \
                   "a test's name, suite.sentence, is not longer than TEST_NAME_BYTES_MAX");       \
    /* A character that is not ASCII takes several bytes, and one element of char32_t. */          \
    _Static_assert(sizeof(U"" #suite_ #sentence_) / sizeof(U"") == sizeof(#suite_ #sentence_),     \
                   "the name of a test is ASCII");                                                      \
    extern const struct test_fixture test_fixture_##suite_ __attribute__((weak));                  \
    static void suite_##_##sentence_##_in_fixture(struct test *test)                               \
    {                                                                                              \
        test_run_in_fixture(test, &test_fixture_##suite_, (body_));                                \
    }                                                                                              \
    const struct test_case test_case_##suite_##_##sentence_ __asm__(                               \
        "test." #suite_ "." #sentence_)                                                            \
        __attribute__((used, section("test_cases"), aligned(64))) = {                              \
            .suite = #suite_,                                                                      \
            .sentence = #sentence_,                                                                \
            .run = suite_##_##sentence_##_in_fixture,                                              \
            .file = __FILE__,                                                                      \
            .line = __LINE__,                                                                      \
            __VA_ARGS__}

#define TEST(suite_, sentence_, ...)                                                               \
    static void suite_##_##sentence_(struct test *test);                                           \
    TEST_REGISTER(suite_, sentence_, suite_##_##sentence_, __VA_ARGS__);                           \
    static void suite_##_##sentence_(__attribute__((unused)) struct test *test)

/* A test whose body runs for each row of the array `table_`, as *row. The rows are structs that
 * begin with `const char *name`; "# subcase NAME: ok", "not ok" or "skipped" is reported for each. A
 * failed REQUIRE ends one row. If every row is skipped, the test is skipped, for the first one's
 * reason. */
#define TEST_EACH(suite_, sentence_, table_, ...)                                                  \
    _Static_assert(__builtin_offsetof(__typeof__((table_)[0]), name) == 0 &&                       \
                       __builtin_types_compatible_p(__typeof__((table_)[0].name), const char *),   \
                   "a row of parameters begins with const char *name");                            \
    static void suite_##_##sentence_(struct test *test, const __typeof__((table_)[0]) *row);       \
    static void suite_##_##sentence_##_row(struct test *test, const void *row)                     \
    {                                                                                              \
        suite_##_##sentence_(test, row);                                                           \
    }                                                                                              \
    static void suite_##_##sentence_##_each(struct test *test)                                     \
    {                                                                                              \
        test_run_each(test, (table_), sizeof(table_) / sizeof((table_)[0]), sizeof((table_)[0]),   \
                      suite_##_##sentence_##_row);                                                 \
    }                                                                                              \
    TEST_REGISTER(suite_, sentence_, suite_##_##sentence_##_each, __VA_ARGS__);                    \
    static void suite_##_##sentence_(__attribute__((unused)) struct test *test,                    \
                                     const __typeof__((table_)[0]) *row)

/* Ends the test, or the row of TEST_EACH: it proves nothing here, for the reason given. Failures
 * before count. For set_up and the body: what runs after the body fails the test by a SKIP. */
#define SKIP(reason) test_skip(test, (reason))
_Noreturn void test_skip(struct test *test, const char *reason);

/* Calls function(test, argument) when the test, or the row of TEST_EACH, ends in any way but a hang
 * or a panic; the last deferred first, all before the suite's tear_down. *argument must live longer
 * than the body: it is not on its stack. At most TEST_DEFERRED_MAX: one more is called
 * at once and fails the test. */
void test_defer(struct test *test, void (*function)(struct test *test, void *argument),
                void *argument);

/* A generator of random numbers (testing/random.h) from the seed of the run. Fails a test that does
 * not have the tag "random": by it, the tests are found that are worth running with more seeds. */
struct random test_random(struct test *test, uint64_t stream);

/* Fails the test, and prints "# ", both texts and a line feed. */
void test_fail_for(struct test *test, const char *reason, const char *more);

/* For the macros above. */
void test_run_in_fixture(struct test *test, const struct test_fixture *fixture,
                         void (*body)(struct test *test));
void test_run_each(struct test *test, const void *rows, size_t row_count, size_t row_bytes,
                   void (*body)(struct test *test, const void *row));
