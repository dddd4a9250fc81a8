#include "kernel/console/console.h"

#include "kernel/panic/serial.h"

void console_init(struct console *console)
{
    serial_init();
    vga_text_init(&console->screen, NULL);
    console->framebuffer = NULL;
}

void console_add_screen(struct console *console, volatile uint16_t *cells)
{
    vga_text_init(&console->screen, cells);
}

void console_add_framebuffer(struct console *console, struct framebuffer_text *framebuffer)
{
    console->framebuffer = framebuffer;
}

void console_write(struct console *console, const char *text, size_t length)
{
    serial_write(text, length);
    vga_text_write(&console->screen, text, length);
    if (console->framebuffer != NULL) {
        framebuffer_text_write(console->framebuffer, text, length);
    }
}

static void write_to_console(void *context, const char *text, size_t length)
{
    console_write(context, text, length);
}

void console_print_list(struct console *console, const char *format, va_list arguments)
{
    struct text_sink sink = {.write = write_to_console, .context = console};

    format_write_list(&sink, format, arguments);
}

void console_print(struct console *console, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    console_print_list(console, format, arguments);
    va_end(arguments);
}

void console_print_size(struct console *console, uint64_t bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;

    while (unit + 1 < sizeof units / sizeof units[0] && bytes != 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    console_print(console, "%lu %s", bytes, units[unit]);
}
