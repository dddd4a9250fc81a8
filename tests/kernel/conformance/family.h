/* Families: sets of combinations that together are the full run. A family is all the words that
 * differ from a base in some bits; a word belongs to the first family that has it.
 * Pure: also built for the host. */
#pragma once

#include "tests/kernel/conformance/combination.h"

struct family {
    unsigned levels;  /* of the machines that it is for, or 0 */
    unsigned targets; /* 1 << enum combination_target, each of which it has */
    uint64_t base;    /* besides the flags of an open path */
    uint64_t varied;  /* those of them that the machine and the target have */
};

enum family_name {
    FAMILY_RIGHTS_AND_ACCESSED, /* of four levels */
    FAMILY_RIGHTS_OF_FIVE,
    FAMILY_ACCESSED_OF_FIVE,
    FAMILY_PRESENT_AND_RESERVED,
    FAMILY_KEYS,
    FAMILY_LEAF,
    FAMILY_EXTRA_BITS,
    FAMILY_NOT_CANONICAL,
    FAMILY_COUNT,
};
extern const struct family families[FAMILY_COUNT];

/* How many words with this target differ from the base in varied bits, possible or not; 0 when the
 * family is not for this machine or has no such target. */
uint64_t family_candidates(const struct combination_machine *machine, enum family_name name,
                           enum combination_target target);

/* The candidate at `index`, less than family_candidates. Low bits of the word change fastest. */
uint64_t family_word(const struct combination_machine *machine, enum family_name name,
                     enum combination_target target, uint64_t index);

/* The candidate after `word`. */
uint64_t family_next(const struct combination_machine *machine, enum family_name name,
                     uint64_t word);

/* True when the word is possible, in the family, and in no family before it. */
bool family_owns(const struct combination_machine *machine, enum family_name name, uint64_t word);
