#include "kernel/monitor/completion.h"

#include "kernel/port/string.h"

struct completion completion_of(const char *prefix, size_t prefix_length)
{
    return (struct completion){.prefix = prefix, .prefix_length = prefix_length};
}

bool completion_offer(struct completion *self, const char *word)
{
    size_t length = 0;

    if (strncmp(word, self->prefix, self->prefix_length) != 0) {
        return false;
    }
    if (self->match_count++ == 0) {
        while (length < COMPLETION_BYTES - 1 && word[length] != '\0') {
            self->common[length] = word[length];
            length++;
        }
    } else {
        while (length < self->common_length && word[length] == self->common[length]) {
            length++;
        }
    }
    self->common[length] = '\0';
    self->common_length = length;
    return true;
}
