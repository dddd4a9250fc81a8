#include "tests/kernel/conformance/combination.h"

/* The highest bit of the address field: reserved unless MAXPHYADDR is 52. */
#define HIGHEST_ADDRESS_BIT (UINT64_C(1) << 51)

const struct combination_flag combination_flags[] = {
    {COMBINATION_USER, "user"},
    {COMBINATION_AC, "AC"},
    {COMBINATION_KEY_AD, "key.AD"},
    {COMBINATION_KEY_WD, "key.WD"},
    {LEAF_P, "leaf.P"},
    {LEAF_W, "leaf.W"},
    {LEAF_U, "leaf.U"},
    {LEAF_NX, "leaf.NX"},
    {LEAF_A, "leaf.A"},
    {LEAF_R, "leaf.reserved"},
    {LEAF_D, "leaf.D"},
    {LEAF_G, "leaf.G"},
    {LEAF_PAT, "leaf.PAT"},
    {ABOVE_P(2), "L2.P"},
    {ABOVE_W(2), "L2.W"},
    {ABOVE_U(2), "L2.U"},
    {ABOVE_NX(2), "L2.NX"},
    {ABOVE_A(2), "L2.A"},
    {ABOVE_R(2), "L2.reserved"},
    {ABOVE_P(3), "L3.P"},
    {ABOVE_W(3), "L3.W"},
    {ABOVE_U(3), "L3.U"},
    {ABOVE_NX(3), "L3.NX"},
    {ABOVE_A(3), "L3.A"},
    {ABOVE_R(3), "L3.reserved"},
    {ABOVE_P(4), "L4.P"},
    {ABOVE_W(4), "L4.W"},
    {ABOVE_U(4), "L4.U"},
    {ABOVE_NX(4), "L4.NX"},
    {ABOVE_A(4), "L4.A"},
    {ABOVE_R(4), "L4.reserved"},
    {ABOVE_PS(4), "L4.PS"},
    {ABOVE_P(5), "L5.P"},
    {ABOVE_W(5), "L5.W"},
    {ABOVE_U(5), "L5.U"},
    {ABOVE_NX(5), "L5.NX"},
    {ABOVE_A(5), "L5.A"},
    {ABOVE_R(5), "L5.reserved"},
    {ABOVE_PS(5), "L5.PS"},
    {CONTROL_WP, "CR0.WP"},
    {CONTROL_NXE, "EFER.NXE"},
    {CONTROL_SMEP, "CR4.SMEP"},
    {CONTROL_SMAP, "CR4.SMAP"},
    {CONTROL_PKE, "CR4.PKE"},
    {CONTROL_PKS, "CR4.PKS"},
};
const size_t combination_flag_count = sizeof combination_flags / sizeof combination_flags[0];

enum combination_target combination_target(uint64_t word)
{
    return (enum combination_target)((word & COMBINATION_TARGET) >> COMBINATION_TARGET_SHIFT);
}

unsigned combination_leaf_level(uint64_t word)
{
    switch (combination_target(word)) {
    case TARGET_2M:
        return 2;
    case TARGET_1G:
        return 3;
    default:
        return 1;
    }
}

/* The bits of an entry that may be the extra one: neither flags nor an address that leads
 * elsewhere. */
static uint64_t extra_bits(const struct combination_machine *machine, unsigned level, bool leaf)
{
    uint64_t below = mmu_entry_bytes(level) - 1;
    uint64_t bits =
        UINT64_C(3) << 3 |     /* PWT, PCD */
        UINT64_C(7) << 9 |     /* ignored */
        UINT64_C(0x7f) << 52 | /* ignored */
        (MMU_ADDRESS & ~HIGHEST_ADDRESS_BIT & ~((UINT64_C(1) << machine->physical_bits) - 1));

    if (!leaf) {
        /* Ignored, but in a leaf: the key, D and G. */
        bits |= UINT64_C(0xf) << MMU_KEY_SHIFT | MMU_D | MMU_G;
    } else if (level > 1) {
        bits |= MMU_ADDRESS & below & ~MMU_PAT_LARGE;
    }
    return bits;
}

static bool extra_is_possible(const struct combination_machine *machine, uint64_t word)
{
    unsigned level = (unsigned)((word & EXTRA_LEVEL) >> EXTRA_LEVEL_SHIFT);
    unsigned bit = (unsigned)((word & EXTRA_BIT) >> EXTRA_BIT_SHIFT);
    unsigned leaf_level = combination_leaf_level(word);

    if (level == 0) {
        return bit == 0;
    }
    return level >= leaf_level && level <= machine->levels &&
           (extra_bits(machine, level, level == leaf_level) >> bit & 1) != 0;
}

/* AD and WD are rights of the leaf's key in a register that is in use. */
static bool key_rights_are_possible(uint64_t word)
{
    bool in_pkrs = (word & CONTROL_PKS) != 0 && (word & COMBINATION_KEY) != 0;

    return (word & (COMBINATION_KEY_AD | COMBINATION_KEY_WD)) == 0 || in_pkrs ||
           (word & CONTROL_PKE) != 0;
}

