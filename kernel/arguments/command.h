/* What a command of the monitor is. */
#pragma once

#include "kernel/arguments/arguments.h"

struct command {
    const char *name;
    const char *summary; /* one line for the list */
    const char *details; /* lines for `help COMMAND`, each with its line feed, or NULL */
    /* What it takes, up to ARGUMENT_END: those with a place of their own first, then options. */
    struct argument arguments[ARGUMENTS_MAX + 1];
    void (*run)(struct monitor *monitor, const struct arguments *arguments);
};
