#include "kernel/line/suggestion.h"

#include "kernel/lib/string.h"

#include <stdint.h>

enum { LENGTH_MAX = 31 };

static size_t least(size_t left, size_t right)
{
    return left < right ? left : right;
}

static char lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

/* The edit distance in which swapping neighbours is one step (optimal string alignment). Rows of
 * the usual table: `now` for the first i letters of the left word, two older ones before it.
 * Capitals count as their small letters. */
static size_t distance(const char *left, size_t left_length, const char *right, size_t right_length)
{
    size_t rows[3][LENGTH_MAX + 1];

    for (size_t k = 0; k <= right_length; k++) {
        rows[0][k] = k;
    }
    for (size_t i = 1; i <= left_length; i++) {
        size_t *now = rows[i % 3];
        const size_t *before = rows[(i + 2) % 3];
        const size_t *earlier = rows[(i + 1) % 3];

        now[0] = i;
        for (size_t k = 1; k <= right_length; k++) {
            size_t changed = before[k - 1] + (lower(left[i - 1]) != lower(right[k - 1]) ? 1 : 0);
            now[k] = least(changed, least(before[k], now[k - 1]) + 1);
            if (i > 1 && k > 1 && left[i - 1] == right[k - 2] && left[i - 2] == right[k - 1]) {
                now[k] = least(now[k], earlier[k - 2] + 1);
            }
        }
    }
    return rows[left_length % 3][right_length];
}

struct suggestion suggestion_for(const char *wanted, size_t length)
{
    return (struct suggestion){.wanted = wanted, .length = length, .distance = SIZE_MAX};
}

void suggestion_offer(struct suggestion *self, const char *known)
{
    size_t known_length = strlen(known);
    size_t limit = self->length / 3 > 0 ? self->length / 3 : 1;

    if (self->length > LENGTH_MAX || known_length > LENGTH_MAX) {
        return;
    }
    size_t found = distance(self->wanted, self->length, known, known_length);
    if (found <= limit && found < known_length && found < self->distance) {
        self->best = known;
        self->distance = found;
    }
}
