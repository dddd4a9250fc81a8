/* The list of all commands of the monitor. */
#pragma once

#include "kernel/arguments/command.h"

extern const struct command commands[];
extern const size_t command_count;

/* The command of that name, or NULL. */
const struct command *command_find(const char *name);

/* Says that there is no such command, and which one may have been meant. */
void command_complain(struct monitor *monitor, const char *name);

/* The words that could stand behind the command and its words so far, one call of `offer` for each,
 * in any order and perhaps twice; the commands themselves where there are no words. begun: some of
 * the word is typed. Functions are offered only then: there are hundreds. */
void command_candidates(const struct words *words, bool begun,
                        void (*offer)(void *context, const char *word), void *context);

/* What else could stand there when nothing of the word is typed, as the end of a list; or NULL. */
const char *command_other_candidates(const struct words *words);

/* The commands, by subject. */
void command_help(struct monitor *monitor, const struct arguments *arguments);
void command_exit(struct monitor *monitor, const struct arguments *arguments);
void command_reboot(struct monitor *monitor, const struct arguments *arguments);

void command_walk(struct monitor *monitor, const struct arguments *arguments);
void command_translate(struct monitor *monitor, const struct arguments *arguments);
void command_maps(struct monitor *monitor, const struct arguments *arguments);
void command_tables(struct monitor *monitor, const struct arguments *arguments);
void command_layout(struct monitor *monitor, const struct arguments *arguments);

void command_memmap(struct monitor *monitor, const struct arguments *arguments);
void command_frames(struct monitor *monitor, const struct arguments *arguments);
void command_alloc(struct monitor *monitor, const struct arguments *arguments);
void command_free(struct monitor *monitor, const struct arguments *arguments);

void command_map(struct monitor *monitor, const struct arguments *arguments);
void command_unmap(struct monitor *monitor, const struct arguments *arguments);
void command_protect(struct monitor *monitor, const struct arguments *arguments);
void command_split(struct monitor *monitor, const struct arguments *arguments);
void command_merge(struct monitor *monitor, const struct arguments *arguments);

void command_read(struct monitor *monitor, const struct arguments *arguments);
void command_write(struct monitor *monitor, const struct arguments *arguments);
void command_fetch(struct monitor *monitor, const struct arguments *arguments);

void command_access(struct monitor *monitor, const struct arguments *arguments);
void command_cpu(struct monitor *monitor, const struct arguments *arguments);
void command_claims(struct monitor *monitor, const struct arguments *arguments);
void command_test(struct monitor *monitor, const struct arguments *arguments);
void command_bench(struct monitor *monitor, const struct arguments *arguments);
