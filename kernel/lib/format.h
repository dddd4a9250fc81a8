/* printf-like formatting into a sink. Pure: also built for the host. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/* Takes what is formatted, piece by piece. */
struct text_sink {
    void (*write)(void *context, const char *text, size_t length);
    void *context;
};

/* %c %s %d %o %u %x %% with l and z, a width, '-' and '0' in front of it, '*' for a width among the
 * arguments and a precision for %s. A conversion outside of these is written as it stands, and
 * ends the formatting, since its argument cannot be skipped. */
__attribute__((format(printf, 2, 3))) void format_write(const struct text_sink *sink,
                                                        const char *format, ...);
__attribute__((format(printf, 2, 0))) void
format_write_list(const struct text_sink *sink, const char *format, va_list arguments);

/* Formats into `text` of limit_bytes bytes (at least 1), cut off where it is full, and always
 * NUL-terminated. Returns the length of what stands in `text`. */
__attribute__((format(printf, 3, 4))) size_t format_text(char *text, size_t limit_bytes,
                                                         const char *format, ...);
