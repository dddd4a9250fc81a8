/* A command line as words. Pure: also built for the host. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { WORDS_MAX = 8, WORDS_BYTES = 256 };

struct words {
    size_t count;
    const char *word[WORDS_MAX];
    char text[WORDS_BYTES]; /* the words, each with a NUL behind it */
};

/* Splits `line` at its blanks. Returns false if it has more words than fit, or is too long: such a
 * line is refused as a whole, for its first words may mean something else. */
__attribute__((warn_unused_result)) bool words_split(struct words *self, const char *line);
