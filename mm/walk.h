/* The one walk that every operation on page tables stands on.
 *
 * `kind` is a constant where it is called: in walk_any, once for each kind, and in the operations that
 * are inlined for linear access. So there is neither a call nor a test of the kind in it.
 */
#pragma once

#include "mm/page_table_types.h"

/* Where a walk ended. */
struct walk {
    struct page_entry *slot; /* the last entry looked at */
    struct page_entry entry; /* its value */
    unsigned level;          /* of the table that holds it */
    uint64_t allowed;        /* PAGE_WRITABLE and PAGE_USER where all entries above have them */
    uint64_t denied;         /* the bits that any entry above has: PAGE_NO_EXECUTE counts */
};

/* Looks at the entry of `level`, a constant, in the table in *frame. Returns true when the walk ends
 * there; else *frame is the next table. */
__attribute__((always_inline)) static inline bool
walk_step(struct walk *walk, enum access_kind kind, const struct page_table *table,
          virt_addr address, unsigned level, unsigned last_level, phys_addr *frame)
{
    struct page_entry *entries =
        access_table(&table->access, kind, table->levels, address, level, *frame);

    walk->slot = &entries[virt_addr_index(address, level)];
    walk->entry = page_entry_load(walk->slot);
    walk->level = level;
    if (level == last_level || !page_entry_is_present(walk->entry) ||
        page_entry_is_leaf(walk->entry, level)) {
        return true;
    }
    walk->allowed &= walk->entry.bits;
    walk->denied |= walk->entry.bits;
    *frame = page_entry_table(walk->entry);
    return false;
}

/* walk_to for a tree with `levels` levels. The steps are written out so that each level is a
 * constant. */
__attribute__((always_inline)) static inline struct walk
walk_levels(enum access_kind kind, unsigned levels, const struct page_table *table,
            virt_addr address, unsigned last_level)
{
    struct walk walk = {.allowed = PAGE_WRITABLE | PAGE_USER};
    phys_addr frame = table->root;

    (void)((levels == 5 &&
            walk_step(&walk, kind, table, address, 5, last_level, &frame)) ||
           walk_step(&walk, kind, table, address, 4, last_level, &frame) ||
           walk_step(&walk, kind, table, address, 3, last_level, &frame) ||
           walk_step(&walk, kind, table, address, 2, last_level, &frame) ||
           walk_step(&walk, kind, table, address, 1, last_level, &frame));
    return walk;
}

/* Follows `address` from the root until an entry is not present, is a leaf, or belongs to the
 * table at `last_level`. */
__attribute__((always_inline)) static inline struct walk
walk_to(enum access_kind kind, const struct page_table *table, virt_addr address,
        unsigned last_level)
{
    return walk_levels(kind, table->levels, table, address, last_level);
}

/* What a page of the size of an entry at `level` finds where that entry names a table: smaller
 * pages, or nothing. In reclaim.c. */
enum page_result walk_over_table(const struct page_table *table, virt_addr page, unsigned level,
                                 struct page_entry entry);

/* Whether a walk for the page of `size` at `page` ended at its leaf, and if not, why. */
__attribute__((always_inline)) static inline enum page_result
walk_page_result(const struct page_table *table, virt_addr page, const struct walk *walk,
                 enum page_size size)
{
    if (!page_entry_is_present(walk->entry)) {
        return PAGE_NOT_MAPPED;
    }
    if (!page_entry_is_leaf(walk->entry, walk->level)) {
        return walk_over_table(table, page, walk->level, walk->entry);
    }
    return walk->level == (unsigned)size ? PAGE_OK : PAGE_INSIDE_HUGE_PAGE;
}

/* walk_to for the kind of access that the table has. */
struct walk walk_any(const struct page_table *table, virt_addr address, unsigned last_level);

/* Gives the entries above the table at `level` on the way to `address` the bits of `parent`
 * (WRITABLE, USER) that they lack. */
void walk_widen(const struct page_table *table, virt_addr address, unsigned level, uint64_t parent);
