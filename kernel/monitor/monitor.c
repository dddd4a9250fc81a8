#include "kernel/monitor/monitor.h"

#include "kernel/cpu/exception.h"
#include "kernel/monitor/command.h"
#include "kernel/monitor/completion.h"
#include "kernel/monitor/fault.h"
#include "kernel/panic.h"
#include "kernel/port/string.h"

#define PROMPT "assay> "

_Static_assert(sizeof PROMPT - 1 + LINE_COLUMNS < VGA_TEXT_COLUMNS, "a line fits in a row");
_Static_assert((int)LINE_BYTES <= (int)WORDS_BYTES, "every line can be split");
_Static_assert((int)LINE_BYTES <= (int)COMPLETION_BYTES, "every word of a line can be completed");

/* Candidates that are listed; there are hundreds of functions. */
enum { CANDIDATES_SHOWN_MAX = 40 };

static struct monitor monitor;

static void write_to_console(void *context, const char *text, size_t length)
{
    console_write(context, text, length);
}

static void show_prompt(void)
{
    console_print(monitor.console, PROMPT);
}

/* The command and its words, for a call inside exception_try. */
struct execution {
    const struct command *command;
    const struct words *words;
};

static void run_command(void *argument)
{
    const struct execution *execution = argument;

    execution->command->run(&monitor, execution->words);
}

/* What a command that was cut short may have left: stale translations. */
static void clean_up_after_fault(void)
{
    mm_port_flush_all();
    mm_port_flush_owed(-mm_port_flushes_owed());
}

static void execute(const char *line)
{
    struct words words;

    if (!words_split(&words, line)) {
        console_print(monitor.console, "too many words: a command has at most %d arguments\n",
                      ARGUMENTS_MAX);
        return;
    }
    if (words.count == 0) {
        return;
    }
    const struct command *command = command_find(words.word[0]);
    if (command == NULL) {
        command_complain(&monitor, words.word[0]);
        return;
    }
    if (words.count - 1 < command->min || words.count - 1 > command->max) {
        console_print(monitor.console, "usage: %s %s\n", command->name, command->arguments);
        return;
    }
    struct execution execution = {command, &words};
    monitor.touched = virt_addr_of(0);
    struct caught_exception caught = exception_try(run_command, &execution);
    if (caught.caught) {
        clean_up_after_fault();
        fault_print(&monitor, &caught);
    }
}

struct listing {
    struct completion completion;
    size_t shown;
};

static void count_candidate(void *context, const char *word)
{
    struct listing *listing = context;

    (void)completion_offer(&listing->completion, word);
}

static void show_candidate(void *context, const char *word)
{
    struct listing *listing = context;

    if (strncmp(word, listing->completion.prefix, listing->completion.prefix_length) == 0 &&
        listing->shown++ < CANDIDATES_SHOWN_MAX) {
        console_print(monitor.console, "%s  ", word);
    }
}

/* Adds what all candidates have in common; if that is nothing, shows them. */
static void complete_word(struct line_editor *editor, const struct command *command, size_t index,
                          struct listing *listing)
{
    const struct completion *found = &listing->completion;

    command_candidates(command, index, count_candidate, listing);
    if (found->common_length > found->prefix_length || found->match_count == 1) {
        line_editor_insert(editor, &found->common[found->prefix_length],
                           found->common_length - found->prefix_length);
        if (found->match_count == 1) {
            line_editor_insert(editor, " ", 1);
        }
    } else if (found->match_count > 1) {
        console_print(monitor.console, "\n");
        command_candidates(command, index, show_candidate, listing);
        if (listing->shown > CANDIDATES_SHOWN_MAX) {
            console_print(monitor.console, "and %zu more", listing->shown - CANDIDATES_SHOWN_MAX);
        }
        console_print(monitor.console, "\n");
        show_prompt();
        line_editor_show_again(editor);
    }
}

/* Completes the word before the cursor: the first of the line, or an argument of a command. */
static void complete(struct line_editor *editor)
{
    char before[LINE_BYTES];
    struct words words;
    size_t start = editor->cursor;

    memcpy(before, editor->text, editor->cursor);
    before[editor->cursor] = '\0';
    while (start > 0 && before[start - 1] != ' ') {
        start--;
    }
    if (!words_split(&words, before)) {
        return;
    }
    struct listing listing = {.completion = completion_of(&before[start], editor->cursor - start)};
    size_t words_before = words.count - (start < editor->cursor ? 1 : 0);
    const struct command *command = words_before > 0 ? command_find(words.word[0]) : NULL;
    if (words_before == 0) {
        complete_word(editor, NULL, 0, &listing);
    } else if (command != NULL) {
        complete_word(editor, command, words_before - 1, &listing);
    }
}

/* Reads a line into the editor. Returns how it ended. */
static enum line_event read_line(const struct text_sink *screen)
{
    show_prompt();
    line_editor_begin(&monitor.editor, screen, &monitor.history);
    for (;;) {
        enum line_event event = line_editor_key(&monitor.editor, input_wait(&monitor.input));

        switch (event) {
        case LINE_GOES_ON:
            break;
        case LINE_COMPLETE:
            complete(&monitor.editor);
            break;
        case LINE_CLEAR_SCREEN:
            console_print(monitor.console, "\f");
            show_prompt();
            line_editor_show_again(&monitor.editor);
            break;
        default:
            return event;
        }
    }
}

/* The general allocator's notes are reached through the map of all physical memory. */
static void take_frames(struct kernel *kernel)
{
    monitor.frames = &kernel->frames.source;
    if (!kernel->boot_info->has_physical_memory) {
        return;
    }
    if (!general_frames_init(&monitor.general, &kernel->frames,
                             kernel->boot_info->physical_memory_offset)) {
        PANIC("no region of memory has room for what a general frame allocator notes");
    }
    monitor.frames = &monitor.general.buddy.source;
    if (kernel->table_frames == &kernel->frames.source) {
        kernel->table_frames = monitor.frames;
    }
}

void monitor_run(struct kernel *kernel)
{
    const struct text_sink screen = {.write = write_to_console, .context = &kernel->console};

    monitor.kernel = kernel;
    monitor.console = &kernel->console;
    take_frames(kernel);
    input_init(&monitor.input, kernel->local_apic);
    console_print(monitor.console, "\n`help` lists the commands, `exit` ends.\n");
    for (;;) {
        switch (read_line(&screen)) {
        case LINE_ENTERED:
            history_add(&monitor.history, monitor.editor.text);
            execute(monitor.editor.text);
            break;
        case LINE_TOO_LONG:
            console_print(monitor.console,
                          "nothing was done: the line has more than %d characters\n",
                          LINE_BYTES - 1);
            break;
        case LINE_LEAVE:
            execute("exit");
            break;
        default:
            break;
        }
    }
}
