/* Runs the host tests: with a pattern, those whose names match. Reports as the test kernel does. */
#include "testing/registry.h"
#include "testing/run.h"

#include <stdio.h>
#include <string.h>

static void write_to_stdout(void *context, const char *text, size_t length)
{
    (void)context;
    fwrite(text, 1, length, stdout);
}

int main(int argument_count, char **arguments)
{
    struct test_run run = {
        .output = {.write = write_to_stdout},
        .cases = test_cases_start,
        .case_count = (size_t)(test_cases_end - test_cases_start),
        .glob = argument_count > 1 ? arguments[1] : "*",
        .provides = UINT64_MAX,
    };

    if (argument_count > 2 || strcmp(run.glob, "--help") == 0) {
        fprintf(stderr, "usage: %s [PATTERN | --list]\n", arguments[0]);
        return 2;
    }
    if (strcmp(run.glob, "--list") == 0) {
        test_list(&run);
        return 0;
    }
    switch (test_run(&run)) {
    case TEST_RUN_PASSED:
        return 0;
    case TEST_RUN_FAILED:
        return 1;
    case TEST_RUN_NONE_SELECTED:
        fprintf(stderr, "no test matches \"%s\"\n", run.glob);
    }
    return 2;
}
