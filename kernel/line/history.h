/* The lines that were entered. Pure: also built for the host. */
#pragma once

#include <stddef.h>

enum { HISTORY_LINES = 64, HISTORY_LINE_BYTES = 256 };

/* Initialised with zeros. */
struct history {
    size_t added; /* in all; the last HISTORY_LINES of them are kept */
    char lines[HISTORY_LINES][HISTORY_LINE_BYTES];
};

/* Adds a line, cut off at HISTORY_LINE_BYTES - 1; not an empty one, nor the last one again. The
 * oldest line is forgotten when there are HISTORY_LINES already. */
void history_add(struct history *self, const char *line);

/* The line that was entered `back` lines ago, 1 being the last; NULL if that is not known. */
const char *history_line(const struct history *self, size_t back);
