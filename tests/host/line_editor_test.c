/* The line editor, on a screen of one row that knows characters, '\b' and the end of the row. */
#include "kernel/line/line_editor.h"

#include "testing/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One column more than the editor may use: what is written there is a mistake. */
struct row {
    char cells[LINE_COLUMNS + 1];
    size_t column;
    size_t line_feeds;
    bool left_the_row;
};

static void write_to_row(void *context, const char *text, size_t length)
{
    struct row *row = context;

    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n') {
            row->line_feeds++;
        } else if (text[i] == '\b') {
            row->left_the_row = row->left_the_row || row->column == 0;
            row->column -= row->column > 0 ? 1 : 0;
        } else if (row->column < LINE_COLUMNS) {
            row->cells[row->column++] = text[i];
        } else {
            row->left_the_row = true;
        }
    }
}

struct session {
    struct row row;
    struct text_sink screen;
    struct history history;
    struct line_editor editor;
};

static struct session session;

static void begin(void)
{
    memset(&session.row, 0, sizeof session.row);
    memset(session.row.cells, ' ', LINE_COLUMNS);
    session.screen = (struct text_sink){.write = write_to_row, .context = &session.row};
    line_editor_begin(&session.editor, &session.screen, &session.history);
}

static enum line_event press(enum key key)
{
    return line_editor_key(&session.editor, key);
}

static void type(const char *text)
{
    for (; *text != '\0'; text++) {
        enum line_event event = press((enum key) * text);
        (void)event;
    }
}

/* What is on the screen without the blanks at its end. */
static const char *shown(void)
{
    static char text[LINE_COLUMNS + 1];
    size_t length = LINE_COLUMNS;

    while (length > 0 && session.row.cells[length - 1] == ' ') {
        length--;
    }
    memcpy(text, session.row.cells, length);
    text[length] = '\0';
    return text;
}

