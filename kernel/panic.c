#include "kernel/panic.h"

#include "kernel/cpu/backtrace.h"
#include "kernel/cpu/exception.h"
#include "kernel/drivers/debug_exit.h"

#include <stdbool.h>

static struct console *panic_console;
static bool panicking;

void panic_report_to(struct console *console)
{
    panic_console = console;
}

/* Text of limited length, to be filled from a sink. */
struct short_text {
    char text[CAUGHT_PANIC_BYTES];
    size_t length;
};

static void append(void *context, const char *text, size_t length)
{
    struct short_text *to = context;

    for (size_t i = 0; i < length && to->length + 1 < sizeof to->text; i++) {
        to->text[to->length++] = text[i];
    }
}

/* Returns if nobody waits for a panic. */
static void offer_to_catcher(const char *format, va_list arguments)
{
    struct short_text message = {.length = 0};
    struct text_sink sink = {.write = append, .context = &message};

    format_write_list(&sink, format, arguments);
    exception_try_panic(message.text);
}

void kernel_panic(const char *file, int line, const char *format, ...)
{
    struct console serial_only;
    struct console *console = panic_console;
    va_list arguments;

    if (panicking) {
        debug_exit(DEBUG_EXIT_PANIC);
    }
    va_start(arguments, format);
    offer_to_catcher(format, arguments);
    va_end(arguments);
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
