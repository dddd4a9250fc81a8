#include "kernel/panic/panic.h"

#include "kernel/panic/debug_exit.h"
#include "kernel/report/backtrace.h"
#include "kernel/report/report_part.h"
#include "kernel/traps/exception.h"

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
static void offer_to_catcher(const char *file, int line, const char *format, va_list arguments)
{
    struct short_text message = {.length = 0};
    struct text_sink sink = {.write = append, .context = &message};

    format_write_list(&sink, format, arguments);
    exception_try_panic(message.text, file, line);
}

/* What is said of a panic. */
struct words {
    struct console *console;
    const char *file;
    int line;
    const char *format;
    va_list arguments;
    uint64_t return_address;
    uint64_t frame_pointer;
};

static void print_reason(void *argument)
{
    struct words *words = argument;
    va_list arguments; /* a part may be printed twice */

    va_copy(arguments, words->arguments);
    console_print(words->console, "\nPANIC: ");
    console_print_list(words->console, words->format, arguments);
    console_print(words->console, "\n  at %s:%d\n", words->file, words->line);
    va_end(arguments);
}

static void print_backtrace(void *argument)
{
    const struct words *words = argument;

    backtrace_print(words->console, words->return_address, words->frame_pointer);
}

void kernel_panic(const char *file, int line, const char *format, ...)
{
    struct console serial_only;
    struct words words = {
        .console = panic_console,
        .file = file,
        .line = line,
        .format = format,
        .return_address = (uint64_t)__builtin_return_address(0),
        .frame_pointer = *(const uint64_t *)__builtin_frame_address(0),
    };

    if (panicking) {
        debug_exit(DEBUG_EXIT_PANIC);
    }
    va_start(words.arguments, format);
    offer_to_catcher(file, line, format, words.arguments);
    va_end(words.arguments);
    panicking = true;
    if (words.console == NULL) {
        console_init(&serial_only);
        words.console = &serial_only;
    }
    report_begin(words.console);
    va_start(words.arguments, format);
    report_part(words.console, print_reason, &words);
    va_end(words.arguments);
    report_part(words.console, print_backtrace, &words);
    report_end(words.console);
    debug_exit(DEBUG_EXIT_PANIC);
}
