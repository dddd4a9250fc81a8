/* What each kind of argument is called and what could stand in its place: usage, parsing and
 * completion are made from this table, and so agree. */
#pragma once

#include "kernel/arguments/arguments.h"

enum { ARGUMENT_WORDS_MAX = 7 };

struct argument_kind_words {
    const char *shown;                         /* in the usage */
    const char *words[ARGUMENT_WORDS_MAX + 1]; /* what can be completed, besides names */
    const char *others;                        /* what else can stand there */
};

extern const struct argument_kind_words argument_kinds[ARGUMENT_KIND_COUNT];

static inline bool argument_is_option(enum argument_kind kind)
{
    return kind >= ARGUMENT_SIZE;
}

/* Whether the word can only be meant as an option of that kind. */
bool argument_is_of_kind(enum argument_kind kind, const char *word);
