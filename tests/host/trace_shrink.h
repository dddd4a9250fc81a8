/* Finding a short list of operations that goes wrong, in place of a long one. */
#pragma once

#include "testing/text_output.h"
#include "tests/host/model_run.h"

/* Runs a trace in a process of its own, so that a crash is a failure like any other. Returns true
 * if nothing goes wrong. What it says is printed if `output` is not NULL. */
bool trace_holds(const struct trace *trace, const struct test_output *output);

/* Leaves operations out of `operations`, a copy that it may change, as long as the trace still goes
 * wrong. Returns how many are left. */
size_t trace_shrink(const struct trace *trace, struct operation *operations);

/* Prints a trace, one operation a line. */
void trace_print(const struct trace *trace, const struct test_output *output);
