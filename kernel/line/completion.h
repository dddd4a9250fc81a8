/* Completing a word from the words that could stand there. Pure: also built for the host. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* With the NUL. What is typed already is shorter, for no line is longer; see LINE_BYTES. */
enum { COMPLETION_BYTES = 256 };

struct completion {
    const char *prefix; /* what is typed already */
    size_t prefix_length;
    size_t match_count;            /* 0, 1, or more: a word that comes again may count again */
    char common[COMPLETION_BYTES]; /* what all matches begin with, and a NUL */
    size_t common_length;
    size_t longest; /* of the matches */
};

/* Needs: prefix_length < COMPLETION_BYTES. */
struct completion completion_of(const char *prefix, size_t prefix_length);

/* Considers a word; says whether it begins with the prefix. What does not fit is cut off. */
bool completion_offer(struct completion *self, const char *word);

/* The matches one after the other in the order of their characters, each once, without room for
 * all: each time all words are offered again, and the first behind the last one found stays.
 * *Needs:* words shorter than COMPLETION_BYTES. */
struct candidate_order {
    const struct completion *completion;
    bool found;
    char word[COMPLETION_BYTES]; /* found: the next; else the last one */
    char last[COMPLETION_BYTES];
};

struct candidate_order candidate_order_of(const struct completion *completion);

/* Between these two all words are offered, the order being the context. */
void candidate_order_begin(struct candidate_order *self);
void candidate_order_offer(void *self, const char *word);

/* Whether there was one more; it is in self->word. */
bool candidate_order_end(const struct candidate_order *self);
