#include "tests/kernel/inner_run.h"

#include "kernel/lib/string.h"

struct inner_run inner;

static void record(void *context, const char *text, size_t length)
{
    (void)context;
    if (length < sizeof inner.text - inner.length) {
        memcpy(inner.text + inner.length, text, length);
        inner.length += length;
        inner.text[inner.length] = '\0';
    }
}

void run_inner_function(struct test *test, void (*function)(struct test *test))
{
    const struct test_case test_case = {.suite = "inner", .sentence = "it", .run = function};
    struct test_run run = *test->run;

    run.output = (struct test_output){.write = record};
    run.cases = &test_case;
    run.case_count = 1;
    run.glob = "*";
    run.tag = NULL;
    run.shuffled = false;
    run.start_timer = NULL;
    run.stop_timer = NULL;
    inner.length = 0;
    inner.text[0] = '\0';
    inner.result = test_run(&run);
}
