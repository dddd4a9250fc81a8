#include "mm/bit_tree.h"

static uint64_t word_count_for(uint64_t bit_count)
{
    return (bit_count + BIT_TREE_WORD_BITS - 1) >> BIT_TREE_WORD_SHIFT;
}

static uint64_t bit_of(uint64_t number)
{
    return UINT64_C(1) << (number & (BIT_TREE_WORD_BITS - 1));
}

/* The bit, counted through all words of `level`, that stands for `number`. */
static uint64_t bit_index(uint64_t number, unsigned level)
{
    return number >> (BIT_TREE_WORD_SHIFT * level);
}

static uint64_t *word_of(const struct bit_tree *self, unsigned level, uint64_t index)
{
    return &self->levels[level][index >> BIT_TREE_WORD_SHIFT];
}

size_t bit_tree_word_count(uint64_t bound)
{
    uint64_t word_count = word_count_for(bound);
    uint64_t total = word_count;

    while (word_count > 1) {
        word_count = word_count_for(word_count);
        total += word_count;
    }
    return total;
}

void bit_tree_init(struct bit_tree *self, uint64_t *words, uint64_t bound)
{
    uint64_t word_count = word_count_for(bound);

    self->levels[0] = words;
    self->level_count = 1;
    while (word_count > 1) {
        words += word_count;
        word_count = word_count_for(word_count);
        self->levels[self->level_count++] = words;
    }
    *words = 0;
}

void bit_tree_add(struct bit_tree *self, uint64_t number)
{
    bool word_is_valid = true;

    for (unsigned level = self->level_count; level-- > 0;) {
        uint64_t index = bit_index(number, level);
        uint64_t *word = word_of(self, level, index);
        uint64_t bits = word_is_valid ? *word : 0;

        word_is_valid = (bits & bit_of(index)) != 0;
        *word = bits | bit_of(index);
    }
}

void bit_tree_remove(struct bit_tree *self, uint64_t number)
{
    for (unsigned level = 0; level < self->level_count; level++) {
        uint64_t index = bit_index(number, level);
        uint64_t *word = word_of(self, level, index);

        *word &= ~bit_of(index);
        if (*word != 0) {
            return;
        }
    }
}

uint64_t bit_tree_first(const struct bit_tree *self)
{
    uint64_t index = 0;

    for (unsigned level = self->level_count; level-- > 0;) {
        index =
            index << BIT_TREE_WORD_SHIFT | (uint64_t)__builtin_ctzll(self->levels[level][index]);
    }
    return index;
}

bool bit_tree_contains(const struct bit_tree *self, uint64_t number)
{
    for (unsigned level = self->level_count; level-- > 0;) {
        uint64_t index = bit_index(number, level);

        if ((*word_of(self, level, index) & bit_of(index)) == 0) {
            return false;
        }
    }
    return true;
}

/* Adds the numbers below word `word_index` of `level` to *count. The depth is the level. */
static bool count_below(const struct bit_tree *self, unsigned level, uint64_t word_index,
                        uint64_t *count)
{
    uint64_t bits = self->levels[level][word_index];

    for (uint64_t rest = bits; rest != 0; rest &= rest - 1) {
        uint64_t bit = (uint64_t)__builtin_ctzll(rest);

        if (level == 0) {
            *count += 1;
        } else if (!count_below(self, level - 1, word_index << BIT_TREE_WORD_SHIFT | bit, count)) {
            return false;
        }
    }
    return bits != 0;
}

bool bit_tree_count(const struct bit_tree *self, uint64_t *count)
{
    *count = 0;
    return bit_tree_is_empty(self) || count_below(self, self->level_count - 1, 0, count);
}
