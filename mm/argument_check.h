/* What can be wrong with the arguments of an operation before any table is looked at. */
#pragma once

#include "mm/page_table_types.h"

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

/* All that can be asked of the arguments of a mapping. */
static inline bool map_arguments_are_good(const struct page_table *table, unsigned levels,
                                          virt_addr page, phys_addr frame, enum page_size size,
                                          page_flags flags)
{
    return size_is_known(size) && virt_addr_is_canonical(page, levels) &&
           is_aligned(page.value | frame.value, page_size_bytes(size)) &&
           frame_is_addressable(table, frame) && leaf_flags_are_good(flags, size) &&
           leaf_features_are_present(table, flags, size);
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
