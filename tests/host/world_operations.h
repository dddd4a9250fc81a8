/* The operations in a world, with less to write: flush tokens are consumed, frames are the world's.
 */
#pragma once

#include "tests/host/world.h"

/* Flags of data, of code of a user, and of data of a user. */
#define DATA (PAGE_PRESENT | PAGE_WRITABLE)
#define USER_CODE (PAGE_PRESENT | PAGE_USER)
#define USER_DATA (PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER | PAGE_NO_EXECUTE)

#define GIBIBYTE UINT64_C(0x40000000)
#define TWO_MIBIBYTES UINT64_C(0x200000)

/* The flag bits that a leaf has when it was mapped with these. */
static inline uint64_t leaf_flags(enum page_size size, uint64_t flags)
{
    return flags | (size == PAGE_4K ? 0 : PAGE_HUGE);
}

static inline enum map_result map_page(struct world *world, virt_addr page, uint64_t frame,
                                       enum page_size size, uint64_t flags)
{
    return tlb_flush_now(page_table_map_to(&world->table, page, phys_addr_of(frame), size,
                                           page_flags_of(flags), &world->frames.source));
}

static inline enum map_result map_page_with(struct world *world, virt_addr page, uint64_t frame,
                                            enum page_size size, uint64_t flags,
                                            uint64_t table_flags)
{
    return tlb_flush_now(page_table_map_to_with_table_flags(
        &world->table, page, phys_addr_of(frame), size, page_flags_of(flags),
        page_flags_of(table_flags), &world->frames.source));
}

static inline enum page_result unmap_page(struct world *world, virt_addr page, enum page_size size)
{
    return tlb_flush_now(page_table_unmap(&world->table, page, size));
}

static inline enum update_result update_page(struct world *world, virt_addr page,
                                             enum page_size size, uint64_t flags,
                                             enum accessed_dirty accessed_dirty)
{
    return tlb_flush_now(
        page_table_update_flags(&world->table, page, size, page_flags_of(flags), accessed_dirty));
}

static inline enum update_result update_table(struct world *world, virt_addr address,
                                              unsigned level, uint64_t flags)
{
    return tlb_flush_now(
        page_table_update_table_flags(&world->table, address, level, page_flags_of(flags)));
}

static inline enum split_result split_page(struct world *world, virt_addr page, enum page_size size)
{
    return tlb_flush_now(page_table_split(&world->table, page, size, &world->frames.source));
}

static inline enum merge_result merge_page(struct world *world, virt_addr page, enum page_size size)
{
    return tlb_flush_now(page_table_merge(&world->table, page, size, &world->frames.source));
}

static inline enum map_result map_range(struct world *world, struct page_range range,
                                        uint64_t frame, enum range_pages pages, uint64_t flags)
{
    return tlb_flush_now(page_table_map_range(&world->table, range, phys_addr_of(frame), pages,
                                              page_flags_of(flags), &world->frames.source));
}

static inline enum range_result unmap_range(struct world *world, struct page_range range)
{
    return tlb_flush_now(page_table_unmap_range(&world->table, range));
}

static inline enum range_result protect_range(struct world *world, struct page_range range,
                                              uint64_t flags)
{
    return tlb_flush_now(page_table_protect_range(&world->table, range, page_flags_of(flags)));
}

/* Returns how many tables were given back; UINT64_MAX if that was refused. */
static inline uint64_t clean_up(struct world *world, struct page_range range)
{
    struct range_outcome outcome = page_table_clean_up(&world->table, range, &world->frames.source);

    return tlb_flush_now(outcome) == RANGE_OK ? outcome.leaf_count : UINT64_MAX;
}
