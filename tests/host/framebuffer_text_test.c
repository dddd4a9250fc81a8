/* Text on a framebuffer, read back from its pixels. */
#include "kernel/screen/framebuffer_text.h"

#include "testing/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Seven pixels to the right and three at the bottom belong to no cell. */
enum { COLUMNS = 12, ROWS = 4, WIDTH = COLUMNS * 8 + 7, HEIGHT = ROWS * 16 + 3 };

static uint32_t pixels[HEIGHT][WIDTH];
static struct framebuffer_text screen;

static struct framebuffer visible(void)
{
    return (struct framebuffer){
        .pixels = (uint8_t *)pixels,
        .width = WIDTH,
        .height = HEIGHT,
        .pitch_bytes = sizeof pixels[0],
        .pixel_bytes = 4,
        .red = {16, 8},
        .green = {8, 8},
        .blue = {0, 8},
    };
}

static void begin(void)
{
    memset(pixels, 0xa5, sizeof pixels);
    framebuffer_text_init(&screen, visible());
}

static void write_text(const char *text)
{
    framebuffer_text_write(&screen, text, strlen(text));
}

static bool cell_shows(unsigned row, unsigned column, uint8_t character, uint32_t foreground,
                       uint32_t background, unsigned height)
{
    for (unsigned y = 0; y < height; y++) {
        for (unsigned x = 0; x < FONT_WIDTH; x++) {
            bool is_set = (font_glyphs[character][y] & 0x80 >> x) != 0;
            if (pixels[row * FONT_HEIGHT + y][column * FONT_WIDTH + x] !=
                (is_set ? foreground : background)) {
                return false;
            }
        }
    }
    return true;
}

enum { GREY = 0xaaaaaa, BLACK = 0, CURSOR_TOP = 14 };

/* Compares the whole screen with what it should show, in light grey on black, and the cursor. */
static bool shows(const char *const rows[ROWS], unsigned cursor_row, unsigned cursor_column)
{
    for (unsigned row = 0; row < ROWS; row++) {
        for (unsigned column = 0; column < COLUMNS; column++) {
            bool has_cursor = row == cursor_row && column == cursor_column;
            uint8_t character =
                column < strlen(rows[row]) ? (uint8_t)rows[row][column] : (uint8_t)' ';
            if (!cell_shows(row, column, character, GREY, BLACK,
                            has_cursor ? CURSOR_TOP : FONT_HEIGHT)) {
                printf("# row %u column %u is no '%c'\n", row, column, character);
                return false;
            }
            if (has_cursor && pixels[row * FONT_HEIGHT + CURSOR_TOP][column * FONT_WIDTH] != GREY) {
                printf("# no cursor in row %u column %u\n", row, column);
                return false;
            }
        }
    }
    return true;
}

#define SHOWS(cursor_row, cursor_column, ...)                                                      \
    shows((const char *const[ROWS]){__VA_ARGS__}, cursor_row, cursor_column)

TEST(framebuffer_text, begins_black_to_the_last_pixel)
{
    begin();
    CHECK_EQUAL(screen.columns, COLUMNS);
    CHECK_EQUAL(screen.rows, ROWS);
    CHECK(SHOWS(0, 0, "", "", "", ""));
    CHECK_EQUAL(pixels[0][WIDTH - 1], BLACK);
    CHECK_EQUAL(pixels[HEIGHT - 1][0], BLACK);
}

TEST(framebuffer_text, shows_lines_and_wraps_long_ones)
{
    begin();
    write_text("one\n");
    write_text("twelve chars");
    CHECK(SHOWS(ROWS, 0, "one", "twelve chars", "", ""));
    write_text("\nx");
    CHECK(SHOWS(2, 1, "one", "twelve chars", "x", ""));
    begin();
    write_text("twelve chars and");
    CHECK(SHOWS(1, 4, "twelve chars", " and", "", ""));
}

TEST(framebuffer_text, obeys_return_tab_and_backspace)
{
    begin();
    write_text("abc\rX\n\tT\b\b-\n\b\b\bz");
    CHECK(SHOWS(2, 1, "Xbc", "       -T", "z", ""));
    begin();
    write_text("\t\tend");
    CHECK(SHOWS(1, 3, "", "end", "", ""));
}

TEST(framebuffer_text, is_cleared_by_a_form_feed)
{
    begin();
    write_text("1\n2\n3\n4\n5 and more");
    write_text("\fnew");
    CHECK(SHOWS(0, 3, "new", "", "", ""));
}

