/* What can be wrong with the arguments of an operation before any table is looked at. */
#pragma once

#include "mm/page_range.h"

/* The bits that tables and leaves may have in common and that a parent can withhold. */
#define PAGE_PERMISSIONS (PAGE_WRITABLE | PAGE_USER)

/* The bits that the entry of a table may be given. */
#define PAGE_TABLE_FLAGS                                                                           \
    (PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER | PAGE_WRITE_THROUGH | PAGE_CACHE_DISABLE |          \
     PAGE_ACCESSED | PAGE_SOFTWARE_LOW | PAGE_SOFTWARE_HIGH | PAGE_NO_EXECUTE)

static inline bool size_is_known(enum page_size size)
{
    return (unsigned)size - PAGE_4K <= PAGE_1G - PAGE_4K;
}

/* True when all bits of `frame` can be those of a physical address. */
static inline bool frame_is_addressable(const struct page_table *table, phys_addr frame)
{
    return frame.value >> table->features.physical_bits == 0;
}

/* True when the flags are PRESENT and have no bit of the address of a leaf of `size`. */
static inline bool leaf_flags_are_good(page_flags flags, enum page_size size)
{
    uint64_t address_bits = PAGE_FRAME_MASK & ~(size == PAGE_4K ? 0 : PAGE_PAT_HUGE);

    return (flags.bits & PAGE_PRESENT) != 0 && (flags.bits & address_bits) == 0;
}

/* True when the CPU knows what the flags and the size ask for. */
static inline bool leaf_features_are_present(const struct page_table *table, page_flags flags,
                                             enum page_size size)
{
    return ((flags.bits & PAGE_NO_EXECUTE) == 0 || table->features.no_execute) &&
           (size != PAGE_1G || table->features.pages_1g);
}

static inline bool table_flags_are_good(page_flags flags)
{
    return (flags.bits & PAGE_PRESENT) != 0 && (flags.bits & ~PAGE_TABLE_FLAGS) == 0;
}

/* What is wrong with a page of a size. */
static inline enum page_result page_check(const struct page_table *table, virt_addr page,
                                          enum page_size size)
{
    if (!size_is_known(size)) {
        return PAGE_BAD_SIZE;
    }
    if (!virt_addr_is_canonical(page, table->levels)) {
        return PAGE_NOT_CANONICAL;
    }
    return is_aligned(page.value, page_size_bytes(size)) ? PAGE_OK : PAGE_MISALIGNED;
}

/* The last byte of a range that is not empty. */
static inline virt_addr range_last(struct page_range range)
{
    return virt_addr_of(range.start.value + (range.page_count << PAGE_SHIFT) - 1);
}

/* True when the range does not run out of the half of the address space that it begins in. */
static inline bool range_is_canonical(struct page_range range, unsigned levels)
{
    uint64_t half_pages = UINT64_C(1) << (level_shift(levels) + TABLE_INDEX_BITS - 1 - PAGE_SHIFT);
    uint64_t page_in_half = range.start.value >> PAGE_SHIFT & (half_pages - 1);

    return virt_addr_is_canonical(range.start, levels) &&
           range.page_count <= half_pages - page_in_half;
}
