#include "kernel/panic/panic.h"

#include "kernel/lib/format.h"
#include "kernel/panic/debug_exit.h"
#include "kernel/panic/serial.h"

static void (*report_handler)(struct panic *panic);

void panics_on_report(void (*handler)(struct panic *panic))
{
    report_handler = handler;
}

static void write_to_serial(void *context, const char *text, size_t length)
{
    (void)context;
    serial_write(text, length);
}

static void tell_on_serial(struct panic *panic)
{
    struct text_sink serial = {.write = write_to_serial};

    serial_init();
    format_write(&serial, "\nPANIC: ");
    format_write_list(&serial, panic->format, panic->arguments);
    format_write(&serial, "\n  at %s:%d\nThe kernel has stopped.\n", panic->file, panic->line);
}

void kernel_panic(const char *file, int line, const char *format, ...)
{
    struct panic panic = {
        .file = file,
        .line = line,
        .format = format,
        .return_address = (uint64_t)__builtin_return_address(0),
        .frame_pointer = *(const uint64_t *)__builtin_frame_address(0),
    };

    va_start(panic.arguments, format);
    if (report_handler != NULL) {
        report_handler(&panic);
    } else {
        tell_on_serial(&panic);
    }
    va_end(panic.arguments);
    debug_exit(DEBUG_EXIT_PANIC);
}
