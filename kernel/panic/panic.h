/* The end of a kernel that cannot go on. */
#pragma once

#include "kernel/console/console.h"

/* Where panics are printed. Before, they go to the serial port alone. */
void panic_report_to(struct console *console);

/* Prints where and why, with a backtrace, and ends QEMU with DEBUG_EXIT_PANIC or stops the CPU.
 * Inside exception_try it ends that call instead, and prints nothing. */
#define PANIC(...) kernel_panic(__FILE__, __LINE__, __VA_ARGS__)

_Noreturn __attribute__((format(printf, 3, 4))) void kernel_panic(const char *file, int line,
                                                                  const char *format, ...);

/* For what only a mistake in the kernel can break. */
#define ASSERT(condition)                                                                          \
    ((condition) ? (void)0 : PANIC("assertion failed: %s", #condition))
