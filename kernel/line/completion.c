#include "kernel/line/completion.h"

#include "kernel/lib/string.h"

struct completion completion_of(const char *prefix, size_t prefix_length)
{
    return (struct completion){.prefix = prefix, .prefix_length = prefix_length};
}

/* How much of a word there is room for: no line holds more. */
static size_t length_of(const char *word)
{
    size_t length = strlen(word);

    return length < COMPLETION_BYTES ? length : COMPLETION_BYTES - 1;
}

static bool matches(const struct completion *self, const char *word)
{
    return strncmp(word, self->prefix, self->prefix_length) == 0;
}

static void copy(char to[COMPLETION_BYTES], const char *word, size_t length)
{
    memcpy(to, word, length);
    to[length] = '\0';
}

bool completion_offer(struct completion *self, const char *word)
{
    size_t word_length = length_of(word);
    size_t length = 0;

    if (!matches(self, word)) {
        return false;
    }
    if (self->match_count == 0) {
        copy(self->common, word, word_length);
        self->match_count = 1;
        self->common_length = self->longest = word_length;
        return true;
    }
    while (length < self->common_length && word[length] == self->common[length]) {
        length++;
    }
    /* The only match so far may come again. */
    if (self->match_count > 1 || length < self->common_length || length < word_length) {
        self->match_count++;
    }
    self->common[length] = '\0';
    self->common_length = length;
    self->longest = word_length > self->longest ? word_length : self->longest;
    return true;
}

struct candidate_order candidate_order_of(const struct completion *completion)
{
    return (struct candidate_order){.completion = completion};
}

void candidate_order_begin(struct candidate_order *self)
{
    memcpy(self->last, self->word, sizeof self->last);
    self->found = false;
}

void candidate_order_offer(void *context, const char *word)
{
    struct candidate_order *self = context;

    if (matches(self->completion, word) && strcmp(word, self->last) > 0 &&
        (!self->found || strcmp(word, self->word) < 0)) {
        copy(self->word, word, length_of(word));
        self->found = true;
    }
}

bool candidate_order_end(const struct candidate_order *self)
{
    return self->found;
}
