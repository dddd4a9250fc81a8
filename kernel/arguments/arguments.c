#include "kernel/arguments/arguments.h"

#include "kernel/arguments/argument.h"
#include "kernel/arguments/argument_kind.h"
#include "kernel/arguments/command.h"
#include "kernel/lib/string.h"
#include "kernel/line/suggestion.h"

enum { CODE_MAX = 0x7f, BYTES_MAX = 4096 };

void arguments_print_usage(struct monitor *monitor, const struct command *command)
{
    console_print(monitor->console, "%s", command->name);
    for (const struct argument *a = command->arguments; a->kind != ARGUMENT_END; a++) {
        console_print(monitor->console, a->optional ? " [%s]" : " %s",
                      argument_kinds[a->kind].shown);
    }
}

/* Ends a line that says what is wrong. */
static bool refuse_with_usage(struct monitor *monitor, const struct command *command)
{
    console_print(monitor->console, "; usage: ");
    arguments_print_usage(monitor, command);
    console_print(monitor->console, "\n");
    return false;
}

static bool refuse(struct monitor *monitor, const char *word, const char *reason)
{
    console_print(monitor->console, "\"%s\": %s\n", word, reason);
    return false;
}

/* An address or frame, at the start of a page if it must be. */
static bool read_aligned(struct monitor *monitor, const char *word, bool aligned, uint64_t *value)
{
    if (!argument_number(monitor, word, value)) {
        return false;
    }
    if (aligned && !is_aligned(*value, level_bytes(1))) {
        console_print(monitor->console, "\"%s\": 0x%lx is not the start of a page; 0x%lx is\n",
                      word, *value, align_down(*value, level_bytes(1)));
        return false;
    }
    return true;
}

static bool read_bytes(struct monitor *monitor, enum argument_kind kind, const char *word,
                       uint64_t *bytes)
{
    if (!argument_number(monitor, word, bytes)) {
        return false;
    }
    bool is_power_of_2 = *bytes != 0 && (*bytes & (*bytes - 1)) == 0;
    bool is_pages = *bytes != 0 && is_aligned(*bytes, level_bytes(1));
    bool is_huge = *bytes == page_size_bytes(PAGE_2M) || *bytes == page_size_bytes(PAGE_1G);
    switch (kind) {
    case ARGUMENT_SIZE:
        return is_pages || refuse(monitor, word, "a size is a multiple of 4K, and not 0");
    case ARGUMENT_BLOCK:
        return (is_pages && is_power_of_2 && *bytes <= page_size_bytes(PAGE_1G)) ||
               refuse(monitor, word, "a block is a power of two from 4K to 1G");
    case ARGUMENT_HUGE:
        return is_huge || refuse(monitor, word, "a huge page has 2M or 1G");
    case ARGUMENT_BYTES:
        return (*bytes != 0 && *bytes <= BYTES_MAX) ||
               refuse(monitor, word, "1 to 4K bytes can be dumped");
    default:
        return (is_power_of_2 && *bytes <= 8) ||
               refuse(monitor, word, "1, 2, 4 or 8 bytes can be written");
    }
}

/* An argument that has a place of its own. */
static bool read_positional(struct monitor *monitor, enum argument_kind kind, const char *word,
                            struct arguments *arguments)
{
    arguments->given[kind] = true;
    switch (kind) {
    case ARGUMENT_ADDRESS:
        return argument_number(monitor, word, &arguments->address.value);
    case ARGUMENT_PAGE:
        return read_aligned(monitor, word, true, &arguments->address.value);
    case ARGUMENT_FRAME_OR_NEW:
        arguments->new_frames = strcmp(word, "new") == 0;
        return arguments->new_frames || read_aligned(monitor, word, true, &arguments->frame.value);
    case ARGUMENT_FRAME:
        return read_aligned(monitor, word, true, &arguments->frame.value);
    case ARGUMENT_VALUE:
        return argument_number(monitor, word, &arguments->value);
    case ARGUMENT_CODE:
        return argument_number(monitor, word, &arguments->value) &&
               (arguments->value <= CODE_MAX || refuse(monitor, word, "a code is 0 to 127"));
    default:
        arguments->word = word;
        return true;
    }
}

