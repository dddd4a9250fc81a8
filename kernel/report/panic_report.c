#include "kernel/report/panic_report.h"

#include "kernel/panic/debug_exit.h"
#include "kernel/report/backtrace.h"
#include "kernel/report/report_part.h"
#include "kernel/traps/exception.h"

#include <stdbool.h>

static bool panicking;

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
static void offer_to_catcher(struct panic *panic)
{
    struct short_text message = {.length = 0};
    struct text_sink sink = {.write = append, .context = &message};
    va_list arguments; /* the report reads them again */

    va_copy(arguments, panic->arguments);
    format_write_list(&sink, panic->format, arguments);
    va_end(arguments);
    exception_try_panic(message.text, panic->file, panic->line);
}

/* What all parts of a report are about. */
struct subject {
    struct console *console;
    struct panic *panic;
};

static void print_reason(void *argument)
{
    const struct subject *subject = argument;
    const struct panic *panic = subject->panic;
    va_list arguments; /* a part may be printed twice */

    va_copy(arguments, subject->panic->arguments);
    console_print(subject->console, "\nPANIC: ");
    console_print_list(subject->console, panic->format, arguments);
    console_print(subject->console, "\n  at %s:%d\n", panic->file, panic->line);
    va_end(arguments);
}

static void print_backtrace(void *argument)
{
    const struct subject *subject = argument;

    backtrace_print(subject->console, subject->panic->return_address,
                    subject->panic->frame_pointer);
}

void panic_report(struct console *console, struct panic *panic)
{
    struct subject subject = {console, panic};

    if (panicking) {
        debug_exit(DEBUG_EXIT_PANIC);
    }
    offer_to_catcher(panic);
    panicking = true;
    report_begin(console);
    report_part(console, print_reason, &subject);
    report_part(console, print_backtrace, &subject);
    report_end(console);
}
