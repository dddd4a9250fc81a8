/* Physical and virtual addresses as types that cannot be confused, page sizes, and table indices.
 *
 *   virtual address, 4 levels            (5 levels: one more index, bits 48..56)
 *   63         48 47     39 38     30 29     21 20     12 11         0
 *   | copies of 47 | level 4 | level 3 | level 2 | level 1 |  offset  |
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A physical address. Any value can be held; what the CPU can address is checked where it is used. */
typedef struct phys_addr {
    uint64_t value;
} phys_addr;

/* A virtual address. Whether it is canonical depends on the number of paging levels, so a page
 * table checks it; virt_addr_try_new and its family make values that are. */
typedef struct virt_addr {
    uint64_t value;
} virt_addr;

enum {
    PAGE_SHIFT = 12,
    TABLE_INDEX_BITS = 9,
    TABLE_ENTRY_COUNT = 1 << TABLE_INDEX_BITS,
    PHYS_ADDR_BITS_MAX = 52,
    PAGING_LEVELS_MIN = 4,
    PAGING_LEVELS_MAX = 5,
};

/* A page size. Its value is the level of the table that holds the leaf. */
enum page_size {
    PAGE_4K = 1,
    PAGE_2M = 2,
    PAGE_1G = 3,
};

/* Bytes that one entry of a table at `level` (1..5) covers, as a power of two. */
static inline unsigned level_shift(unsigned level)
{
    return PAGE_SHIFT + TABLE_INDEX_BITS * (level - 1);
}

/* Bytes that one entry of a table at `level` (1..5) covers. */
static inline uint64_t level_bytes(unsigned level)
{
    return UINT64_C(1) << level_shift(level);
}

static inline uint64_t page_size_bytes(enum page_size size)
{
    return level_bytes((unsigned)size);
}

/* "4 KiB", "2 MiB" or "1 GiB". */
static inline const char *page_size_name(enum page_size size)
{
    return size == PAGE_1G ? "1 GiB" : size == PAGE_2M ? "2 MiB" : "4 KiB";
}

/* Wraps a raw value without a check. */
static inline phys_addr phys_addr_of(uint64_t value)
{
    return (phys_addr){value};
}

/* Wraps a raw value without a check; it may not be canonical. */
static inline virt_addr virt_addr_of(uint64_t value)
{
    return (virt_addr){value};
}

static inline phys_addr phys_addr_add(phys_addr address, uint64_t bytes)
{
    return (phys_addr){address.value + bytes};
}

static inline virt_addr virt_addr_add(virt_addr address, uint64_t bytes)
{
    return (virt_addr){address.value + bytes};
}

/* The address with the bits above the ones that `levels` (4 or 5) levels translate replaced by
 * copies of the highest translated bit: always canonical; the upper bits of `value` are lost. */
static inline virt_addr virt_addr_new_truncate(uint64_t value, unsigned levels)
{
    unsigned unused_bits = 64 - (level_shift(levels) + TABLE_INDEX_BITS);
    return (virt_addr){(uint64_t)((int64_t)(value << unused_bits) >> unused_bits)};
}

/* True when bits 63..47 (4 levels) or 63..56 (5 levels) are equal.
 * Source: Intel SDM volume 1, 3.3.7.1 "Canonical Addressing". */
static inline bool virt_addr_is_canonical(virt_addr address, unsigned levels)
{
    unsigned address_bits = level_shift(levels) + TABLE_INDEX_BITS;

    /* Moves the upper half down to the lower one: both are then what the low bits can hold. */
    return (address.value + (UINT64_C(1) << (address_bits - 1))) >> address_bits == 0;
}

/* Stores the address in *address if it is canonical for `levels`; says whether it was. */
__attribute__((warn_unused_result)) static inline bool
virt_addr_try_new(uint64_t value, unsigned levels, virt_addr *address)
{
    if (!virt_addr_is_canonical(virt_addr_of(value), levels)) {
        return false;
    }
    *address = virt_addr_of(value);
    return true;
}

/* Stores the address in *address if a CPU with `physical_bits` (MAXPHYADDR) can form it; says
 * whether it can. */
__attribute__((warn_unused_result)) static inline bool
phys_addr_try_new(uint64_t value, unsigned physical_bits, phys_addr *address)
{
    if (value >> physical_bits != 0) {
        return false;
    }
    *address = phys_addr_of(value);
    return true;
}

/* The index of `address` in the table at `level`. */
static inline unsigned virt_addr_index(virt_addr address, unsigned level)
{
    return (unsigned)(address.value >> level_shift(level)) & (TABLE_ENTRY_COUNT - 1);
}

/* `alignment_bytes` is a power of two. */
static inline bool is_aligned(uint64_t value, uint64_t alignment_bytes)
{
    return (value & (alignment_bytes - 1)) == 0;
}

static inline uint64_t align_down(uint64_t value, uint64_t alignment_bytes)
{
    return value & ~(alignment_bytes - 1);
}

/* Rounds up; wraps to 0 when the result would be 2^64. */
static inline uint64_t align_up(uint64_t value, uint64_t alignment_bytes)
{
    return align_down(value + alignment_bytes - 1, alignment_bytes);
}
