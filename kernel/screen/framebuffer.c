#include "kernel/screen/framebuffer.h"

#include <stddef.h>

enum { BITS_PER_COLOR = 8 };

static bool field_is_inside(struct color_field field, uint32_t bits_per_pixel)
{
    return field.bit_count > 0 && field.bit_count <= bits_per_pixel &&
           field.position <= bits_per_pixel - field.bit_count;
}

static const char *format_fault(const struct display *display)
{
    uint32_t bits = display->bits_per_pixel;

    if (bits != 24 && bits != 32) {
        return "its pixels have neither 24 nor 32 bits";
    }
    if (!field_is_inside(display->red, bits) || !field_is_inside(display->green, bits) ||
        !field_is_inside(display->blue, bits)) {
        return "its pixels are not made of red, green and blue";
    }
    return NULL;
}

/* The sums cannot overflow: each factor has 32 bits, and the address is below 2^52. */
static const char *place_fault(const struct display *display, unsigned physical_bits)
{
    uint64_t end = display->address.value + framebuffer_bytes(display);

    if (framebuffer_bytes(display) > FRAMEBUFFER_BYTES_MAX) {
        return "it has more than 256 MiB";
    }
    if (end > UINT64_C(1) << physical_bits) {
        return "it is beyond the addresses of this CPU";
    }
    return NULL;
}

const char *framebuffer_fault(const struct display *display, unsigned physical_bits)
{
    const char *fault = format_fault(display);

    if (fault != NULL) {
        return fault;
    }
    if (display->width < FONT_WIDTH || display->height < FONT_HEIGHT) {
        return "it is smaller than a character";
    }
    if (display->pitch_bytes < (uint64_t)display->width * (display->bits_per_pixel / 8)) {
        return "its rows overlap";
    }
    if (display->address.value == 0 ||
        display->address.value >= UINT64_C(1) << PHYS_ADDR_BITS_MAX) {
        return "it has no possible address";
    }
    return place_fault(display, physical_bits);
}

uint64_t framebuffer_bytes(const struct display *display)
{
    return (uint64_t)display->pitch_bytes * display->height;
}

struct framebuffer framebuffer_of(const struct display *display, uint8_t *pixels)
{
    return (struct framebuffer){
        .pixels = pixels,
        .width = display->width,
        .height = display->height,
        .pitch_bytes = display->pitch_bytes,
        .pixel_bytes = display->bits_per_pixel / 8,
        .red = display->red,
        .green = display->green,
        .blue = display->blue,
    };
}

/* An 8-bit component in the field's own number of bits, at its place. */
static uint32_t in_field(struct color_field field, uint32_t component)
{
    unsigned bits = field.bit_count;
    uint32_t value = bits < BITS_PER_COLOR ? component >> (BITS_PER_COLOR - bits)
                                           : component << (bits - BITS_PER_COLOR);

    return value << field.position;
}

uint32_t framebuffer_pixel(const struct framebuffer *framebuffer, uint32_t color)
{
    return in_field(framebuffer->red, color >> 16 & 0xff) |
           in_field(framebuffer->green, color >> 8 & 0xff) |
           in_field(framebuffer->blue, color & 0xff);
}

static uint8_t *pixel_at(const struct framebuffer *framebuffer, uint32_t x, uint32_t y)
{
    return framebuffer->pixels + (uint64_t)y * framebuffer->pitch_bytes +
           (uint64_t)x * framebuffer->pixel_bytes;
}

/* A copy of a constant size is one store, wherever it is aligned. */
static void put_pixel(const struct framebuffer *framebuffer, uint8_t *at, uint32_t pixel)
{
    uint16_t low = (uint16_t)pixel;

    if (framebuffer->pixel_bytes == sizeof pixel) {
        __builtin_memcpy(at, &pixel, sizeof pixel);
    } else {
        __builtin_memcpy(at, &low, sizeof low);
        at[sizeof low] = (uint8_t)(pixel >> 16);
    }
}

void framebuffer_fill(const struct framebuffer *framebuffer, uint32_t x, uint32_t y,
                      uint32_t width, uint32_t height, uint32_t pixel)
{
    if (framebuffer->pixels == NULL || x >= framebuffer->width || y >= framebuffer->height) {
        return;
    }
    width = width < framebuffer->width - x ? width : framebuffer->width - x;
    height = height < framebuffer->height - y ? height : framebuffer->height - y;
    for (uint32_t row = 0; row < height; row++) {
        uint8_t *at = pixel_at(framebuffer, x, y + row);
        for (uint32_t i = 0; i < width; i++) {
            put_pixel(framebuffer, at + (size_t)i * framebuffer->pixel_bytes, pixel);
        }
    }
}

/* Two pixels at a time: one of four pairs, as two bits of the glyph say. */
static void draw_rows_32(uint8_t *at, uint32_t pitch_bytes, const uint8_t *glyph,
                         uint32_t foreground, uint32_t background)
{
    /* The left pixel is the lower half of the word, and the higher bit of the index. */
    const uint64_t pairs[4] = {
        (uint64_t)background << 32 | background,
        (uint64_t)foreground << 32 | background,
        (uint64_t)background << 32 | foreground,
        (uint64_t)foreground << 32 | foreground,
    };

    for (unsigned row = 0; row < FONT_HEIGHT; row++, at += pitch_bytes) {
        for (unsigned pair = 0; pair < FONT_WIDTH / 2; pair++) {
            unsigned index = glyph[row] >> (FONT_WIDTH - 2 - 2 * pair) & 3u;
            __builtin_memcpy(at + pair * sizeof pairs[0], &pairs[index], sizeof pairs[0]);
        }
    }
}

static void draw_rows_24(const struct framebuffer *framebuffer, uint8_t *at, const uint8_t *glyph,
                         uint32_t foreground, uint32_t background)
{
    for (unsigned row = 0; row < FONT_HEIGHT; row++, at += framebuffer->pitch_bytes) {
        for (unsigned i = 0; i < FONT_WIDTH; i++) {
            bool is_set = (glyph[row] >> (FONT_WIDTH - 1 - i) & 1) != 0;
            put_pixel(framebuffer, at + (size_t)i * framebuffer->pixel_bytes,
                      is_set ? foreground : background);
        }
    }
}

void framebuffer_draw_character(const struct framebuffer *framebuffer, uint32_t x, uint32_t y,
                                uint8_t character, uint32_t foreground, uint32_t background)
{
    const uint8_t *glyph = font_glyphs[character];

    if (framebuffer->pixels == NULL || framebuffer->width < FONT_WIDTH ||
        framebuffer->height < FONT_HEIGHT || x > framebuffer->width - FONT_WIDTH ||
        y > framebuffer->height - FONT_HEIGHT) {
        return;
    }
    uint8_t *at = pixel_at(framebuffer, x, y);
    if (framebuffer->pixel_bytes == 4) {
        draw_rows_32(at, framebuffer->pitch_bytes, glyph, foreground, background);
    } else {
        draw_rows_24(framebuffer, at, glyph, foreground, background);
    }
}
