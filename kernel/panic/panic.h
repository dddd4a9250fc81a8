/* The end of a kernel that cannot go on. It stands below nearly all others, so that they may all
 * panic; how a panic is told is registered from above. */
#pragma once

#include <stdarg.h>
#include <stdint.h>

/* What is known of a panic. */
struct panic {
    const char *file;
    int line;
    const char *format;
    va_list arguments; /* of the format; to be copied by whoever may read them twice */
    uint64_t return_address;
    uint64_t frame_pointer;
};

/* Whom a panic calls, to tell of it. NULL, and as long as nobody is registered: the text goes to the
 * serial port, without a backtrace. */
void panics_on_report(void (*handler)(struct panic *panic));

/* Tells where and why, and ends QEMU with DEBUG_EXIT_PANIC or stops the CPU. */
#define PANIC(...) kernel_panic(__FILE__, __LINE__, __VA_ARGS__)

_Noreturn __attribute__((format(printf, 3, 4))) void kernel_panic(const char *file, int line,
                                                                  const char *format, ...);

/* For what only a mistake in the kernel can break. */
#define ASSERT(condition)                                                                          \
    ((condition) ? (void)0 : PANIC("assertion failed: %s", #condition))
