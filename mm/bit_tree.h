/* A set of numbers below a bound, in two bits or less for each: which blocks of a size are free.
 *
 * The numbers are the bits of the words of level 0. A bit of level n + 1 says that a word of level
 * n is not 0; the highest level is one word.
 *
 *   level 2                         |..........1|
 *   level 1              |1.........1|         (word 63: never written)
 *   level 0    |.1..1....|    ...    |1....|
 *
 * A word is read only if the bit above it is set, and the first bit that is added to it overwrites
 * it: so memory with any contents becomes an empty set by clearing the highest word.
 * Each operation costs a step per level: log64 of the bound, 3 for the frames of 1 GiB.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BIT_TREE_WORD_BITS = 64,
    BIT_TREE_WORD_SHIFT = 6,
    BIT_TREE_LEVELS_MAX = 7, /* up to 2^42 numbers */
};

struct bit_tree {
    uint64_t *levels[BIT_TREE_LEVELS_MAX];
    unsigned level_count;
};

/* Words of 64 bits that a set of numbers below `bound` (1 .. 2^42) needs. */
size_t bit_tree_word_count(uint64_t bound);

/* Makes an empty set in bit_tree_word_count(bound) words, which outlive it. */
void bit_tree_init(struct bit_tree *self, uint64_t *words, uint64_t bound);

/* `number` is below the bound, and not in the set. */
void bit_tree_add(struct bit_tree *self, uint64_t number);

/* `number` is in the set. */
void bit_tree_remove(struct bit_tree *self, uint64_t number);

/* The smallest number of the set, which is not empty. */
uint64_t bit_tree_first(const struct bit_tree *self);

bool bit_tree_contains(const struct bit_tree *self, uint64_t number);

static inline bool bit_tree_is_empty(const struct bit_tree *self)
{
    return *self->levels[self->level_count - 1] == 0;
}

/* Counts the numbers by a walk of the whole tree. Returns false if a bit says that a word is not 0
 * which is: for tests. */
bool bit_tree_count(const struct bit_tree *self, uint64_t *count);
