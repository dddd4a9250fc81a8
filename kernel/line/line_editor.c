#include "kernel/line/line_editor.h"

#include "kernel/lib/string.h"

/* OTHER stands in the text for a character that is not ASCII. */
enum { PRINTABLE_FIRST = 0x20, PRINTABLE_END = 0x7f, OTHER = 0x1a };

static char visible(char character)
{
    return character == OTHER ? '?' : character;
}

static void write_text(const struct line_editor *self, const char *text, size_t length)
{
    self->screen->write(self->screen->context, text, length);
}

/* Moves the screen's cursor to a column of what is shown: to the right by writing again what is
 * there. */
static void move_to(struct line_editor *self, size_t column)
{
    while (self->shown_cursor > column) {
        write_text(self, "\b", 1);
        self->shown_cursor--;
    }
    if (self->shown_cursor < column) {
        write_text(self, &self->shown[self->shown_cursor], column - self->shown_cursor);
        self->shown_cursor = column;
    }
}

/* Writes one character over whatever the column shows. */
static void put(struct line_editor *self, size_t column, char character)
{
    move_to(self, column);
    self->shown[column] = character;
    write_text(self, &character, 1);
    self->shown_cursor++;
}

/* Chooses the part of the line to show: the cursor must be in it, with `room` columns from its own on.
 * It moves by half its width, so that typing at its end does not rewrite everything with each
 * character. */
static void choose_view(struct line_editor *self, size_t room)
{
    if (self->cursor < self->view_start) {
        self->view_start = self->cursor > LINE_COLUMNS / 2 ? self->cursor - LINE_COLUMNS / 2 : 0;
    } else if (self->cursor + room > self->view_start + LINE_COLUMNS) {
        self->view_start = self->cursor - LINE_COLUMNS / 2;
    }
}

/* Writes what differs between the screen and the line. `room`: as choose_view has it. */
static void show_with_room(struct line_editor *self, size_t room)
{
    choose_view(self, room);

    const char *view = &self->text[self->view_start];
    size_t length = self->length - self->view_start;
    if (length > LINE_COLUMNS) {
        length = LINE_COLUMNS;
    }
    for (size_t column = 0; column < length; column++) {
        if (column >= self->shown_length || self->shown[column] != visible(view[column])) {
            put(self, column, visible(view[column]));
        }
    }
    for (size_t column = length; column < self->shown_length; column++) {
        put(self, column, ' ');
    }
    move_to(self, self->cursor - self->view_start);
    self->shown_length = length;
}

static void show(struct line_editor *self)
{
    show_with_room(self, 1);
}

void line_editor_begin(struct line_editor *self, const struct text_sink *screen,
                       const struct history *history)
{
    memset(self, 0, sizeof *self);
    self->screen = screen;
    self->history = history;
}

bool line_editor_has_other(const struct line_editor *self)
{
    for (size_t i = 0; i < self->length; i++) {
        if (self->text[i] == OTHER) {
            return true;
        }
    }
    return false;
}

void line_editor_show_again(struct line_editor *self)
{
    self->shown_length = 0;
    self->shown_cursor = 0;
    show(self);
}

void line_editor_insert(struct line_editor *self, const char *text, size_t length)
{
    if (length > LINE_BYTES - 1 - self->length) {
        self->overflowed = true;
        return;
    }
    memmove(&self->text[self->cursor + length], &self->text[self->cursor],
            self->length - self->cursor + 1);
    memcpy(&self->text[self->cursor], text, length);
    self->length += length;
    self->cursor += length;
    show(self);
}

/* Removes the characters from `start` to before `end`; the cursor goes to `start`. */
static void cut(struct line_editor *self, size_t start, size_t end)
{
    memmove(&self->text[start], &self->text[end], self->length - end + 1);
    self->length -= end - start;
    self->cursor = start;
    self->overflowed = self->overflowed && self->length > 0;
}

