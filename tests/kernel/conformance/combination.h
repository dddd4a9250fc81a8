/* A combination: one access in one state of the registers and of the entries on its path, as the
 * bits of one word. What is said of a combination elsewhere is said with these bits, and a failure
 * is repeated by the word alone.
 *
 *   bit  0..1    kind of access (enum mmu_access_kind)     10..11  target
 *        2       from user mode                            12..20  flags of the leaf
 *        3       RFLAGS.AC                                 21..48  flags of the entries above,
 *        4, 5    AD and WD of the leaf's key               49..54  control registers
 *        6..9    the leaf's key                            55..63  one more bit of one entry
 *
 * Where PKRU gives the leaf's key AD and WD, it gives every other key the opposite, and PKRS does
 * the reverse: whoever looks at the wrong key or register is noticed. Only key 0 has all rights in
 * PKRS, since it is the key of the kernel's own pages.
 * Pure: also built for the host.
 */
#pragma once

#include "tests/model/mmu.h"

#include <stddef.h>

#define COMBINATION_KIND UINT64_C(3)
#define COMBINATION_USER (UINT64_C(1) << 2)
#define COMBINATION_AC (UINT64_C(1) << 3)
#define COMBINATION_KEY_AD (UINT64_C(1) << 4)
#define COMBINATION_KEY_WD (UINT64_C(1) << 5)
enum { COMBINATION_KEY_SHIFT = 6 };
#define COMBINATION_KEY (UINT64_C(0xf) << COMBINATION_KEY_SHIFT)

/* The size of the page; or an address that is not canonical, above 4 KiB pages. The key then
 * chooses which. */
enum { COMBINATION_TARGET_SHIFT = 10 };
#define COMBINATION_TARGET (UINT64_C(3) << COMBINATION_TARGET_SHIFT)
enum combination_target { TARGET_4K, TARGET_2M, TARGET_1G, TARGET_NOT_CANONICAL };

#define LEAF_P (UINT64_C(1) << 12)
#define LEAF_W (UINT64_C(1) << 13)
#define LEAF_U (UINT64_C(1) << 14)
#define LEAF_NX (UINT64_C(1) << 15)
#define LEAF_A (UINT64_C(1) << 16)
#define LEAF_R (UINT64_C(1) << 17) /* the highest reserved bit of the address */
#define LEAF_D (UINT64_C(1) << 18)
#define LEAF_G (UINT64_C(1) << 19)
#define LEAF_PAT (UINT64_C(1) << 20)
#define LEAF_ALL (UINT64_C(0x1ff) << 12)

/* The flags of an entry of `level` that is not the leaf. */
#define ABOVE_SHIFT(level) (7 + 7 * (level))
#define ABOVE_P(level) (UINT64_C(1) << ABOVE_SHIFT(level))
#define ABOVE_W(level) (UINT64_C(2) << ABOVE_SHIFT(level))
#define ABOVE_U(level) (UINT64_C(4) << ABOVE_SHIFT(level))
#define ABOVE_NX(level) (UINT64_C(8) << ABOVE_SHIFT(level))
#define ABOVE_A(level) (UINT64_C(16) << ABOVE_SHIFT(level))
#define ABOVE_R(level) (UINT64_C(32) << ABOVE_SHIFT(level))
#define ABOVE_PS(level) (UINT64_C(64) << ABOVE_SHIFT(level)) /* levels 4 and 5, where it is reserved */
#define ABOVE_ALL(level) (UINT64_C(0x7f) << ABOVE_SHIFT(level))

#define CONTROL_WP (UINT64_C(1) << 49)
#define CONTROL_NXE (UINT64_C(1) << 50)
#define CONTROL_SMEP (UINT64_C(1) << 51)
#define CONTROL_SMAP (UINT64_C(1) << 52)
#define CONTROL_PKE (UINT64_C(1) << 53)
#define CONTROL_PKS (UINT64_C(1) << 54)
#define CONTROL_ALL (UINT64_C(0x3f) << 49)

/* A bit that is set in the entry of a level, of those that have no flag above; level 0: none. */
enum { EXTRA_LEVEL_SHIFT = 55, EXTRA_BIT_SHIFT = 58 };
#define EXTRA_LEVEL (UINT64_C(7) << EXTRA_LEVEL_SHIFT)
#define EXTRA_BIT (UINT64_C(0x3f) << EXTRA_BIT_SHIFT)
#define EXTRA_ALL (EXTRA_LEVEL | EXTRA_BIT)

/* What the machine at hand can be asked. */
struct combination_machine {
    unsigned levels;
    unsigned physical_bits;
    bool pages_1g;
    uint64_t controls; /* those of CONTROL_ALL that it has */
};

/* False for a word that stands for no state of this machine, or for one that another word stands
 * for. */
bool combination_is_possible(const struct combination_machine *machine, uint64_t word);

/* All bits but those that no possible word with this target has. */
uint64_t combination_possible_bits(const struct combination_machine *machine,
                                   enum combination_target target);

enum combination_target combination_target(uint64_t word);
unsigned combination_leaf_level(uint64_t word);

/* The flags that let everything through at each level of a path to this target. */
uint64_t combination_open_path(const struct combination_machine *machine,
                               enum combination_target target);

struct mmu_control combination_control(const struct combination_machine *machine, uint64_t word);

/* The entry of `level` on the path, `frame` being the physical address of what it names. */
uint64_t combination_entry(uint64_t word, unsigned level, uint64_t frame);

/* PKRU and PKRS of the word, whether in use or not. */
uint32_t combination_pkru(uint64_t word);
uint32_t combination_pkrs(uint64_t word);

/* A flag of a word, by name. */
struct combination_flag {
    uint64_t bit;
    const char *name;
};

/* Every flag that is one bit and not part of a number. */
extern const struct combination_flag combination_flags[];
extern const size_t combination_flag_count;
