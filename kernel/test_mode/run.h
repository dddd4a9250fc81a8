/* How the kernel runs tests: what it offers them, what it checks around each, and what becomes of
 * one that hangs. */
#pragma once

#include "kernel/state/kernel.h"
#include "testing/run.h"

/* A run of all tests of the image, whose results go to `output`; the caller says which tests to
 * run. One run at a time. */
struct test_run test_mode_run(struct kernel *kernel, struct test_output output);

/* Prepares what every run needs: frames are counted, and a timer watches, if there is one. May be
 * repeated. */
void test_mode_prepare(struct kernel *kernel);
