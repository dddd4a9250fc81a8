#include "tests/kernel/conformance/family.h"

#define ACCESS (COMBINATION_KIND | COMBINATION_USER | COMBINATION_AC)
#define RULES (CONTROL_WP | CONTROL_NXE | CONTROL_SMEP | CONTROL_SMAP)
#define KEYS (COMBINATION_KEY | COMBINATION_KEY_AD | COMBINATION_KEY_WD | CONTROL_PKE | CONTROL_PKS)

#define LEAF_RIGHTS (LEAF_W | LEAF_U | LEAF_NX)
#define RIGHTS(level) (ABOVE_W(level) | ABOVE_U(level) | ABOVE_NX(level))

/* Of all levels that there can be: those that a path does not have are left out. */
#define ALL_RIGHTS (LEAF_RIGHTS | RIGHTS(2) | RIGHTS(3) | RIGHTS(4) | RIGHTS(5))
#define ALL_ACCESSED (LEAF_A | ABOVE_A(2) | ABOVE_A(3) | ABOVE_A(4) | ABOVE_A(5))
#define ALL_PRESENT (LEAF_P | ABOVE_P(2) | ABOVE_P(3) | ABOVE_P(4) | ABOVE_P(5))
#define ALL_RESERVED                                                                               \
    (LEAF_R | ABOVE_R(2) | ABOVE_R(3) | ABOVE_R(4) | ABOVE_R(5) | ABOVE_PS(4) | ABOVE_PS(5))

enum { EACH_SIZE = 1 << TARGET_4K | 1 << TARGET_2M | 1 << TARGET_1G };

const struct family families[FAMILY_COUNT] = {
    [FAMILY_RIGHTS_AND_ACCESSED] = {4, EACH_SIZE, 0,
                                    ACCESS | RULES | ALL_RIGHTS | ALL_ACCESSED | LEAF_D},
    [FAMILY_RIGHTS_OF_FIVE] = {5, EACH_SIZE, 0, ACCESS | RULES | ALL_RIGHTS},
    [FAMILY_ACCESSED_OF_FIVE] = {5, EACH_SIZE, 0,
                                 ACCESS | RULES | ALL_ACCESSED | LEAF_D | LEAF_W | LEAF_U},
    [FAMILY_PRESENT_AND_RESERVED] = {0, EACH_SIZE, 0,
                                     ACCESS | RULES | ALL_PRESENT | ALL_RESERVED | LEAF_W},
    [FAMILY_KEYS] = {0, EACH_SIZE, CONTROL_NXE,
                     ACCESS | KEYS | CONTROL_WP | CONTROL_SMAP | LEAF_RIGHTS | LEAF_A | LEAF_D |
                         ABOVE_U(4)},
    [FAMILY_LEAF] = {0, EACH_SIZE, 0, ACCESS | RULES | LEAF_ALL},
    [FAMILY_EXTRA_BITS] = {0, EACH_SIZE, 0, ACCESS | RULES | EXTRA_ALL | LEAF_W | LEAF_U},
    [FAMILY_NOT_CANONICAL] = {0, 1 << TARGET_NOT_CANONICAL, 0,
                              ACCESS | RULES | COMBINATION_KEY | LEAF_P | LEAF_W | LEAF_U},
};

static uint64_t varied_bits(const struct combination_machine *machine, enum family_name name,
                            enum combination_target target)
{
    return families[name].varied & combination_possible_bits(machine, target);
}

/* The bits that all words of the family with this target have in common. */
static uint64_t base_bits(const struct combination_machine *machine, enum family_name name,
                          enum combination_target target)
{
    uint64_t possible = combination_possible_bits(machine, target);

    return ((families[name].base & possible) | combination_open_path(machine, target)) &
           ~families[name].varied;
}

static bool is_for(const struct combination_machine *machine, enum family_name name,
                   enum combination_target target)
{
    const struct family *family = &families[name];

    return (family->levels == 0 || family->levels == machine->levels) &&
           (family->targets >> target & 1) != 0;
}

uint64_t family_candidates(const struct combination_machine *machine, enum family_name name,
                           enum combination_target target)
{
    uint64_t candidates = is_for(machine, name, target) ? 1 : 0;

    for (uint64_t left = varied_bits(machine, name, target); left != 0; left &= left - 1) {
        candidates *= 2;
    }
    return candidates;
}

uint64_t family_word(const struct combination_machine *machine, enum family_name name,
                     enum combination_target target, uint64_t index)
{
    uint64_t word = base_bits(machine, name, target);

    /* The lowest bits of the index become the lowest varied bits. */
    for (uint64_t left = varied_bits(machine, name, target); left != 0; left &= left - 1) {
        word |= (index & 1) != 0 ? left & -left : 0;
        index >>= 1;
    }
    return word;
}

uint64_t family_next(const struct combination_machine *machine, enum family_name name,
                     uint64_t word)
{
    uint64_t varied = varied_bits(machine, name, combination_target(word));

    /* Ones in all other bits carry the addition over them. */
    return (((word | ~varied) + 1) & varied) | (word & ~varied);
}

static bool family_has(const struct combination_machine *machine, enum family_name name,
                       uint64_t word)
{
    enum combination_target target = combination_target(word);

    return is_for(machine, name, target) &&
           (word & ~varied_bits(machine, name, target)) == base_bits(machine, name, target);
}

bool family_owns(const struct combination_machine *machine, enum family_name name, uint64_t word)
{
    for (enum family_name before = 0; before < name; before++) {
        if (family_has(machine, before, word)) {
            return false;
        }
    }
    return family_has(machine, name, word) && combination_is_possible(machine, word);
}
