#include "kernel/prompt/prompt.h"

#include "kernel/commands/commands.h"
#include "kernel/console/input.h"
#include "kernel/lib/string.h"
#include "kernel/line/completion.h"
#include "kernel/line/line_editor.h"
#include "kernel/monitor/fault.h"
#include "kernel/panic/panic.h"
#include "kernel/traps/exception.h"

#define PROMPT "assay> "

_Static_assert(sizeof PROMPT - 1 + LINE_COLUMNS < VGA_TEXT_COLUMNS, "a line fits in a row");
_Static_assert((int)LINE_BYTES <= (int)WORDS_BYTES, "every line can be split");
_Static_assert((int)LINE_BYTES <= (int)COMPLETION_BYTES, "every word of a line can be completed");

/* Candidates that are listed: many functions begin with the same letters. */
enum { CANDIDATES_SHOWN_MAX = 40 };

static struct monitor monitor;
static struct input input;
static struct history history;
static struct line_editor line_editor;

static void write_to_console(void *context, const char *text, size_t length)
{
    console_write(context, text, length);
}

static void show_prompt(void)
{
    console_print(monitor.console, PROMPT);
}

/* The command and its arguments, for a call inside exception_try. */
struct execution {
    const struct command *command;
    const struct arguments *arguments;
};

static void run_command(void *argument)
{
    const struct execution *execution = argument;

    execution->command->run(&monitor, execution->arguments);
}

/* What a command that was cut short may have left: stale translations. */
static void clean_up_after_fault(void)
{
    mm_port_flush_all();
    mm_port_flush_owed(-mm_port_flushes_owed());
}

static void execute(const char *line)
{
    struct arguments arguments;
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
    if (!arguments_read(&monitor, command, &words, &arguments)) {
        return;
    }
    struct execution execution = {command, &arguments};
    monitor.touched = monitor.touched_last = virt_addr_of(0);
    struct caught_exception caught = exception_try(run_command, &execution);
    if (caught.caught) {
        clean_up_after_fault();
        fault_print(&monitor, &caught);
    }
}

/* Shows the candidates in columns that the longest fits in. */
static void list_candidates(const struct words *words, const struct completion *found)
{
    size_t column_count = (VGA_TEXT_COLUMNS - 1) / (found->longest + 2);
    struct candidate_order order = candidate_order_of(found);
    size_t shown = 0;
    size_t more = 0;

    column_count = column_count > 0 ? column_count : 1;
    for (;;) {
        candidate_order_begin(&order);
        command_candidates(words, found->prefix_length > 0, candidate_order_offer, &order);
        if (!candidate_order_end(&order)) {
            break;
        }
        if (shown == CANDIDATES_SHOWN_MAX) {
            more++;
            continue;
        }
        console_print(monitor.console, "%s%-*s", shown % column_count == 0 ? "\n" : "",
                      column_count > 1 ? (int)found->longest + 2 : 0, order.word);
        shown++;
    }
    if (more > 0) {
        console_print(monitor.console, "\nand %zu more: type another letter", more);
    }
    if (found->prefix_length == 0 && command_other_candidates(words) != NULL) {
        console_print(monitor.console, "\n%s", command_other_candidates(words));
    }
    console_print(monitor.console, "\n");
}

static void offer_completion(void *context, const char *word)
{
    (void)completion_offer(context, word);
}

/* Adds what all candidates have in common; if that is nothing, shows them. */
static void complete_word(struct line_editor *editor, const struct words *words,
                          struct completion *found)
{
    command_candidates(words, found->prefix_length > 0, offer_completion, found);
    if (found->common_length > found->prefix_length || found->match_count == 1) {
        line_editor_insert(editor, &found->common[found->prefix_length],
                           found->common_length - found->prefix_length);
        if (found->match_count == 1) {
            line_editor_insert(editor, " ", 1);
        }
    } else if (found->match_count > 1) {
        list_candidates(words, found);
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
    struct completion completion = completion_of(&before[start], editor->cursor - start);
    char words_before[LINE_BYTES];
    memcpy(words_before, before, start);
    words_before[start] = '\0';
    if (words_split(&words, words_before)) {
        complete_word(editor, &words, &completion);
    }
}

/* Reads a line into the editor. Returns how it ended. */
static enum line_event read_line(const struct text_sink *screen)
{
    show_prompt();
    line_editor_begin(&line_editor, screen, &history);
    for (;;) {
        enum line_event event = line_editor_key(&line_editor, input_wait(&input));

        switch (event) {
        case LINE_GOES_ON:
            break;
        case LINE_COMPLETE:
            complete(&line_editor);
            break;
        case LINE_CLEAR_SCREEN:
            console_print(monitor.console, "\f");
            show_prompt();
            line_editor_show_again(&line_editor);
            break;
        default:
            return event;
        }
    }
}

/* The general allocator's notes are reached through the map of all RAM. */
static void take_frames(struct kernel *kernel)
{
    monitor.frames = &kernel->frames.source;
    if (!kernel->boot_info->has_physical_memory) {
        return;
    }
    if (!general_frames_init(&monitor.general, &kernel->frames,
                             kernel->boot_info->physical_memory_offset)) {
        console_print(monitor.console,
                      "no piece of usable memory is large enough for the notes of the frame "
                      "allocator: frames come one by one, and no command gives them back\n");
        return;
    }
    monitor.frames = &monitor.general.buddy.source;
    if (kernel->table_frames == &kernel->frames.source) {
        kernel->table_frames = monitor.frames;
    }
}

/* What a line with other characters means must not be guessed. */
static void execute_line(void)
{
    if (line_editor_has_other(&line_editor)) {
        console_print(monitor.console,
                      "the line has characters that are not ASCII, shown as ?; nothing was done\n");
        return;
    }
    execute(line_editor.text);
}

void monitor_run(struct kernel *kernel)
{
    const struct text_sink screen = {.write = write_to_console, .context = &kernel->console};

    monitor.kernel = kernel;
    monitor.console = &kernel->console;
    take_frames(kernel);
    input_init(&input, kernel->local_apic);
    console_print(monitor.console, "\n`help` lists the commands, `exit` ends.\n");
    for (;;) {
        switch (read_line(&screen)) {
        case LINE_ENTERED:
            history_add(&history, line_editor.text);
            execute_line();
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