TEST(line_editor, edits_where_the_cursor_is)
{
    static const struct {
        const char *typed;
        enum key keys[4];
        const char *then;
        const char *line;
    } cases[] = {
        {"walk", {KEY_NONE}, " 1", "walk 1"},
        {"wak", {KEY_LEFT}, "l", "walk"},
        {"alk", {KEY_HOME}, "w", "walk"},
        {"alk", {KEY_CTRL('A'), KEY_RIGHT, KEY_CTRL('E')}, "!", "alk!"},
        {"walk", {KEY_BACKSPACE, KEY_BACKSPACE}, "x", "wax"},
        {"walk", {KEY_HOME, KEY_DELETE, KEY_CTRL('D')}, "t", "tlk"},
        {"walk 1", {KEY_LEFT, KEY_LEFT, KEY_CTRL('K')}, ".", "walk."},
        {"walk 1", {KEY_LEFT, KEY_CTRL('U')}, "", "1"},
        {"walk cpu  ", {KEY_CTRL('W')}, "0", "walk 0"},
        {"walk", {KEY_CTRL('W'), KEY_CTRL('W'), KEY_BACKSPACE, KEY_LEFT}, "m", "m"},
        {"ab", {KEY_HOME, KEY_LEFT, KEY_END, KEY_RIGHT}, "c", "abc"},
        {"ab", {KEY_END, KEY_DELETE, KEY_CTRL('B'), KEY_CTRL('F')}, "c", "abc"},
        {"ab", {KEY_CTRL('Z'), KEY_CTRL('['), KEY_NONE}, "c", "abc"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin();
        type(cases[i].typed);
        for (size_t k = 0; k < 4; k++) {
            CHECK_EQUAL(press(cases[i].keys[k]), LINE_GOES_ON);
        }
        type(cases[i].then);
        CHECK_TEXT_EQUAL(session.editor.text, cases[i].line);
        CHECK_TEXT_EQUAL(shown(), cases[i].line);
        CHECK_EQUAL(session.row.column, session.editor.cursor);
    }
}

TEST(line_editor, writes_one_character_for_one_that_is_typed_at_the_end)
{
    begin();
    type("walk");
    session.row.column = 10; /* a second write of what is shown already would begin before */
    type("s");
    CHECK_EQUAL(session.row.column, 11);
    CHECK_EQUAL(session.row.cells[10], 's');
}

TEST(line_editor, tells_what_is_left_to_the_caller)
{
    begin();
    type("walk 1");
    CHECK_EQUAL(press(KEY_HOME), LINE_GOES_ON);
    CHECK_EQUAL(press(KEY_TAB), LINE_COMPLETE);
    CHECK_EQUAL(press(KEY_CTRL('L')), LINE_CLEAR_SCREEN);
    CHECK_EQUAL(press(KEY_CTRL('C')), LINE_GIVEN_UP);
    CHECK_TEXT_EQUAL(shown(), "walk 1^C");
    CHECK_EQUAL(session.row.line_feeds, 1);
    begin();
    CHECK_EQUAL(press(KEY_CTRL('D')), LINE_LEAVE);
    begin();
    type("walk 1");
    CHECK_EQUAL(press(KEY_CTRL('D')), LINE_GOES_ON);
    CHECK_EQUAL(press(KEY_HOME), LINE_GOES_ON);
    CHECK_EQUAL(press(KEY_ENTER), LINE_ENTERED);
    CHECK_EQUAL(session.row.column, 6);
    CHECK_TEXT_EQUAL(session.editor.text, "walk 1");
}

TEST(line_editor, marks_a_line_that_is_given_up_within_its_row)
{
    for (size_t length = 0; length < LINE_BYTES; length++) {
        begin();
        for (size_t i = 0; i < length; i++) {
            type("x");
        }
        CHECK_EQUAL(press(KEY_CTRL('C')), LINE_GIVEN_UP);
        REQUIRE(!session.row.left_the_row);
        size_t end = strlen(shown());
        CHECK_TEXT_EQUAL(shown() + end - strlen("^C"), "^C");
        CHECK(length == 0 || shown()[end - strlen("x^C")] == 'x');
    }
}

TEST(line_editor, goes_through_the_history_and_back_to_the_new_line)
{
    memset(&session.history, 0, sizeof session.history);
    history_add(&session.history, "one");
    history_add(&session.history, "second");
    begin();
    type("new");
    CHECK_EQUAL(press(KEY_UP), LINE_GOES_ON);
    CHECK_TEXT_EQUAL(shown(), "second");
    CHECK_EQUAL(press(KEY_CTRL('P')), LINE_GOES_ON);
    CHECK_TEXT_EQUAL(shown(), "one");
    CHECK_EQUAL(press(KEY_UP), LINE_GOES_ON);
    type("!");
    CHECK_TEXT_EQUAL(shown(), "one!");
    CHECK_EQUAL(press(KEY_DOWN), LINE_GOES_ON);
    CHECK_TEXT_EQUAL(shown(), "second");
    CHECK_EQUAL(press(KEY_CTRL('N')), LINE_GOES_ON);
    CHECK_EQUAL(press(KEY_DOWN), LINE_GOES_ON);
    CHECK_TEXT_EQUAL(shown(), "new");
    CHECK_TEXT_EQUAL(history_line(&session.history, 2), "one");
}

TEST(line_editor, shows_the_line_again_when_the_screen_was_used)
{
    begin();
    type("walk 1");
    CHECK_EQUAL(press(KEY_LEFT), LINE_GOES_ON);
    memset(session.row.cells, ' ', LINE_COLUMNS);
    session.row.column = 0;
    line_editor_show_again(&session.editor);
    CHECK_TEXT_EQUAL(shown(), "walk 1");
    CHECK_EQUAL(session.row.column, 5);
}

TEST(line_editor, takes_no_more_than_fits)
{
    begin();
    for (int i = 0; i < 2 * LINE_BYTES; i++) {
        type("x");
    }
    CHECK_EQUAL(session.editor.length, LINE_BYTES - 1);
    CHECK_EQUAL(strlen(session.editor.text), LINE_BYTES - 1);
    CHECK(!session.row.left_the_row);
}

/* A line and a cursor, edited in the most obvious way. */
struct length_row {
    const char *name;
    size_t length;
};

static const struct length_row lengths[] = {
    {"n_less_1", LINE_BYTES - 2}, {"n", LINE_BYTES - 1},      {"n_and_1", LINE_BYTES},
    {"2n", 2 * LINE_BYTES},       {"many", 100 * LINE_BYTES},
};

static void type_many(char character, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        type((char[]){character, '\0'});
    }
}

TEST_EACH(line_editor, refuses_a_line_of_which_it_lost_something, lengths)
{
    bool fits = row->length < LINE_BYTES;

    begin();
    type_many('x', row->length);
    CHECK_EQUAL(session.editor.length, fits ? row->length : LINE_BYTES - 1);
    CHECK_EQUAL(press(KEY_ENTER), fits ? LINE_ENTERED : LINE_TOO_LONG);

    begin();
    type_many('x', row->length);
    CHECK_EQUAL(press(KEY_BACKSPACE), LINE_GOES_ON);
    type("y"); /* there is room, but what was lost is missing still */
    CHECK_EQUAL(press(KEY_ENTER), fits ? LINE_ENTERED : LINE_TOO_LONG);

    begin();
    type_many('x', row->length);
    CHECK_EQUAL(press(KEY_CTRL('U')), LINE_GOES_ON);
    type("map");
    CHECK_EQUAL(press(KEY_ENTER), LINE_ENTERED);
    CHECK_TEXT_EQUAL(session.editor.text, "map");
}

