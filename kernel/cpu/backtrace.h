/* Which functions were being called, by name. */
#pragma once

#include "kernel/console/console.h"

/* Prints `instruction`, then the return addresses along the chain of frame pointers that begins
 * with `frame_pointer`. Reads nothing outside the kernel's stacks. */
void backtrace_print(struct console *console, uint64_t instruction, uint64_t frame_pointer);
