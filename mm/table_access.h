/* How the frames of page tables are reached from code: an access value answers where a table is
 * and which frames may be tables. It knows nothing of mapping and unmapping.
 *
 * Each function takes the kind beside the access. Callers pass it as a constant (see walk.h), so
 * that what is not of that kind is gone from the compiled walk.
 */
#pragma once

#include "mm/page_entry.h"
#include "mm_port.h"

enum access_kind {
    ACCESS_LINEAR,    /* every table is at base + physical address */
    ACCESS_TEMPORARY, /* a slot per level is pointed at the table that is looked at */
    ACCESS_RECURSIVE, /* one entry of the root names the root */
};

/* The slots of ACCESS_TEMPORARY, counted from first_slot: one for each level of a walk, so that
 * an entry pointer stays valid while lower tables are looked at, and one for a new table. */
enum {
    TEMPORARY_SLOT_NEW_TABLE = 0,
    TEMPORARY_SLOT_LEVEL_1 = 1,
    TEMPORARY_SLOT_COUNT = 1 + PAGING_LEVELS_MAX,
};

struct table_access {
    enum access_kind kind;
    page_flags slot_flags; /* of slots and the scratch page: PRESENT and WRITABLE, and NO_EXECUTE
                              where the owner has added it */
    union {
        struct {
            uint64_t base;       /* address of physical address 0 */
            phys_addr first;     /* frames in first..end-1 can be reached */
            phys_addr end;
        } linear;
        struct {
            virt_addr table;     /* the level-1 table whose entries are the slots */
            virt_addr window;    /* the address that entry 0 of that table maps */
            unsigned first_slot;
        } temporary;
        struct {
            unsigned slot;       /* index in the root, 0..511 */
            virt_addr scratch;   /* a page whose tables exist, to see a table not yet linked */
        } recursive;
    };
};

/* Where all of [first, end) is visible at `base` + physical address. */
struct table_access table_access_linear(uint64_t base, phys_addr first, phys_addr end);

/* Through entries first_slot.. of the level-1 table that is visible at `table` and whose entry 0
 * maps `window`; TEMPORARY_SLOT_COUNT entries from first_slot on belong to the access. */
struct table_access table_access_temporary(virt_addr table, virt_addr window, unsigned first_slot);

/* Through entry `slot` of the active root, which names the root. `scratch` is a page whose leaf
 * entry belongs to the access and whose tables exist. Works on the active tables only. */
struct table_access table_access_recursive(unsigned slot, virt_addr scratch);

/* The address at which the table of `level` that translates `address` appears when entry `slot`
 * of the root names the root. In octal with four levels, R = slot, for 0o_SSSSSS_444_333_222_111_xxxx:
 *   level 4: RRR RRR RRR RRR    level 3: RRR RRR RRR 444
 *   level 2: RRR RRR 444 333    level 1: RRR 444 333 222
 * The sign extension follows the top bit of R. */
static inline virt_addr recursive_table_address(unsigned slot, unsigned levels, virt_addr address,
                                                unsigned level)
{
    unsigned address_bits = level_shift(levels) + TABLE_INDEX_BITS;
    uint64_t indices = (address.value << (64 - address_bits)) >> (64 - address_bits);
    uint64_t value = (indices >> level_shift(level + 1)) << PAGE_SHIFT;

    for (unsigned repeat = 0; repeat < level; repeat++) {
        value |= (uint64_t)slot << level_shift(levels - repeat);
    }
    return virt_addr_new_truncate(value, levels);
}

static inline struct page_entry page_entry_load(const struct page_entry *slot)
{
    return (struct page_entry){__atomic_load_n(&slot->bits, __ATOMIC_RELAXED)};
}

/* One 64-bit store; what was written before it is visible to whoever sees the new entry. */
static inline void page_entry_store(struct page_entry *slot, struct page_entry entry)
{
    __atomic_store_n(&slot->bits, entry.bits, __ATOMIC_RELEASE);
}

/* Points a page's leaf entry at `frame`, if it is not, and returns where the frame is visible. */
static inline struct page_entry *access_point(struct page_entry *leaf, virt_addr page,
                                              phys_addr frame, page_flags flags)
{
    struct page_entry wanted = {frame.value | flags.bits};
    uint64_t volatile_bits = PAGE_ACCESSED | PAGE_DIRTY;

    if ((page_entry_load(leaf).bits & ~volatile_bits) != wanted.bits) {
        page_entry_store(leaf, wanted);
        mm_port_flush_page(page);
    }
    return mm_port_pointer(page);
}

static inline struct page_entry *access_temporary(const struct table_access *access, unsigned slot,
                                                  phys_addr frame)
{
    unsigned index = access->temporary.first_slot + slot;
    struct page_entry *slots = mm_port_pointer(access->temporary.table);

    return access_point(&slots[index],
                        virt_addr_add(access->temporary.window, (uint64_t)index << PAGE_SHIFT),
                        frame, access->slot_flags);
}

/* The table of `level` that translates `address`; `frame` is its frame. */
__attribute__((always_inline)) static inline struct page_entry *
access_table(const struct table_access *access, enum access_kind kind, unsigned levels,
             virt_addr address, unsigned level, phys_addr frame)
{
    switch (kind) {
    case ACCESS_LINEAR:
        return (struct page_entry *)(access->linear.base + frame.value);
    case ACCESS_TEMPORARY:
        return access_temporary(access, TEMPORARY_SLOT_LEVEL_1 + level - 1, frame);
    case ACCESS_RECURSIVE:
        return mm_port_pointer(
            recursive_table_address(access->recursive.slot, levels, address, level));
    }
    __builtin_unreachable();
}

/* A frame that no table names yet, to be filled before it is linked. The pointer holds until the
 * next call for the same access. */
__attribute__((always_inline)) static inline struct page_entry *
access_new_table(const struct table_access *access, enum access_kind kind, unsigned levels,
                 phys_addr frame)
{
    switch (kind) {
    case ACCESS_LINEAR:
        return (struct page_entry *)(access->linear.base + frame.value);
    case ACCESS_TEMPORARY:
        return access_temporary(access, TEMPORARY_SLOT_NEW_TABLE, frame);
    case ACCESS_RECURSIVE: {
        virt_addr scratch = access->recursive.scratch;
        struct page_entry *table = mm_port_pointer(
            recursive_table_address(access->recursive.slot, levels, scratch, 1));
        return access_point(&table[virt_addr_index(scratch, 1)], scratch, frame,
                            access->slot_flags);
    }
    }
    __builtin_unreachable();
}

/* True when a table in `frame` could be reached. */
__attribute__((always_inline)) static inline bool
access_reaches(const struct table_access *access, enum access_kind kind, phys_addr frame)
{
    return kind != ACCESS_LINEAR || (frame.value >= access->linear.first.value &&
                                     frame.value < access->linear.end.value);
}

/* To be called when an entry has come to name a table where it was absent or a leaf before: makes
 * the tables of the levels first_level..end_level-1 on the way to `address` visible where they
 * appear from then on. */
static inline void access_forget_aliases(const struct table_access *access, unsigned levels,
                                         virt_addr address, unsigned first_level,
                                         unsigned end_level)
{
    if (access->kind != ACCESS_RECURSIVE) {
        return;
    }
    for (unsigned level = first_level; level < end_level; level++) {
        mm_port_flush_page(
            recursive_table_address(access->recursive.slot, levels, address, level));
    }
}
