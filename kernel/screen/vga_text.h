/* The VGA text screen: 80 x 25 cells of a character and its colours. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    VGA_TEXT_COLUMNS = 80,
    VGA_TEXT_ROWS = 25,
    VGA_TEXT_FRAME = 0xb8000, /* physical address of the cells */
    VGA_TEXT_BYTES = VGA_TEXT_COLUMNS * VGA_TEXT_ROWS * 2,
};

struct vga_text {
    volatile uint16_t *cells; /* NULL: there is no screen, and writing does nothing */
    unsigned row;
    unsigned column;
};

/* A cleared screen whose cells are visible at `cells`. */
void vga_text_init(struct vga_text *screen, volatile uint16_t *cells);

/* Writes the characters. A line feed starts a line, and the screen scrolls when it is full; a
 * backspace moves the cursor to the left within its row; a form feed clears the screen. */
void vga_text_write(struct vga_text *screen, const char *text, size_t length);