static bool read_flags(struct monitor *monitor, const char *word, struct arguments *arguments)
{
    page_flags flags;

    if (!argument_permissions(word, &flags)) {
        return refuse(monitor, word, "FLAGS are letters of rwxug, each once, or pcd, pwt");
    }
    if (argument_is_memory_type(word)) {
        if ((arguments->flags.bits & flags.bits) != 0) {
            return refuse(monitor, word, "it was given already");
        }
        arguments->flags.bits |= flags.bits;
        return true;
    }
    if (arguments->given[ARGUMENT_FLAGS]) {
        return refuse(monitor, word, "FLAGS were given already; they are one word, such as rwx");
    }
    arguments->given[ARGUMENT_FLAGS] = true;
    arguments->flags.bits |= flags.bits | PAGE_PRESENT;
    if (!monitor->kernel->page_table.features.no_execute) {
        arguments->flags.bits &= ~PAGE_NO_EXECUTE;
    }
    return true;
}

static bool read_pages(struct monitor *monitor, const char *word, enum range_pages *pages)
{
    static const enum range_pages sizes[] = {RANGE_PAGES_4K, RANGE_PAGES_2M, RANGE_PAGES_1G};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (strcmp(word, argument_kinds[ARGUMENT_PAGES].words[i]) == 0) {
            *pages = sizes[i];
            return true;
        }
    }
    return refuse(monitor, word, "the size of pages is 4K, 2M or 1G");
}

static bool read_option(struct monitor *monitor, enum argument_kind kind, const char *word,
                        struct arguments *arguments)
{
    if (kind == ARGUMENT_FLAGS) {
        return read_flags(monitor, word, arguments);
    }
    if (arguments->given[kind]) {
        console_print(monitor->console, "\"%s\": %s was given already\n", word,
                      argument_kinds[kind].shown);
        return false;
    }
    arguments->given[kind] = true;
    if (kind == ARGUMENT_FORCE) {
        arguments->force = true;
        return true;
    }
    return kind == ARGUMENT_PAGES ? read_pages(monitor, word, &arguments->pages)
                                  : read_bytes(monitor, kind, word, &arguments->bytes);
}

/* A word that no argument of the command is for. */
static bool refuse_word(struct monitor *monitor, const struct command *command, const char *word,
                        const struct arguments *arguments)
{
    struct suggestion suggestion = suggestion_for(word, strlen(word));
    unsigned count = 0;

    console_print(monitor->console, "\"%s\": ", word);
    if (word[0] == '+' || word[0] == '-') {
        console_print(monitor->console, "write sums without blanks, such as text+8\n");
        return false;
    }
    for (const struct argument *a = command->arguments; a->kind != ARGUMENT_END; a++) {
        if (argument_is_option(a->kind) && !arguments->given[a->kind]) {
            count++;
            for (size_t i = 0; argument_kinds[a->kind].words[i] != NULL && strlen(word) > 2; i++) {
                suggestion_offer(&suggestion, argument_kinds[a->kind].words[i]);
            }
        }
    }
    console_print(monitor->console, "`%s` takes no %s", command->name,
                  count > 0 ? "such word" : "more words");
    if (suggestion.best != NULL) {
        console_print(monitor->console, "; did you mean %s?\n", suggestion.best);
        return false;
    }
    return refuse_with_usage(monitor, command);
}

static bool read_word(struct monitor *monitor, const struct command *command, const char *word,
                      struct arguments *arguments)
{
    for (const struct argument *a = command->arguments; a->kind != ARGUMENT_END; a++) {
        if (!argument_is_option(a->kind) && !arguments->given[a->kind] &&
            strcmp(word, "force") != 0) {
            return read_positional(monitor, a->kind, word, arguments);
        }
        if (argument_is_option(a->kind) && argument_is_of_kind(a->kind, word)) {
            return read_option(monitor, a->kind, word, arguments);
        }
    }
    return refuse_word(monitor, command, word, arguments);
}

bool arguments_read(struct monitor *monitor, const struct command *command,
                    const struct words *words, struct arguments *arguments)
{
    *arguments = (struct arguments){.pages = RANGE_PAGES_LARGEST};
    for (size_t i = 1; i < words->count; i++) {
        if (!read_word(monitor, command, words->word[i], arguments)) {
            return false;
        }
    }
    for (const struct argument *a = command->arguments; a->kind != ARGUMENT_END; a++) {
        if (!a->optional && !arguments->given[a->kind]) {
            console_print(monitor->console, "%s: %s is missing", command->name,
                          argument_kinds[a->kind].shown);
            return refuse_with_usage(monitor, command);
        }
    }
    return true;
}
