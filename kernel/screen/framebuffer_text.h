/* Text on a framebuffer, as a VGA text screen shows it: cells of a character and its colours. The
 * cells are in memory, and drawn where they differ from what is visible, so that scrolling draws
 * no more than it must. Pure: also built for the host. */
#pragma once

#include "kernel/screen/framebuffer.h"

#include <stddef.h>

/* Full HD; what a larger screen has beside it stays black. */
enum { FRAMEBUFFER_TEXT_COLUMNS_MAX = 240, FRAMEBUFFER_TEXT_ROWS_MAX = 67 };

enum { TEXT_LIGHT_GREY_ON_BLACK = 0x07 };

struct framebuffer_text {
    struct framebuffer framebuffer;
    unsigned columns;
    unsigned rows;
    unsigned row; /* of the next character */
    unsigned column;
    uint8_t colors;  /* of what is written from here on: background in bits 4 to 6, foreground in
                        0 to 3, as a VGA's */
    unsigned top;    /* which row of `cells` is the uppermost; the others follow, in a ring */
    unsigned first_changed_row; /* above it, the screen shows what `cells` say */
    uint16_t cells[FRAMEBUFFER_TEXT_ROWS_MAX][FRAMEBUFFER_TEXT_COLUMNS_MAX];
    uint16_t shown[FRAMEBUFFER_TEXT_ROWS_MAX][FRAMEBUFFER_TEXT_COLUMNS_MAX];
};

/* An empty screen, drawn. */
void framebuffer_text_init(struct framebuffer_text *screen, struct framebuffer framebuffer);

/* From now on the pixels are at another address, or not visible (NULL), or visible again: then all
 * is drawn. */
void framebuffer_text_move(struct framebuffer_text *screen, uint8_t *pixels);

/* Writes the characters. '\n' starts a line, '\r' goes to its beginning, '\t' to the next multiple
 * of 8 columns, '\b' one column to the left; '\f' clears the screen. It scrolls when it is full. */
void framebuffer_text_write(struct framebuffer_text *screen, const char *text, size_t length);
