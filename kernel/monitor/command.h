/* What a command of the monitor is, and the list of all. */
#pragma once

#include "kernel/monitor/monitor.h"
#include "kernel/monitor/words.h"

/* What can be completed in the place of an argument. */
enum argument_kind {
    ARGUMENT_ANY,
    ARGUMENT_ADDRESS, /* names of regions and functions */
    ARGUMENT_COMMAND,
    ARGUMENT_STRATEGY,
    ARGUMENT_CLAIM,
    ARGUMENT_OPTION, /* sizes, permissions and force */
};

enum { ARGUMENTS_MAX = WORDS_MAX - 1 };

struct command {
    const char *name;
    const char *arguments; /* as shown, such as "VA [SIZE]"; "" if there are none */
    const char *summary;   /* one line for the list */
    const char *details;   /* lines for `help COMMAND`, each with its line feed, or NULL */
    size_t min;            /* how many arguments it takes */
    size_t max;
    /* The last one that is not ANY also stands for those that follow. */
    enum argument_kind kinds[ARGUMENTS_MAX];
    /* words->word[0] is the command's name. */
    void (*run)(struct monitor *monitor, const struct words *words);
};

extern const struct command commands[];
extern const size_t command_count;

/* The command of that name, or NULL. */
const struct command *command_find(const char *name);

/* Says that there is no such command, and which one may have been meant. */
void command_complain(struct monitor *monitor, const char *name);

/* The words that could stand as argument `index` (from 0) of the command, one call of `offer` for
 * each; of the commands themselves where `command` is NULL. */
void command_candidates(const struct command *command, size_t index,
                        void (*offer)(void *context, const char *word), void *context);

/* The commands, by subject. */
void command_help(struct monitor *monitor, const struct words *words);
void command_exit(struct monitor *monitor, const struct words *words);
void command_reboot(struct monitor *monitor, const struct words *words);

void command_walk(struct monitor *monitor, const struct words *words);
void command_translate(struct monitor *monitor, const struct words *words);
void command_maps(struct monitor *monitor, const struct words *words);
void command_tables(struct monitor *monitor, const struct words *words);
void command_layout(struct monitor *monitor, const struct words *words);

void command_memmap(struct monitor *monitor, const struct words *words);
void command_frames(struct monitor *monitor, const struct words *words);
void command_alloc(struct monitor *monitor, const struct words *words);
void command_free(struct monitor *monitor, const struct words *words);

void command_map(struct monitor *monitor, const struct words *words);
void command_unmap(struct monitor *monitor, const struct words *words);
void command_protect(struct monitor *monitor, const struct words *words);
void command_split(struct monitor *monitor, const struct words *words);
void command_merge(struct monitor *monitor, const struct words *words);

void command_read(struct monitor *monitor, const struct words *words);
void command_write(struct monitor *monitor, const struct words *words);
void command_fetch(struct monitor *monitor, const struct words *words);

void command_access(struct monitor *monitor, const struct words *words);
void command_cpu(struct monitor *monitor, const struct words *words);
void command_claims(struct monitor *monitor, const struct words *words);
void command_test(struct monitor *monitor, const struct words *words);
void command_bench(struct monitor *monitor, const struct words *words);
