/* Editing one line of text on anything that shows characters and understands '\b' as "one to the
 * left". Pure: also built for the host.
 *
 * A line that is longer than the place for it is shown in part, the part that the cursor is in:
 * then nothing depends on how a terminal wraps lines. */
#pragma once

#include "kernel/console/key.h"
#include "kernel/lib/format.h"
#include "kernel/line/history.h"

#include <stdbool.h>

enum { LINE_BYTES = HISTORY_LINE_BYTES, LINE_COLUMNS = 72 };

struct line_editor {
    const struct text_sink *screen;
    const struct history *history;
    size_t length;
    size_t cursor;             /* 0..length */
    char text[LINE_BYTES];     /* NUL-terminated */
    bool overflowed;           /* something did not fit in the line: it is not what was typed */
    size_t history_back;       /* the line of the history that is being edited; 0: the new one */
    char new_text[LINE_BYTES]; /* the new line while one of the history is edited */
    bool new_overflowed;

    /* What the screen shows, from the end of the prompt on. */
    size_t view_start; /* the character of the line in the first column */
    size_t shown_length;
    size_t shown_cursor;
    char shown[LINE_COLUMNS];
};

/* What is left to the caller after a key. */
enum line_event {
    LINE_GOES_ON,
    LINE_ENTERED,      /* the cursor is on a new row; the text is to be acted on */
    LINE_TOO_LONG,     /* likewise, but the text is not all that was typed: it is to be refused */
    LINE_GIVEN_UP,     /* Ctrl-C: likewise, but the text is to be forgotten */
    LINE_LEAVE,        /* Ctrl-D on an empty line: likewise */
    LINE_COMPLETE,     /* Tab: the word before the cursor is to be completed */
    LINE_CLEAR_SCREEN, /* Ctrl-L: the screen is to be cleared, and prompt and line shown again */
};

/* Begins an empty line. Both outlive the editor; the cursor stands behind the prompt. */
void line_editor_begin(struct line_editor *self, const struct text_sink *screen,
                       const struct history *history);

__attribute__((warn_unused_result)) enum line_event line_editor_key(struct line_editor *self,
                                                                    enum key key);

/* Whether a character that is not ASCII was typed. It is shown as a question mark. */
bool line_editor_has_other(const struct line_editor *self);

/* Inserts text at the cursor. What does not fit as a whole is left out, and the line is too long
 * then until it is empty again or another one of the history. */
void line_editor_insert(struct line_editor *self, const char *text, size_t length);

/* Shows the line again, after the caller has written something and the prompt. */
void line_editor_show_again(struct line_editor *self);
