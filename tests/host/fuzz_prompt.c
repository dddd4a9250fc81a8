/* A target for libFuzzer: bytes become what a terminal sends to the prompt. Those that end a line give
 * it to what reads it: words, completion, expressions, the kernel's own command line. */
#include "kernel/console/scancode.h"
#include "kernel/console/terminal_keys.h"
#include "kernel/line/completion.h"
#include "kernel/line/expression.h"
#include "kernel/line/line_editor.h"
#include "kernel/line/words.h"
#include "kernel/state/command_line.h"

#include <stdlib.h>
#include <string.h>

/* Called by libFuzzer, which declares it nowhere. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count);

static size_t column;

/* The editor stays in its row. */
static void write_to_row(void *context, const char *text, size_t length)
{
    (void)context;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n') {
            column = 0;
        } else if (text[i] == '\b') {
            if (column-- == 0) {
                abort();
            }
        } else if (column++ == LINE_COLUMNS) {
            abort();
        }
    }
}

static void read_line(const char *line)
{
    static const char *const names[] = {"map", "maps", "memmap", "a_name_of_a_function_that_is_long"};
    struct words words;

    (void)command_line_parse(line);
    if (!words_split(&words, line)) {
        return;
    }
    for (size_t i = 0; i < words.count; i++) {
        struct completion completion = completion_of(words.word[i], strlen(words.word[i]));
        struct expression value = expression_parse(words.word[i], NULL, NULL);
        if (value.result != EXPRESSION_OK && value.result != EXPRESSION_EMPTY &&
            (value.at < words.word[i] || value.length > strlen(value.at))) {
            abort();
        }
        for (size_t j = 0; j < sizeof names / sizeof names[0]; j++) {
            (void)completion_offer(&completion, names[j]);
        }
        (void)completion_offer(&completion, words.word[0]);
        if (completion.match_count > 0 && completion.common_length < completion.prefix_length) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count)
{
    static struct history history;
    static struct line_editor editor;
    static const struct text_sink screen = {.write = write_to_row};
    struct terminal_keys terminal = {0};
    struct scancode_state keyboard = {0};

    memset(&history, 0, sizeof history);
    column = 0;
    line_editor_begin(&editor, &screen, &history);
    for (size_t i = 0; i < byte_count; i++) {
        enum key key = terminal_keys_next(&terminal, bytes[i]);
        enum line_event event = key == KEY_NONE ? LINE_GOES_ON : line_editor_key(&editor, key);

        (void)scancode_next(&keyboard, bytes[i]);
        if (event == LINE_ENTERED || event == LINE_TOO_LONG || event == LINE_COMPLETE) {
            read_line(editor.text);
        }
        if (event == LINE_CLEAR_SCREEN) {
            column = 0;
            line_editor_show_again(&editor);
        }
        if (event == LINE_ENTERED) {
            history_add(&history, editor.text);
        }
        if (event != LINE_GOES_ON && event != LINE_COMPLETE && event != LINE_CLEAR_SCREEN) {
            line_editor_begin(&editor, &screen, &history);
        }
        if (editor.cursor > editor.length || editor.text[editor.length] != '\0' ||
            editor.length >= LINE_BYTES) {
            abort();
        }
    }
    return 0;
}
