/* Random operations, done by the library and by a model that is a sorted list of pages: both must
 * answer alike, and mean the same. A million in all. ASSAY_SEED=N makes them other ones. */
#include "testing/test.h"
#include "tests/host/random_operation.h"
#include "tests/host/trace_shrink.h"

#include <stdlib.h>

enum {
    OPERATIONS_A_ROUND = 2000,
    COMPARE_EVERY = 100,
};

static uint64_t base_seed(void)
{
    const char *text = getenv("ASSAY_SEED");

    return text == NULL ? 1 : strtoull(text, NULL, 0);
}

static void output_seed(struct test *test, uint64_t seed)
{
    output_text(test->output, "# ASSAY_SEED=");
    output_decimal(test->output, seed);
    output_text(test->output, "\n");
}

static void report(struct test *test, const struct trace *trace)
{
    struct operation *operations = calloc(trace->count, sizeof *operations);
    struct trace shorter = *trace;

    if (operations == NULL) {
        host_panic("no memory to shrink a trace");
    }
    for (size_t i = 0; i < trace->count; i++) {
        operations[i] = trace->operations[i];
    }
    shorter.count = trace_shrink(trace, operations);
    shorter.operations = operations;
    shorter.compare_every = 1;
    output_text(test->output, "# it takes no more than this:\n");
    trace_print(&shorter, test->output);
    (void)trace_holds(&shorter, test->output);
    free(operations);
}

/* One world and its operations. Returns whether all went well. */
static bool run_round(struct test *test, struct random *random, enum access_kind kind)
{
    static struct operation operations[OPERATIONS_A_ROUND];
    struct trace trace = {
        .shape = random_shape(random, kind),
        .frame_limit = random_below(random, 3) == 0 ? 3 + random_below(random, 20) : 500,
        .compare_every = COMPARE_EVERY,
        .count = OPERATIONS_A_ROUND,
        .operations = operations,
    };
    struct random_places places = random_places_in(random, &trace.shape);

    for (unsigned i = 0; i < OPERATIONS_A_ROUND; i++) {
        operations[i] = random_operation(random, &places);
    }
    if (trace_holds(&trace, test->output)) {
        return true;
    }
    report(test, &trace);
    return false;
}

/* part: makes tests that run the same operations differ. */
static void run_rounds(struct test *test, enum access_kind kind, uint64_t part,
                       unsigned operation_count)
{
    uint64_t seed = base_seed();
    struct random random = {.state = (seed + part * 1000003) * UINT64_C(0x9e3779b97f4a7c15) | 1};
    bool good = true;

    output_seed(test, seed);
    for (unsigned done = 0; good && done < operation_count; done += OPERATIONS_A_ROUND) {
        good = run_round(test, &random, kind);
    }
    CHECK(good);
}

TEST(model, agrees_with_linear_access)
{
    run_rounds(test, ACCESS_LINEAR, 1, 200000);
}

TEST(model, agrees_with_linear_access_again)
{
    run_rounds(test, ACCESS_LINEAR, 2, 200000);
}

TEST(model, agrees_with_temporary_access)
{
    run_rounds(test, ACCESS_TEMPORARY, 3, 150000);
}

TEST(model, agrees_with_temporary_access_again)
{
    run_rounds(test, ACCESS_TEMPORARY, 4, 150000);
}

TEST(model, agrees_with_recursive_access)
{
    run_rounds(test, ACCESS_RECURSIVE, 5, 150000);
}

TEST(model, agrees_with_recursive_access_again)
{
    run_rounds(test, ACCESS_RECURSIVE, 6, 150000);
}
