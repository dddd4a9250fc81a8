#include "tests/host/trace_shrink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT_S = 20, MESSAGE_BYTES = 512 };

/* In the child: runs the trace, says what is wrong into the pipe. */
__attribute__((noreturn)) static void run_child(const struct trace *trace, int to_parent,
                                                bool quiet)
{
    char failure[MESSAGE_BYTES] = "";
    bool good;

    alarm(LIMIT_S);
    if (quiet) {
        (void)!freopen("/dev/null", "w", stderr);
    }
    good = model_run_trace(trace, failure, sizeof failure);
    (void)!write(to_parent, failure, strlen(failure));
    _exit(good ? 0 : 1);
}

bool trace_holds(const struct trace *trace, const struct test_output *output)
{
    char failure[MESSAGE_BYTES] = "";
    int ends[2];
    int status = -1;
    pid_t child;

    fflush(stdout);
    if (pipe(ends) != 0 || (child = fork()) < 0) {
        host_panic("no process for a trace");
    }
    if (child == 0) {
        close(ends[0]);
        run_child(trace, ends[1], output == NULL);
    }
    close(ends[1]);
    while (read(ends[0], failure, sizeof failure - 1) > 0) {
    }
    close(ends[0]);
    waitpid(child, &status, 0);
    if (status != 0 && output != NULL) {
        output_text(output, "# ");
        output_text(output, failure[0] != '\0'                              ? failure
                            : WIFSIGNALED(status) && WTERMSIG(status) == 14 ? "it does not end"
                                                                            : "it crashes");
        output_text(output, "\n");
    }
    return status == 0;
}

/* Delta debugging: tries to leave out ever smaller pieces. */
size_t trace_shrink(const struct trace *trace, struct operation *operations)
{
    struct trace shorter = *trace;
    size_t count = trace->count;
    struct operation *before = calloc(count, sizeof *before);
    size_t piece = count / 2;

    if (before == NULL) {
        host_panic("no memory to shrink a trace");
    }
    shorter.operations = operations;
    shorter.compare_every = 1;
    /* Whatever is tried, operations[0..count) is a trace that goes wrong. */
    while (piece > 0) {
        bool shrunk = false;

        for (size_t start = 0; start < count;) {
            size_t length = piece < count - start ? piece : count - start;

            memcpy(before, operations, count * sizeof *before);
            memmove(&operations[start], &operations[start + length],
                    (count - start - length) * sizeof *operations);
            shorter.count = count - length;
            if (trace_holds(&shorter, NULL)) {
                memcpy(operations, before, count * sizeof *before);
                start += length;
            } else {
                count -= length;
                shrunk = true;
            }
        }
        piece = shrunk && piece == 1 ? 1 : piece / 2;
    }
    free(before);
    return count;
}

void trace_print(const struct trace *trace, const struct test_output *output)
{
    char text[OPERATION_TEXT_BYTES];

    for (size_t i = 0; i < trace->count; i++) {
        operation_print(&trace->operations[i], text, sizeof text);
        output_text(output, "#   ");
        output_text(output, text);
        output_text(output, "\n");
    }
}
