#include "tests/host/recorded_run.h"

#include <string.h>

struct recorded recorded;

static void record(void *context, const char *text, size_t length)
{
    (void)context;
    if (length < sizeof recorded.text - recorded.length) {
        memcpy(recorded.text + recorded.length, text, length);
        recorded.length += length;
    }
}

void record_call(char letter)
{
    size_t length = strlen(recorded.calls);

    if (length + 1 < sizeof recorded.calls) {
        recorded.calls[length] = letter;
    }
}

void record_run(struct test_run run)
{
    memset(&recorded, 0, sizeof recorded);
    run.output = (struct test_output){.write = record};
    run.glob = run.glob == NULL ? "*" : run.glob;
    recorded.result = test_run(&run);
}

void record_known(void (*function)(struct test *test), const char *expect_failure)
{
    struct test_case test_case = {
        .suite = "inner", .sentence = "it", .run = function, .expect_failure = expect_failure};

    record_run((struct test_run){.cases = &test_case, .case_count = 1});
}

void record_function(void (*function)(struct test *test))
{
    record_known(function, NULL);
}

void body_passes(struct test *test)
{
    record_call('t');
    CHECK(test != NULL);
}

void body_fails_twice(struct test *test)
{
    CHECK(1 > 2);
    CHECK_EQUAL(2 + 2, 5);
}

void body_stops_at_require(struct test *test)
{
    REQUIRE_EQUAL(1, 2);
    CHECK(false);
}

void body_skips(struct test *test)
{
    SKIP("no reason");
    CHECK(false);
}

void body_fails_and_skips(struct test *test)
{
    CHECK(false);
    SKIP("too late");
}
