/* The font of the framebuffer console. scripts/make/font_table.py makes it from a packaged font. */
#pragma once

#include <stdint.h>

enum { FONT_WIDTH = 8, FONT_HEIGHT = 16 };

/* For each byte of a text, as a PC's text screen shows it: a byte per row of pixels, of which bit 7
 * is the leftmost. */
extern const uint8_t font_glyphs[256][FONT_HEIGHT];