uint64_t combination_possible_bits(const struct combination_machine *machine,
                                   enum combination_target target)
{
    uint64_t possible = ~(CONTROL_ALL & ~machine->controls);
    unsigned leaf_level = combination_leaf_level((uint64_t)target << COMBINATION_TARGET_SHIFT);

    for (unsigned level = 2; level <= MMU_LEVELS_MAX; level++) {
        if (level <= leaf_level || level > machine->levels) {
            possible &= ~ABOVE_ALL(level);
        }
        if (level < 4) {
            possible &= ~ABOVE_PS(level);
        }
        if (machine->physical_bits == 52) {
            possible &= ~(ABOVE_R(level) | LEAF_R);
        }
    }
    return possible;
}

bool combination_is_possible(const struct combination_machine *machine, uint64_t word)
{
    uint64_t possible = combination_possible_bits(machine, combination_target(word));

    return (word & ~possible) == 0 && extra_is_possible(machine, word) &&
           key_rights_are_possible(word);
}

uint64_t combination_open_path(const struct combination_machine *machine,
                               enum combination_target target)
{
    uint64_t word = (uint64_t)target << COMBINATION_TARGET_SHIFT | LEAF_P | LEAF_W | LEAF_U;

    for (unsigned level = combination_leaf_level(word) + 1; level <= machine->levels; level++) {
        word |= ABOVE_P(level) | ABOVE_W(level) | ABOVE_U(level);
    }
    return word;
}

/* All 16 keys of a register: `rights` for the one, the opposite for the others. */
static uint32_t key_register(uint64_t word, uint32_t rights)
{
    unsigned key = (unsigned)((word & COMBINATION_KEY) >> COMBINATION_KEY_SHIFT);
    uint32_t others = (rights ^ 3) * UINT32_C(0x55555555);

    return others ^ (UINT32_C(3) << 2 * key);
}

static uint32_t key_rights(uint64_t word)
{
    return ((word & COMBINATION_KEY_AD) != 0 ? 1u : 0u) |
           ((word & COMBINATION_KEY_WD) != 0 ? 2u : 0u);
}

uint32_t combination_pkru(uint64_t word)
{
    return key_register(word, key_rights(word));
}

uint32_t combination_pkrs(uint64_t word)
{
    return key_register(word, key_rights(word) ^ 3) & ~UINT32_C(3);
}

struct mmu_control combination_control(const struct combination_machine *machine, uint64_t word)
{
    return (struct mmu_control){
        .levels = machine->levels,
        .physical_bits = machine->physical_bits,
        .pages_1g = machine->pages_1g,
        .write_protect = (word & CONTROL_WP) != 0,
        .no_execute = (word & CONTROL_NXE) != 0,
        .smep = (word & CONTROL_SMEP) != 0,
        .smap = (word & CONTROL_SMAP) != 0,
        .user_keys = (word & CONTROL_PKE) != 0,
        .supervisor_keys = (word & CONTROL_PKS) != 0,
        .pkru = combination_pkru(word),
        .pkrs = combination_pkrs(word),
    };
}

static uint64_t bit_if(uint64_t word, uint64_t flag, uint64_t bit)
{
    return (word & flag) != 0 ? bit : 0;
}

static uint64_t leaf_entry(uint64_t word, unsigned level)
{
    return bit_if(word, LEAF_P, MMU_P) | bit_if(word, LEAF_W, MMU_RW) |
           bit_if(word, LEAF_U, MMU_US) | bit_if(word, LEAF_NX, MMU_XD) |
           bit_if(word, LEAF_A, MMU_A) | bit_if(word, LEAF_R, HIGHEST_ADDRESS_BIT) |
           bit_if(word, LEAF_D, MMU_D) | bit_if(word, LEAF_G, MMU_G) |
           bit_if(word, LEAF_PAT, level == 1 ? MMU_PAT : MMU_PAT_LARGE) | (level > 1 ? MMU_PS : 0) |
           ((word & COMBINATION_KEY) >> COMBINATION_KEY_SHIFT) << MMU_KEY_SHIFT;
}

static uint64_t entry_above(uint64_t word, unsigned level)
{
    return bit_if(word, ABOVE_P(level), MMU_P) | bit_if(word, ABOVE_W(level), MMU_RW) |
           bit_if(word, ABOVE_U(level), MMU_US) | bit_if(word, ABOVE_NX(level), MMU_XD) |
           bit_if(word, ABOVE_A(level), MMU_A) | bit_if(word, ABOVE_R(level), HIGHEST_ADDRESS_BIT) |
           bit_if(word, ABOVE_PS(level), MMU_PS);
}

uint64_t combination_entry(uint64_t word, unsigned level, uint64_t frame)
{
    unsigned leaf_level = combination_leaf_level(word);
    uint64_t entry = level == leaf_level ? leaf_entry(word, level) : entry_above(word, level);

    if ((word & EXTRA_LEVEL) >> EXTRA_LEVEL_SHIFT == level) {
        entry |= UINT64_C(1) << ((word & EXTRA_BIT) >> EXTRA_BIT_SHIFT);
    }
    return entry | frame;
}
