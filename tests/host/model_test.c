/* Random operations, done by the library and by a model that is a sorted list of pages: both must
 * answer alike, and mean the same. A million in all. */
#include "testing/test.h"
#include "tests/host/random_operation.h"
#include "tests/host/trace_shrink.h"

#include <stdlib.h>

enum {
    OPERATIONS_A_ROUND = 2000,
    COMPARE_EVERY = 100,
};

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
    struct random random = test_random(test, part);
    bool good = true;

    for (unsigned done = 0; good && done < operation_count; done += OPERATIONS_A_ROUND) {
        good = run_round(test, &random, kind);
    }
    CHECK(good);
}

TEST(model, agrees_with_linear_access, .tags = "random slow")
{
    run_rounds(test, ACCESS_LINEAR, 1, 200000);
}

TEST(model, agrees_with_linear_access_again, .tags = "random slow")
{
    run_rounds(test, ACCESS_LINEAR, 2, 200000);
}

TEST(model, agrees_with_temporary_access, .tags = "random slow")
{
    run_rounds(test, ACCESS_TEMPORARY, 3, 150000);
}

TEST(model, agrees_with_temporary_access_again, .tags = "random slow")
{
    run_rounds(test, ACCESS_TEMPORARY, 4, 150000);
}

TEST(model, agrees_with_recursive_access, .tags = "random slow")
{
    run_rounds(test, ACCESS_RECURSIVE, 5, 150000);
}

TEST(model, agrees_with_recursive_access_again, .tags = "random slow")
{
    run_rounds(test, ACCESS_RECURSIVE, 6, 150000);
}
