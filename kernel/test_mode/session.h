/* Tests run from the prompt of normal mode. */
#pragma once

#include "kernel/state/kernel.h"

enum test_session_result {
    TEST_SESSION_PASSED,
    TEST_SESSION_FAILED,
    TEST_SESSION_NO_SUCH_TEST,
    TEST_SESSION_LEFT_OUT,  /* none but such as are about the kernel as booting leaves it */
    TEST_SESSION_NO_FRAMES, /* `frames` has no large blocks to lend */
};

/* Runs the tests whose names match `glob`, and prints their results on the kernel's console. The
 * tests have the kernel as it is after booting: about half of what `frames` has free is theirs for
 * as long, as kernel->frames and kernel->table_frames. A test that hangs ends QEMU.
 * *Needs:* all RAM mapped. */
enum test_session_result test_session_run(struct kernel *kernel, struct frame_source *frames,
                                          uint64_t free_frames, const char *glob);

/* Calls `offer` with the name of each suite and the number of its tests. */
void test_session_suites(void (*offer)(void *context, const char *suite, unsigned test_count),
                         void *context);

/* Calls `offer` with the name of each test. A name lasts as long as the call. */
void test_session_names(void (*offer)(void *context, const char *name), void *context);
