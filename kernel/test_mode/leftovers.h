/* What a test must leave as it found it: frames in use, the kernel's tables, the state of the CPU
 * (cpu_state.h) and flushes. A test is compared with the state before it, which it may only change for as
 * long as it runs. */
#pragma once

#include "kernel/state/kernel.h"
#include "testing/test.h"

/* From here on the frames are counted that the kernel's sources give and take back. May be
 * repeated, as it must be when a source was made again. */
void leftovers_count_frames(struct kernel *kernel);

/* How many of them are out. */
int64_t leftovers_frames_in_use(void);

/* Notes the state before a test, whose subject is the kernel. A test may run tests inside it. */
void leftovers_note(struct test *test);

/* Fails a test that has left something behind, and puts back what later tests cannot do without. */
void leftovers_check(struct test *test);

/* Puts back registers after a test that will not end, and forgets the states that were noted. */
void leftovers_abandon(void);
