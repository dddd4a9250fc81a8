/* What someone would write who needs one operation for one machine: four levels, one way of
 * reaching tables, no results to speak of. The limits that the library is measured against, compiled
 * into their callers as its operations are. */
#pragma once

#include "mm/frame_source.h"
#include "mm/page_entry.h"
#include "mm_port.h"

#include <stddef.h>

/* Four levels of tables, each visible at `base` + its physical address. */
struct hand_table {
    uint64_t root;
    uint64_t base;
    unsigned physical_bits;
    bool no_execute; /* bit 63 may be set */
};

#define HAND_NOT_MAPPED UINT64_MAX

static inline volatile uint64_t *hand_entry(const struct hand_table *table, uint64_t frame,
                                            uint64_t address, unsigned shift)
{
    return (volatile uint64_t *)(table->base + frame) + (address >> shift & 511);
}

static inline bool hand_is_canonical(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

/* The physical address of `address`, or HAND_NOT_MAPPED: at most four loads, with the tests for
 * absent entries and huge pages that a walk cannot do without. */
__attribute__((always_inline)) static inline uint64_t
hand_translate(const struct hand_table *table, uint64_t address)
{
    if (!hand_is_canonical(address)) {
        return HAND_NOT_MAPPED;
    }
    uint64_t entry = *hand_entry(table, table->root, address, 39);
    if ((entry & PAGE_PRESENT) == 0) {
        return HAND_NOT_MAPPED;
    }
    entry = *hand_entry(table, entry & PAGE_FRAME_MASK, address, 30);
    if ((entry & PAGE_PRESENT) == 0) {
        return HAND_NOT_MAPPED;
    }
    if ((entry & PAGE_HUGE) != 0) {
        return (entry & UINT64_C(0x000fffffc0000000)) | (address & 0x3fffffff);
    }
    entry = *hand_entry(table, entry & PAGE_FRAME_MASK, address, 21);
    if ((entry & PAGE_PRESENT) == 0) {
        return HAND_NOT_MAPPED;
    }
    if ((entry & PAGE_HUGE) != 0) {
        return (entry & UINT64_C(0x000fffffffe00000)) | (address & 0x1fffff);
    }
    entry = *hand_entry(table, entry & PAGE_FRAME_MASK, address, 12);
    if ((entry & PAGE_PRESENT) == 0) {
        return HAND_NOT_MAPPED;
    }
    return (entry & PAGE_FRAME_MASK) | (address & 0xfff);
}

/* Goes down by one level: *frame becomes the frame of the table below, which is made if need be.
 * False if there is a huge page, or no frame. */
__attribute__((always_inline)) static inline bool
hand_descend(const struct hand_table *table, uint64_t page, unsigned shift, uint64_t parent_flags,
             struct frame_source *frames, uint64_t *frame)
{
    volatile uint64_t *slot = hand_entry(table, *frame, page, shift);
    uint64_t entry = *slot;

    if ((entry & PAGE_PRESENT) == 0) {
        phys_addr taken;

        if (!frame_source_allocate(frames, 0, &taken)) {
            return false;
        }
        mm_port_zero_table((void *)(table->base + taken.value));
        entry = taken.value | parent_flags;
        *slot = entry;
    } else if ((entry & PAGE_HUGE) != 0) {
        return false;
    } else if ((parent_flags & ~entry) != 0) {
        *slot = entry | parent_flags;
    }
    *frame = entry & PAGE_FRAME_MASK;
    return true;
}

/* Maps a 4 KiB page: checks its arguments as the library does, descends from the root, makes the
 * tables that are missing, stores the leaf. Returns whether it could. */
__attribute__((always_inline)) static inline bool
hand_map_4k(const struct hand_table *table, uint64_t page, uint64_t frame, uint64_t flags,
            struct frame_source *frames)
{
    uint64_t parent_flags = PAGE_PRESENT | PAGE_WRITABLE | (flags & PAGE_USER);
    uint64_t table_frame = table->root;

    if (!hand_is_canonical(page) || ((page | frame) & 0xfff) != 0 ||
        frame >> table->physical_bits != 0 || (flags & PAGE_PRESENT) == 0 ||
        (flags & PAGE_FRAME_MASK) != 0 ||
        ((flags & PAGE_NO_EXECUTE) != 0 && !table->no_execute)) {
        return false;
    }
    if (!hand_descend(table, page, 39, parent_flags, frames, &table_frame) ||
        !hand_descend(table, page, 30, parent_flags, frames, &table_frame) ||
        !hand_descend(table, page, 21, parent_flags, frames, &table_frame)) {
        return false;
    }
    volatile uint64_t *slot = hand_entry(table, table_frame, page, 12);
    if ((*slot & PAGE_PRESENT) != 0) {
        return false;
    }
    *slot = frame | flags;
    return true;
}

/* One pass of 8-byte stores, or loads, over `bytes` of memory, a multiple of 64. The loads yield what
 * they found, or-ed together. */
void hand_store_pass(void *memory, size_t bytes, uint64_t value);
uint64_t hand_load_pass(const void *memory, size_t bytes);
