/* "Did you mean": the known word that is nearest to one that is not known. Pure: also built for
 * the host. */
#pragma once

#include <stddef.h>

struct suggestion {
    const char *wanted;
    size_t length;
    const char *best; /* NULL: nothing is near enough */
    size_t distance;  /* of `best` */
};

struct suggestion suggestion_for(const char *wanted, size_t length);

/* Considers a known word. It must outlive the suggestion. Near enough is what a third of the
 * letters, one at least, changed, left out, added or swapped with their neighbours makes of the
 * wanted word, in which capitals do not count; of words that are equally near, the first stays. */
void suggestion_offer(struct suggestion *self, const char *known);
