/* A linear framebuffer: pixels in memory, as the firmware has set them up. Pixels are only ever
 * written, since reading them back is slow. Pure: also built for the host. */
#pragma once

#include "kernel/screen/display.h"
#include "kernel/screen/font.h"

/* Of the whole framebuffer: larger ones are not believed. */
#define FRAMEBUFFER_BYTES_MAX (UINT64_C(256) << 20)

struct framebuffer {
    uint8_t *pixels; /* NULL: nothing is visible, and drawing does nothing */
    uint32_t width;
    uint32_t height;
    uint32_t pitch_bytes;
    uint32_t pixel_bytes; /* 3 or 4 */
    struct color_field red;
    struct color_field green;
    struct color_field blue;
};

/* What is wrong with what the firmware says of a framebuffer, or NULL if it can be drawn on. Whether
 * something else is at its address is not looked at. physical_bits: MAXPHYADDR. */
const char *framebuffer_fault(const struct display *display, unsigned physical_bits);

/* From the first pixel to the end of the last row. Needs: a display without a fault. */
uint64_t framebuffer_bytes(const struct display *display);

/* Needs: a display without a fault, all of which is visible at `pixels`. */
struct framebuffer framebuffer_of(const struct display *display, uint8_t *pixels);

/* The pixel of a colour 0xRRGGBB. */
uint32_t framebuffer_pixel(const struct framebuffer *framebuffer, uint32_t color);

/* Fills what of the rectangle is inside the framebuffer. */
void framebuffer_fill(const struct framebuffer *framebuffer, uint32_t x, uint32_t y,
                      uint32_t width, uint32_t height, uint32_t pixel);

/* Draws a character whose upper left corner is at x, y; nothing unless all of it is inside. */
void framebuffer_draw_character(const struct framebuffer *framebuffer, uint32_t x, uint32_t y,
                                uint8_t character, uint32_t foreground, uint32_t background);
