/* Which framebuffers are taken, and what is drawn on them. */
#include "kernel/screen/framebuffer.h"

#include "kernel/boot_info/display_fault.h"
#include "testing/test.h"

#include <string.h>

enum { WIDTH = 20, HEIGHT = 35, PITCH_BYTES = 100, UNTOUCHED = 0xa5 };

/* Pixels with rows that are longer than what they show, between bytes that are not theirs. */
struct picture {
    uint8_t before[PITCH_BYTES];
    uint8_t pixels[HEIGHT * PITCH_BYTES];
    uint8_t after[PITCH_BYTES];
};

static const struct display good = {
    .kind = DISPLAY_FRAMEBUFFER,
    .address = {0xc0000000},
    .width = WIDTH,
    .height = HEIGHT,
    .pitch_bytes = PITCH_BYTES,
    .bits_per_pixel = 32,
    .red = {16, 8},
    .green = {8, 8},
    .blue = {0, 8},
};

static struct framebuffer begin(struct picture *picture, struct display display)
{
    memset(picture, UNTOUCHED, sizeof *picture);
    return framebuffer_of(&display, picture->pixels);
}

/* The pixel as the screen takes it: the byte with the lowest address is the lowest. */
static uint32_t pixel(const struct picture *picture, unsigned pixel_bytes, unsigned x, unsigned y)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < pixel_bytes; i++) {
        value |= (uint32_t)picture->pixels[y * PITCH_BYTES + x * pixel_bytes + i] << 8 * i;
    }
    return value;
}

/* How many bytes differ from what was there before. */
static size_t touched(const uint8_t *bytes, size_t count)
{
    size_t differ = 0;

    for (size_t i = 0; i < count; i++) {
        differ += bytes[i] != UNTOUCHED;
    }
    return differ;
}

static bool has_fault(struct display display, const char *part)
{
    static const struct memory_map map = {
        .region_count = 3,
        .regions = {{{0}, {0x10000000}, MEMORY_USABLE},
                    {{0xb0000000}, {0xd0000000}, MEMORY_RESERVED},
                    {{0x100000000}, {0x140000000}, MEMORY_USABLE}},
    };
    const char *fault = display_fault(&display, &map, 36);

    return part == NULL ? fault == NULL : fault != NULL && strstr(fault, part) != NULL;
}

/* `good` with one field changed. */
#define GOOD_BUT(field, ...)                                                                       \
    ({                                                                                             \
        struct display changed = good;                                                             \
        changed.field = (__typeof__(changed.field))__VA_ARGS__;                                    \
        changed;                                                                                   \
    })

TEST(framebuffer, is_taken_with_24_and_32_bits_a_pixel)
{
    CHECK(has_fault(good, NULL));
    CHECK(has_fault(GOOD_BUT(bits_per_pixel, 24), NULL));
    CHECK(has_fault(GOOD_BUT(bits_per_pixel, 0), "24 nor 32"));
    CHECK(has_fault(GOOD_BUT(bits_per_pixel, 8), "24 nor 32"));
    CHECK(has_fault(GOOD_BUT(bits_per_pixel, 16), "24 nor 32"));
    CHECK(has_fault(GOOD_BUT(bits_per_pixel, 64), "24 nor 32"));
}

TEST(framebuffer, is_refused_with_a_size_that_cannot_be)
{
    CHECK(has_fault(GOOD_BUT(width, 7), "smaller than a character"));
    CHECK(has_fault(GOOD_BUT(height, 15), "smaller than a character"));
    CHECK(has_fault(GOOD_BUT(width, 0), "smaller"));
    CHECK(has_fault(GOOD_BUT(pitch_bytes, 4 * WIDTH), NULL));
    CHECK(has_fault(GOOD_BUT(pitch_bytes, 4 * WIDTH - 1), "rows overlap"));
    CHECK(has_fault(GOOD_BUT(pitch_bytes, 0), "rows overlap"));
    CHECK(has_fault(GOOD_BUT(width, 0x40000005), "rows overlap"));
    CHECK(has_fault(GOOD_BUT(height, UINT32_MAX), "more than 256 MiB"));
    CHECK(has_fault(GOOD_BUT(pitch_bytes, UINT32_MAX), "more than 256 MiB"));
}

TEST(framebuffer, is_refused_without_three_colors_inside_the_pixel)
{
    CHECK(has_fault(GOOD_BUT(red, {0, 0}), "red, green and blue"));
    CHECK(has_fault(GOOD_BUT(green, {25, 8}), "red, green and blue"));
    CHECK(has_fault(GOOD_BUT(blue, {255, 255}), "red, green and blue"));
    CHECK(has_fault(GOOD_BUT(blue, {0, 33}), "red, green and blue"));
    CHECK(has_fault(GOOD_BUT(green, {24, 8}), NULL));
    struct display display = GOOD_BUT(bits_per_pixel, 24);
    display.red.position = 17;
    CHECK(has_fault(display, "red, green and blue"));
}