static size_t word_start(const struct line_editor *self)
{
    size_t start = self->cursor;

    while (start > 0 && self->text[start - 1] == ' ') {
        start--;
    }
    while (start > 0 && self->text[start - 1] != ' ') {
        start--;
    }
    return start;
}

/* Puts the line of the history that is `back` lines ago, or the new one, in the place of this. */
static void go_to_line(struct line_editor *self, size_t back)
{
    const char *line = back == 0 ? self->new_text : history_line(self->history, back);

    if (line == NULL) {
        return;
    }
    if (self->history_back == 0) {
        memcpy(self->new_text, self->text, sizeof self->new_text);
        self->new_overflowed = self->overflowed;
    }
    self->overflowed = back == 0 && self->new_overflowed;
    self->history_back = back;
    self->length = strlen(line);
    self->cursor = self->length;
    memcpy(self->text, line, self->length + 1);
}

/* Ends the line: the mark is written behind it, and the cursor goes to the next row. */
static void finish(struct line_editor *self, const char *mark)
{
    size_t mark_columns = strlen(mark);

    self->cursor = self->length;
    show_with_room(self, mark_columns > 0 ? mark_columns : 1);
    write_text(self, mark, mark_columns);
    write_text(self, "\n", 1);
}

/* The keys that change the line or move in it. */
static void edit(struct line_editor *self, enum key key)
{
    switch ((unsigned)key) {
    case KEY_BACKSPACE:
        if (self->cursor > 0) {
            cut(self, self->cursor - 1, self->cursor);
        }
        break;
    case KEY_DELETE:
    case KEY_CTRL('D'):
        if (self->cursor < self->length) {
            cut(self, self->cursor, self->cursor + 1);
        }
        break;
    case KEY_CTRL('K'):
        cut(self, self->cursor, self->length);
        break;
    case KEY_CTRL('U'):
        cut(self, 0, self->cursor);
        break;
    case KEY_CTRL('W'):
        cut(self, word_start(self), self->cursor);
        break;
    case KEY_LEFT:
    case KEY_CTRL('B'):
        self->cursor -= self->cursor > 0 ? 1 : 0;
        break;
    case KEY_RIGHT:
    case KEY_CTRL('F'):
        self->cursor += self->cursor < self->length ? 1 : 0;
        break;
    case KEY_HOME:
    case KEY_CTRL('A'):
        self->cursor = 0;
        break;
    case KEY_END:
    case KEY_CTRL('E'):
        self->cursor = self->length;
        break;
    case KEY_UP:
    case KEY_CTRL('P'):
        go_to_line(self, self->history_back + 1);
        break;
    case KEY_DOWN:
    case KEY_CTRL('N'):
        if (self->history_back > 0) {
            go_to_line(self, self->history_back - 1);
        }
        break;
    }
}

enum line_event line_editor_key(struct line_editor *self, enum key key)
{
    if ((unsigned)key >= PRINTABLE_FIRST && (unsigned)key < PRINTABLE_END) {
        line_editor_insert(self, &(char){(char)key}, 1);
        return LINE_GOES_ON;
    }
    switch ((unsigned)key) {
    case KEY_OTHER:
        line_editor_insert(self, &(char){OTHER}, 1);
        return LINE_GOES_ON;
    case KEY_ENTER:
        finish(self, "");
        return self->overflowed ? LINE_TOO_LONG : LINE_ENTERED;
    case KEY_CTRL('C'):
        finish(self, "^C");
        return LINE_GIVEN_UP;
    case KEY_CTRL('D'):
        if (self->length == 0) {
            finish(self, "^D");
            return LINE_LEAVE;
        }
        break;
    case KEY_TAB:
        return LINE_COMPLETE;
    case KEY_CTRL('L'):
        return LINE_CLEAR_SCREEN;
    }
    edit(self, key);
    show(self);
    return LINE_GOES_ON;
}
