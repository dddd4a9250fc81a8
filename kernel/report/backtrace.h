/* Which functions were being called, by name. */
#pragma once

#include "kernel/console/console.h"

#include <stdbool.h>
#include <stdint.h>

enum { BACKTRACE_FRAMES_MAX = 24 };

/* Stores `instruction`, then the return addresses along the chain of frame pointers that begins
 * with `frame_pointer`: at most BACKTRACE_FRAMES_MAX addresses. Reads nothing outside the kernel's
 * stacks. Returns how many there are; *complete: no more were left out. */
unsigned backtrace_collect(uint64_t instruction, uint64_t frame_pointer,
                           uint64_t addresses[BACKTRACE_FRAMES_MAX], bool *complete);

/* Prints what backtrace_collect finds. */
void backtrace_print(struct console *console, uint64_t instruction, uint64_t frame_pointer);