TEST(framebuffer, is_refused_at_an_address_that_is_not_its_own)
{
    uint64_t bytes = framebuffer_bytes(&good);

    CHECK_EQUAL(bytes, HEIGHT * PITCH_BYTES);
    CHECK(has_fault(GOOD_BUT(address, {0}), "no possible address"));
    CHECK(has_fault(GOOD_BUT(address, {UINT64_MAX}), "no possible address"));
    CHECK(has_fault(GOOD_BUT(address, {UINT64_C(1) << 52}), "no possible address"));
    CHECK(has_fault(GOOD_BUT(address, {(UINT64_C(1) << 36) - bytes}), NULL));
    CHECK(has_fault(GOOD_BUT(address, {(UINT64_C(1) << 36) - bytes + 1}), "beyond the addresses"));
    CHECK(has_fault(GOOD_BUT(address, {0x10000000}), NULL));
    CHECK(has_fault(GOOD_BUT(address, {0x10000000 - 1}), "something else"));
    CHECK(has_fault(GOOD_BUT(address, {0x200000}), "something else"));
    CHECK(has_fault(GOOD_BUT(address, {0x100000000 - bytes}), NULL));
    CHECK(has_fault(GOOD_BUT(address, {0x100000000 - bytes + 1}), "something else"));
}

TEST(framebuffer, has_each_color_where_the_firmware_says)
{
    static const struct {
        struct color_field red, green, blue;
        uint32_t color, pixel;
    } cases[] = {
        {{16, 8}, {8, 8}, {0, 8}, 0x123456, 0x123456},
        {{0, 8}, {8, 8}, {16, 8}, 0x123456, 0x563412},
        {{24, 8}, {16, 8}, {8, 8}, 0x123456, 0x12345600},
        {{20, 10}, {10, 10}, {0, 10}, 0xff8001, 0xff << 22 | 0x80 << 12 | 0x01 << 2},
        {{11, 5}, {5, 6}, {0, 5}, 0xff0804, 0x1f << 11 | 0x02 << 5 | 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct framebuffer framebuffer = {
            .red = cases[i].red, .green = cases[i].green, .blue = cases[i].blue};
        CHECK_EQUAL(framebuffer_pixel(&framebuffer, cases[i].color), cases[i].pixel);
    }
}

/* Every pixel of the character, and nothing but these. */
static void check_glyph(struct test *test, unsigned bits_per_pixel)
{
    static struct picture picture;
    unsigned pixel_bytes = bits_per_pixel / 8;
    struct framebuffer framebuffer = begin(&picture, GOOD_BUT(bits_per_pixel, bits_per_pixel));
    uint32_t x = 3;
    uint32_t y = 5;

    framebuffer_draw_character(&framebuffer, x, y, 'R', 0x112233, 0x445566);
    for (unsigned row = 0; row < FONT_HEIGHT; row++) {
        for (unsigned column = 0; column < FONT_WIDTH; column++) {
            bool is_set = (font_glyphs['R'][row] & 0x80 >> column) != 0;
            CHECK_EQUAL(pixel(&picture, pixel_bytes, x + column, y + row),
                        is_set ? 0x112233 : 0x445566);
        }
    }
    CHECK_EQUAL(touched((uint8_t *)&picture, sizeof picture),
                FONT_WIDTH * FONT_HEIGHT * pixel_bytes);
}

TEST(framebuffer, draws_the_pixels_of_a_character_and_no_others)
{
    check_glyph(test, 32);
    check_glyph(test, 24);
}

TEST(framebuffer, draws_no_character_that_is_not_wholly_inside)
{
    static const struct {
        uint32_t x, y;
        bool inside;
    } cases[] = {
        {WIDTH - FONT_WIDTH, HEIGHT - FONT_HEIGHT, true},
        {WIDTH - FONT_WIDTH + 1, 0, false},
        {0, HEIGHT - FONT_HEIGHT + 1, false},
        {UINT32_MAX, 0, false},
        {0, UINT32_MAX, false},
    };
    static struct picture picture;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct framebuffer framebuffer = begin(&picture, good);
        framebuffer_draw_character(&framebuffer, cases[i].x, cases[i].y, 'X', 1, 2);
        CHECK_EQUAL(touched((uint8_t *)&picture, sizeof picture) != 0, cases[i].inside);
        CHECK_EQUAL(touched(picture.before, sizeof picture.before), 0);
        CHECK_EQUAL(touched(picture.after, sizeof picture.after), 0);
    }
}

TEST(framebuffer, fills_the_part_of_a_rectangle_that_is_inside)
{
    static struct picture picture;
    struct framebuffer framebuffer = begin(&picture, GOOD_BUT(bits_per_pixel, 24));

    framebuffer_fill(&framebuffer, WIDTH - 2, HEIGHT - 3, UINT32_MAX, UINT32_MAX, 0x010203);
    CHECK_EQUAL(touched((uint8_t *)&picture, sizeof picture), 2 * 3 * 3);
    CHECK_EQUAL(pixel(&picture, 3, WIDTH - 2, HEIGHT - 3), 0x010203);
    CHECK_EQUAL(pixel(&picture, 3, WIDTH - 1, HEIGHT - 1), 0x010203);
    framebuffer = begin(&picture, good);
    framebuffer_fill(&framebuffer, WIDTH, 0, 1, 1, 0);
    framebuffer_fill(&framebuffer, 0, HEIGHT, 1, 1, 0);
    framebuffer.pixels = NULL;
    framebuffer_fill(&framebuffer, 0, 0, WIDTH, HEIGHT, 0);
    framebuffer_draw_character(&framebuffer, 0, 0, 'X', 1, 2);
    CHECK_EQUAL(touched((uint8_t *)&picture, sizeof picture), 0);
}