TEST(framebuffer_text, scrolls_by_a_row_when_it_is_full)
{
    begin();
    write_text("1\n2\n3\n4");
    CHECK(SHOWS(3, 1, "1", "2", "3", "4"));
    write_text("\n5");
    CHECK(SHOWS(3, 1, "2", "3", "4", "5"));
    write_text("\n6\n7\n8\n9\n");
    CHECK(SHOWS(3, 0, "7", "8", "9", ""));
}

TEST(framebuffer_text, has_the_colors_of_a_vga)
{
    begin();
    screen.colors = 0x4f;
    write_text("A");
    screen.colors = 0x1e;
    write_text("B");
    screen.colors = TEXT_LIGHT_GREY_ON_BLACK;
    write_text("C");
    CHECK(cell_shows(0, 0, 'A', 0xffffff, 0xaa0000, FONT_HEIGHT));
    CHECK(cell_shows(0, 1, 'B', 0xffff55, 0x0000aa, FONT_HEIGHT));
    CHECK(cell_shows(0, 2, 'C', GREY, BLACK, FONT_HEIGHT));
}

TEST(framebuffer_text, keeps_what_is_written_while_it_is_not_visible)
{
    memset(pixels, 0xa5, sizeof pixels);
    struct framebuffer hidden = visible();
    hidden.pixels = NULL;
    framebuffer_text_init(&screen, hidden);
    write_text("early\ntext");
    CHECK_EQUAL(pixels[0][0], 0xa5a5a5a5);
    framebuffer_text_move(&screen, (uint8_t *)pixels);
    CHECK(SHOWS(1, 4, "early", "text", "", ""));
}

TEST(framebuffer_text, draws_nothing_that_is_shown_already)
{
    begin();
    write_text("same\nsame\nsame\nsame");
    memset(pixels[FONT_HEIGHT], 0x55, sizeof pixels[0]);
    write_text("\nsame");
    CHECK_EQUAL(pixels[FONT_HEIGHT][0], 0x55555555);
}

/* A plain model: a grid of characters, moved up as a whole. */
static void model_write(char grid[ROWS][COLUMNS + 1], unsigned *row, unsigned *column, char letter)
{
    if (letter == '\n' || *column == COLUMNS) {
        *column = 0;
        if (++*row == ROWS) {
            memmove(grid[0], grid[1], (ROWS - 1) * sizeof grid[0]);
            memset(grid[--*row], ' ', COLUMNS);
        }
    }
    if (letter != '\n') {
        grid[*row][(*column)++] = letter;
    }
}

TEST(framebuffer_text, shows_what_a_plain_grid_would_after_any_text, .tags = "random")
{
    char grid[ROWS][COLUMNS + 1] = {{0}};
    unsigned row = 0;
    unsigned column = 0;

    struct random random = test_random(test, 0);

    begin();
    for (unsigned i = 0; i < ROWS; i++) {
        memset(grid[i], ' ', COLUMNS);
    }
    for (unsigned round = 0; round < 2000; round++) {
        char text[20];
        size_t length = random_below(&random, sizeof text);
        for (size_t i = 0; i < length; i++) {
            text[i] = (char)(random_below(&random, 6) == 0 ? '\n' : ' ' + random_below(&random, 95));
            model_write(grid, &row, &column, text[i]);
        }
        framebuffer_text_write(&screen, text, length);
        REQUIRE(SHOWS(row, column, grid[0], grid[1], grid[2], grid[3]));
    }
}

TEST(framebuffer_text, leaves_what_is_beyond_its_largest_size_black)
{
    enum { LARGE_WIDTH = (FRAMEBUFFER_TEXT_COLUMNS_MAX + 2) * FONT_WIDTH,
           LARGE_HEIGHT = (FRAMEBUFFER_TEXT_ROWS_MAX + 2) * FONT_HEIGHT };
    size_t bytes = (size_t)LARGE_WIDTH * LARGE_HEIGHT * 4;
    uint8_t *large = malloc(bytes);
    struct framebuffer framebuffer = visible();

    REQUIRE(large != NULL);
    memset(large, 0xa5, bytes);
    framebuffer.pixels = large;
    framebuffer.width = LARGE_WIDTH;
    framebuffer.height = LARGE_HEIGHT;
    framebuffer.pitch_bytes = LARGE_WIDTH * 4;
    framebuffer_text_init(&screen, framebuffer);
    CHECK_EQUAL(screen.columns, FRAMEBUFFER_TEXT_COLUMNS_MAX);
    CHECK_EQUAL(screen.rows, FRAMEBUFFER_TEXT_ROWS_MAX);
    for (unsigned i = 0; i < 200; i++) {
        write_text("a line\n");
    }
    CHECK_EQUAL(large[bytes - 1], 0);
    free(large);
}
