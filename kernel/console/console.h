/* Where the kernel's text goes: the serial port, and a screen if there is one. */
#pragma once

#include "kernel/lib/format.h"
#include "kernel/screen/framebuffer_text.h"
#include "kernel/screen/vga_text.h"

struct console {
    struct vga_text screen;
    struct framebuffer_text *framebuffer; /* NULL: there is none */
};

/* A console on the serial port alone. */
void console_init(struct console *console);

/* Adds the VGA text screen whose cells are visible at `cells`, cleared. */
void console_add_screen(struct console *console, volatile uint16_t *cells);

/* Adds a screen on a framebuffer. It stays the caller's. */
void console_add_framebuffer(struct console *console, struct framebuffer_text *framebuffer);

void console_write(struct console *console, const char *text, size_t length);

/* Formats as format_write does. */
__attribute__((format(printf, 2, 3))) void console_print(struct console *console,
                                                         const char *format, ...);
__attribute__((format(printf, 2, 0))) void
console_print_list(struct console *console, const char *format, va_list arguments);

/* Prints a number of bytes in the largest unit that loses nothing: "639 KiB", "64 MiB". */
void console_print_size(struct console *console, uint64_t bytes);
