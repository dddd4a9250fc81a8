#include "kernel/panic.h"

#include "kernel/cpu/backtrace.h"
#include "kernel/drivers/debug_exit.h"

#include <stdbool.h>

static struct console *panic_console;
static bool panicking;

void panic_report_to(struct console *console)
{
    panic_console = console;
}

void kernel_panic(const char *file, int line, const char *format, ...)
{
    struct console serial_only;
    struct console *console = panic_console;
    va_list arguments;

    if (panicking) {
        debug_exit(DEBUG_EXIT_PANIC);
    }
    panicking = true;
    if (console == NULL) {
        console_init(&serial_only);
        console = &serial_only;
    }
    console_print(console, "\nPANIC: ");
    va_start(arguments, format);
    console_print_list(console, format, arguments);
    va_end(arguments);
    console_print(console, "\n  at %s:%d\n", file, line);
    backtrace_print(console, (uint64_t)__builtin_return_address(0),
                    *(const uint64_t *)__builtin_frame_address(0));
    console_print(console, "The kernel has stopped.\n");
    debug_exit(DEBUG_EXIT_PANIC);
}
