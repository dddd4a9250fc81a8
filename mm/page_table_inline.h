/* The operations that are called page by page, for linear access and four levels: inlined, so that a
 * caller that knows the size pays for nothing else. Whatever does not simply succeed, and any other
 * table, goes to the general functions, which do it all from the start.
 */
#pragma once

#include "mm/argument_check.h"
#include "mm/page_table.h"
#include "mm/walk.h"

/* The general functions: any access, any number of levels, any result. */
struct translation page_table_translate_any(const struct page_table *table, virt_addr address);
struct map_outcome page_table_map_to_any(const struct page_table *table, virt_addr page,
                                         phys_addr frame, enum page_size size, page_flags flags,
                                         struct frame_source *frames);
struct unmap_outcome page_table_unmap_any(const struct page_table *table, virt_addr page,
                                          enum page_size size);
struct update_outcome page_table_update_flags_any(const struct page_table *table, virt_addr page,
                                                  enum page_size size, page_flags flags,
                                                  enum accessed_dirty accessed_dirty);

enum { COMMON_LEVELS = 4 };

/* The tables that most kernels have. */
static inline bool page_table_is_common(const struct page_table *table)
{
    return table->access.kind == ACCESS_LINEAR && table->levels == COMMON_LEVELS;
}

/* What a walk for any size that ended at `level` found. */
__attribute__((always_inline)) static inline struct translation
translation_of(const struct walk *walk, virt_addr address, unsigned level)
{
    if (!page_entry_is_present(walk->entry)) {
        return (struct translation){.result = TRANSLATE_NOT_MAPPED, .level = level};
    }
    uint64_t offset = address.value & (level_bytes(level) - 1);
    uint64_t leaf = walk->entry.bits;
    return (struct translation){
        .result = TRANSLATE_OK,
        .level = level,
        .address = phys_addr_of(page_leaf_address(walk->entry, level).value | offset),
        .flags = page_leaf_flags(walk->entry, level),
        .effective =
            page_flags_of((walk->allowed & leaf) | ((walk->denied | leaf) & PAGE_NO_EXECUTE)),
    };
}

/* A step of the walk. Where it ends, all masks that depend on the level are constants. */
__attribute__((always_inline)) static inline bool
translate_step(struct walk *walk, const struct page_table *table, virt_addr address,
               unsigned level, phys_addr *frame, struct translation *found)
{
    if (!walk_step(walk, ACCESS_LINEAR, table, address, level, 1, frame)) {
        return false;
    }
    *found = translation_of(walk, address, level);
    return true;
}

__attribute__((always_inline)) static inline struct translation
page_table_translate(const struct page_table *table, virt_addr address)
{
    struct walk walk = {.allowed = PAGE_WRITABLE | PAGE_USER};
    phys_addr frame = table->root;
    struct translation found;

    if (!page_table_is_common(table) || !virt_addr_is_canonical(address, COMMON_LEVELS)) {
        struct translation any = page_table_translate_any(table, address);

        /* One by one: the compiler then keeps those of the other case in registers. */
        return (struct translation){any.result, any.level, any.address, any.flags, any.effective};
    }
    (void)(translate_step(&walk, table, address, 4, &frame, &found) ||
           translate_step(&walk, table, address, 3, &frame, &found) ||
           translate_step(&walk, table, address, 2, &frame, &found) ||
           translate_step(&walk, table, address, 1, &frame, &found));
    return found;
}

__attribute__((always_inline)) static inline struct map_outcome
page_table_map_to(const struct page_table *table, virt_addr page, phys_addr frame,
                  enum page_size size, page_flags flags, struct frame_source *frames)
{
    if (page_table_is_common(table) &&
        map_arguments_are_good(table, COMMON_LEVELS, page, frame, size, flags)) {
        struct walk walk = walk_levels(ACCESS_LINEAR, COMMON_LEVELS, table, page, (unsigned)size);
        uint64_t missing = (PAGE_WRITABLE | (flags.bits & PAGE_USER)) & ~walk.allowed;

        if (walk.level == (unsigned)size && !page_entry_is_present(walk.entry) && missing == 0) {
            page_entry_store(walk.slot, (struct page_entry){frame.value | flags.bits |
                                                            (size == PAGE_4K ? 0 : PAGE_HUGE)});
            return (struct map_outcome){.result = MAP_OK, .flush = tlb_flush_none()};
        }
    }
    return page_table_map_to_any(table, page, frame, size, flags, frames);
}

/* A walk for the page that found its leaf, or one whose slot is NULL. */
__attribute__((always_inline)) static inline struct walk
walk_to_common_leaf(const struct page_table *table, virt_addr page, enum page_size size)
{
    struct walk walk = {.slot = NULL};

    if (page_table_is_common(table) && size_is_known(size) &&
        virt_addr_is_canonical(page, COMMON_LEVELS) &&
        is_aligned(page.value, page_size_bytes(size))) {
        walk = walk_levels(ACCESS_LINEAR, COMMON_LEVELS, table, page, (unsigned)size);
        if (!page_entry_is_present(walk.entry) || walk.level != (unsigned)size ||
            !page_entry_is_leaf(walk.entry, walk.level)) {
            walk.slot = NULL;
        }
    }
    return walk;
}

__attribute__((always_inline)) static inline struct unmap_outcome
page_table_unmap(const struct page_table *table, virt_addr page, enum page_size size)
{
    struct walk walk = walk_to_common_leaf(table, page, size);

    if (walk.slot == NULL) {
        return page_table_unmap_any(table, page, size);
    }
    page_entry_store(walk.slot, (struct page_entry){0});
    return (struct unmap_outcome){
        .result = PAGE_OK,
        .flush = tlb_flush_page(page),
        .frame = page_leaf_address(walk.entry, walk.level),
    };
}

__attribute__((always_inline)) static inline struct update_outcome
page_table_update_flags(const struct page_table *table, virt_addr page, enum page_size size,
                        page_flags flags, enum accessed_dirty accessed_dirty)
{
    uint64_t kept = accessed_dirty == ACCESSED_DIRTY_KEEP ? PAGE_ACCESSED | PAGE_DIRTY : 0;
    struct walk walk = walk_to_common_leaf(table, page, size);

    if (walk.slot == NULL || (flags.bits & PAGE_PERMISSIONS & ~walk.allowed) != 0 ||
        !leaf_flags_are_good(flags, size) || !leaf_features_are_present(table, flags, size)) {
        return page_table_update_flags_any(table, page, size, flags, accessed_dirty);
    }
    page_entry_store(walk.slot,
                     (struct page_entry){page_leaf_address(walk.entry, walk.level).value |
                                         (walk.entry.bits & kept) | flags.bits |
                                         (size == PAGE_4K ? 0 : PAGE_HUGE)});
    return (struct update_outcome){.result = UPDATE_OK, .flush = tlb_flush_page(page)};
}
