/* One entry of a page table, and its flag bits.
 *
 *   63 62   59 58   52 51            12 11  9  8  7  6  5   4   3  2  1  0
 *   |NX| pkey | soft  | frame address  | soft | G|PS| D| A|PCD|PWT| U| W| P|
 *                                              bit 7: PS at levels 2 and 3, PAT at level 1
 *                                              bit 12: PAT in a 2 MiB or 1 GiB leaf
 *
 * Source: Intel SDM volume 3, 4.5 "4-Level Paging and 5-Level Paging", tables 4-15 to 4-20.
 */
#pragma once

#include "mm/address.h"

/* Macros, since an enum cannot hold 64 bits and a const variable is no constant expression. */
#define PAGE_PRESENT (UINT64_C(1) << 0)
#define PAGE_WRITABLE (UINT64_C(1) << 1)
#define PAGE_USER (UINT64_C(1) << 2)
#define PAGE_WRITE_THROUGH (UINT64_C(1) << 3)
#define PAGE_CACHE_DISABLE (UINT64_C(1) << 4)
#define PAGE_ACCESSED (UINT64_C(1) << 5)
#define PAGE_DIRTY (UINT64_C(1) << 6)
#define PAGE_HUGE (UINT64_C(1) << 7)  /* levels 2 and 3 */
#define PAGE_PAT_4K (UINT64_C(1) << 7)  /* level 1 */
#define PAGE_GLOBAL (UINT64_C(1) << 8)
#define PAGE_PAT_HUGE (UINT64_C(1) << 12)  /* leaves of levels 2 and 3 */
#define PAGE_SOFTWARE_LOW (UINT64_C(7) << 9)   /* bits that the CPU ignores in every entry */
#define PAGE_SOFTWARE_HIGH (UINT64_C(0x7f) << 52)
#define PAGE_NO_EXECUTE (UINT64_C(1) << 63)

#define PAGE_FRAME_MASK UINT64_C(0x000ffffffffff000)

/* The flag bits of an entry, without the address. */
typedef struct page_flags {
    uint64_t bits;
} page_flags;

struct page_entry {
    uint64_t bits;
};
_Static_assert(sizeof(struct page_entry) == 8, "a page-table entry is 8 bytes");

static inline page_flags page_flags_of(uint64_t bits)
{
    return (page_flags){bits};
}

static inline bool page_entry_is_present(struct page_entry entry)
{
    return (entry.bits & PAGE_PRESENT) != 0;
}

/* True when a present entry of a table at `level` maps memory and does not name a lower table. */
static inline bool page_entry_is_leaf(struct page_entry entry, unsigned level)
{
    return level == 1 || (level <= 3 && (entry.bits & PAGE_HUGE) != 0);
}

/* The frame of the lower table that a present entry names. */
static inline phys_addr page_entry_table(struct page_entry entry)
{
    return phys_addr_of(entry.bits & PAGE_FRAME_MASK);
}

/* The bits of a leaf at `level` that are its address. */
static inline uint64_t page_leaf_address_mask(unsigned level)
{
    return PAGE_FRAME_MASK & ~(level_bytes(level) - 1);
}

/* The first byte that a leaf at `level` maps. */
static inline phys_addr page_leaf_address(struct page_entry entry, unsigned level)
{
    return phys_addr_of(entry.bits & page_leaf_address_mask(level));
}

/* The bit that selects a memory type through the PAT in a leaf at `level`. */
static inline uint64_t page_leaf_pat(unsigned level)
{
    return level == 1 ? PAGE_PAT_4K : PAGE_PAT_HUGE;
}

/* All bits of a leaf at `level` that are not its address. */
static inline page_flags page_leaf_flags(struct page_entry entry, unsigned level)
{
    return page_flags_of(entry.bits & ~page_leaf_address_mask(level));
}
