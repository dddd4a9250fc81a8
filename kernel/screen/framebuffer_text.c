#include "kernel/screen/framebuffer_text.h"

enum {
    TAB_COLUMNS = 8,
    CURSOR_HEIGHT = 2,
    NOT_SHOWN = 0x8000, /* blinking, as no cell is: the pixels are to be drawn */
};

/* The sixteen colours of a VGA text screen, 0xRRGGBB. */
static const uint32_t palette[16] = {
    0x000000, 0x0000aa, 0x00aa00, 0x00aaaa, 0xaa0000, 0xaa00aa, 0xaa5500, 0xaaaaaa,
    0x555555, 0x5555ff, 0x55ff55, 0x55ffff, 0xff5555, 0xff55ff, 0xffff55, 0xffffff,
};

static uint16_t *row_cells(struct framebuffer_text *screen, unsigned row)
{
    unsigned index = screen->top + row;

    return screen->cells[index < screen->rows ? index : index - screen->rows];
}

static void clear_row(struct framebuffer_text *screen, unsigned row)
{
    uint16_t *cells = row_cells(screen, row);

    for (unsigned column = 0; column < screen->columns; column++) {
        cells[column] = (uint16_t)(screen->colors << 8 | ' ');
    }
}

static void clear(struct framebuffer_text *screen)
{
    screen->row = 0;
    screen->column = 0;
    screen->first_changed_row = 0;
    for (unsigned row = 0; row < screen->rows; row++) {
        clear_row(screen, row);
    }
}

static unsigned lower(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static void draw_cell(struct framebuffer_text *screen, unsigned row, unsigned column, uint16_t cell)
{
    const struct framebuffer *framebuffer = &screen->framebuffer;

    framebuffer_draw_character(framebuffer, column * FONT_WIDTH, row * FONT_HEIGHT, (uint8_t)cell,
                               framebuffer_pixel(framebuffer, palette[cell >> 8 & 0xf]),
                               framebuffer_pixel(framebuffer, palette[cell >> 12 & 0x7]));
    screen->shown[row][column] = cell;
}

/* An underline, beneath where the next character will be. Its cell is drawn again with the next
 * change, which begins in its row or above. */
static void draw_cursor(struct framebuffer_text *screen)
{
    const struct framebuffer *framebuffer = &screen->framebuffer;

    if (screen->column < screen->columns) {
        framebuffer_fill(framebuffer, screen->column * FONT_WIDTH,
                         (screen->row + 1) * FONT_HEIGHT - CURSOR_HEIGHT, FONT_WIDTH, CURSOR_HEIGHT,
                         framebuffer_pixel(framebuffer, palette[TEXT_LIGHT_GREY_ON_BLACK]));
        screen->shown[screen->row][screen->column] = NOT_SHOWN;
    }
}

static void draw_changes(struct framebuffer_text *screen)
{
    if (screen->framebuffer.pixels == NULL) {
        return;
    }
    for (unsigned row = screen->first_changed_row; row < screen->rows; row++) {
        const uint16_t *cells = row_cells(screen, row);
        for (unsigned column = 0; column < screen->columns; column++) {
            if (screen->shown[row][column] != cells[column]) {
                draw_cell(screen, row, column, cells[column]);
            }
        }
    }
    draw_cursor(screen);
    screen->first_changed_row = screen->row;
}

static void draw_all(struct framebuffer_text *screen)
{
    const struct framebuffer *framebuffer = &screen->framebuffer;

    framebuffer_fill(framebuffer, 0, 0, framebuffer->width, framebuffer->height,
                     framebuffer_pixel(framebuffer, palette[0]));
    for (unsigned row = 0; row < screen->rows; row++) {
        for (unsigned column = 0; column < screen->columns; column++) {
            screen->shown[row][column] = TEXT_LIGHT_GREY_ON_BLACK << 8 | ' ';
        }
    }
    screen->first_changed_row = 0;
    draw_changes(screen);
}

void framebuffer_text_init(struct framebuffer_text *screen, struct framebuffer framebuffer)
{
    screen->framebuffer = framebuffer;
    screen->columns = lower(framebuffer.width / FONT_WIDTH, FRAMEBUFFER_TEXT_COLUMNS_MAX);
    screen->rows = lower(framebuffer.height / FONT_HEIGHT, FRAMEBUFFER_TEXT_ROWS_MAX);
    screen->colors = TEXT_LIGHT_GREY_ON_BLACK;
    screen->top = 0;
    clear(screen);
    draw_all(screen);
}

void framebuffer_text_move(struct framebuffer_text *screen, uint8_t *pixels)
{
    bool was_visible = screen->framebuffer.pixels != NULL;

    screen->framebuffer.pixels = pixels;
    if (!was_visible) {
        draw_all(screen);
    }
}

static void next_row(struct framebuffer_text *screen)
{
    screen->column = 0;
    if (screen->row + 1 < screen->rows) {
        screen->row++;
        return;
    }
    screen->top = screen->top + 1 < screen->rows ? screen->top + 1 : 0;
    clear_row(screen, screen->rows - 1);
    screen->first_changed_row = 0;
}

static void write_character(struct framebuffer_text *screen, char character)
{
    switch (character) {
    case '\n':
        next_row(screen);
        break;
    case '\r':
        screen->column = 0;
        break;
    case '\b':
        screen->column -= screen->column > 0;
        break;
    case '\f':
        clear(screen);
        break;
    case '\t':
        screen->column =
            lower(screen->columns, (screen->column / TAB_COLUMNS + 1) * TAB_COLUMNS);
        break;
    default:
        if (screen->column == screen->columns) {
            next_row(screen);
        }
        row_cells(screen, screen->row)[screen->column++] =
            (uint16_t)(screen->colors << 8 | (uint8_t)character);
    }
}

void framebuffer_text_write(struct framebuffer_text *screen, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        write_character(screen, text[i]);
    }
    draw_changes(screen);
}