TEST(line_editor, inserts_all_of_a_text_or_nothing)
{
    begin();
    type_many('x', LINE_BYTES - 3);
    line_editor_insert(&session.editor, "ab", 2);
    CHECK_EQUAL(session.editor.length, LINE_BYTES - 1);
    CHECK(!session.editor.overflowed);
    begin();
    type_many('x', LINE_BYTES - 3);
    line_editor_insert(&session.editor, "abc", 3);
    CHECK_EQUAL(session.editor.length, LINE_BYTES - 3);
    CHECK_EQUAL(press(KEY_ENTER), LINE_TOO_LONG);
}

TEST(line_editor, knows_which_line_was_too_long_while_it_shows_the_history)
{
    memset(&session.history, 0, sizeof session.history);
    history_add(&session.history, "maps");
    begin();
    type_many('x', LINE_BYTES);
    CHECK_EQUAL(press(KEY_UP), LINE_GOES_ON);
    CHECK_EQUAL(press(KEY_DOWN), LINE_GOES_ON);
    CHECK_EQUAL(press(KEY_ENTER), LINE_TOO_LONG);
    begin();
    type_many('x', LINE_BYTES);
    CHECK_EQUAL(press(KEY_UP), LINE_GOES_ON);
    CHECK_EQUAL(press(KEY_ENTER), LINE_ENTERED);
    CHECK_TEXT_EQUAL(session.editor.text, "maps");
}

struct model {
    char text[LINE_BYTES];
    size_t cursor;
};

static void model_key(struct model *model, enum key key)
{
    size_t length = strlen(model->text);

    if (key == KEY_LEFT) {
        model->cursor -= model->cursor > 0 ? 1 : 0;
    } else if (key == KEY_RIGHT) {
        model->cursor += model->cursor < length ? 1 : 0;
    } else if (key == KEY_HOME || key == KEY_END) {
        model->cursor = key == KEY_HOME ? 0 : length;
    } else if (key == KEY_BACKSPACE || key == KEY_DELETE) {
        if (key == KEY_BACKSPACE && model->cursor > 0) {
            model->cursor--;
            memmove(&model->text[model->cursor], &model->text[model->cursor + 1],
                    length - model->cursor);
        } else if (key == KEY_DELETE && model->cursor < length) {
            memmove(&model->text[model->cursor], &model->text[model->cursor + 1],
                    length - model->cursor);
        }
    } else if (length + 1 < sizeof model->text) {
        memmove(&model->text[model->cursor + 1], &model->text[model->cursor],
                length - model->cursor + 1);
        model->text[model->cursor++] = (char)key;
    }
}

TEST(line_editor, shows_the_part_of_any_line_that_the_cursor_is_in, .tags = "random")
{
    static const enum key keys[] = {KEY_LEFT, KEY_RIGHT,     KEY_HOME,      KEY_END,
                                    KEY_LEFT, KEY_BACKSPACE, KEY_BACKSPACE, KEY_DELETE};
    struct random random = test_random(test, 0);
    struct model model = {.cursor = 0};

    begin();
    for (int i = 0; i < 20000; i++) {
        /* Long stretches of typing, of moving and of deleting. */
        int mood = i / 100 % 3;
        unsigned choice = random_below(&random, 1 << 16);
        enum key key = mood == 0 || choice % 4 == 0 ? (enum key)('a' + choice / 4 % 26)
                       : mood == 1                  ? keys[choice / 4 % 5]
                                                    : keys[choice / 4 % 8];
        char expected[LINE_COLUMNS + 1];

        model_key(&model, key);
        REQUIRE_EQUAL(press(key), LINE_GOES_ON);
        REQUIRE_TEXT_EQUAL(session.editor.text, model.text);
        REQUIRE_EQUAL(session.editor.cursor, model.cursor);
        REQUIRE(!session.row.left_the_row);
        REQUIRE_AT_MOST(session.editor.view_start, model.cursor);
        REQUIRE_LESS(model.cursor - session.editor.view_start, (size_t)LINE_COLUMNS);
        REQUIRE_EQUAL(session.row.column, model.cursor - session.editor.view_start);
        snprintf(expected, sizeof expected, "%s", &model.text[session.editor.view_start]);
        REQUIRE_TEXT_EQUAL(shown(), expected);
    }
}
