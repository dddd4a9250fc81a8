/* Completing a word from the words that could stand there. Pure: also built for the host. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* With the NUL. What is typed already is shorter, for no line is longer; see LINE_BYTES. */
enum { COMPLETION_BYTES = 256 };

struct completion {
    const char *prefix; /* what is typed already */
    size_t prefix_length;
    size_t match_count;
    char common[COMPLETION_BYTES]; /* what all matches begin with, and a NUL */
    size_t common_length;
};

/* Needs: prefix_length < COMPLETION_BYTES. */
struct completion completion_of(const char *prefix, size_t prefix_length);

/* Considers a word; says whether it begins with the prefix. */
bool completion_offer(struct completion *self, const char *word);
