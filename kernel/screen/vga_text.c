#include "kernel/screen/vga_text.h"

#include "kernel/cpu/port_io.h"

enum {
    LIGHT_GREY_ON_BLACK = 0x0700,
    BLANK = LIGHT_GREY_ON_BLACK | ' ',

    CRTC_INDEX = 0x3d4,
    CRTC_DATA = 0x3d5,
    CRTC_CURSOR_HIGH = 0x0e,
    CRTC_CURSOR_LOW = 0x0f,
};

static volatile uint16_t *row_cells(const struct vga_text *screen, unsigned row)
{
    return screen->cells + row * VGA_TEXT_COLUMNS;
}

static void clear_row(const struct vga_text *screen, unsigned row)
{
    for (unsigned column = 0; column < VGA_TEXT_COLUMNS; column++) {
        row_cells(screen, row)[column] = BLANK;
    }
}

static void clear(struct vga_text *screen)
{
    screen->row = 0;
    screen->column = 0;
    for (unsigned row = 0; row < VGA_TEXT_ROWS; row++) {
        clear_row(screen, row);
    }
}

void vga_text_init(struct vga_text *screen, volatile uint16_t *cells)
{
    *screen = (struct vga_text){.cells = cells};
    if (cells != NULL) {
        clear(screen);
    }
}

static void next_row(struct vga_text *screen)
{
    screen->column = 0;
    if (screen->row + 1 < VGA_TEXT_ROWS) {
        screen->row++;
        return;
    }
    for (unsigned i = 0; i < (VGA_TEXT_ROWS - 1) * VGA_TEXT_COLUMNS; i++) {
        screen->cells[i] = screen->cells[i + VGA_TEXT_COLUMNS];
    }
    clear_row(screen, VGA_TEXT_ROWS - 1);
}

static void show_cursor(const struct vga_text *screen)
{
    unsigned position = screen->row * VGA_TEXT_COLUMNS + screen->column;

    port_write_8(CRTC_INDEX, CRTC_CURSOR_LOW);
    port_write_8(CRTC_DATA, (uint8_t)position);
    port_write_8(CRTC_INDEX, CRTC_CURSOR_HIGH);
    port_write_8(CRTC_DATA, (uint8_t)(position >> 8));
}

static void write_character(struct vga_text *screen, char character)
{
    switch (character) {
    case '\n':
        next_row(screen);
        break;
    case '\b':
        screen->column -= screen->column > 0 ? 1 : 0;
        break;
    case '\f':
        clear(screen);
        break;
    default:
        if (screen->column == VGA_TEXT_COLUMNS) {
            next_row(screen);
        }
        row_cells(screen, screen->row)[screen->column++] =
            (uint16_t)(LIGHT_GREY_ON_BLACK | (uint8_t)character);
    }
}

void vga_text_write(struct vga_text *screen, const char *text, size_t length)
{
    if (screen->cells == NULL) {
        return;
    }
    for (size_t i = 0; i < length; i++) {
        write_character(screen, text[i]);
    }
    show_cursor(screen);
}
