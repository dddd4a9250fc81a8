/* Looking at trees of page tables as a whole. */
#pragma once

#include "mm/page_range.h"

/* One step of the way from the root to where an address is mapped, or is found not to be. */
struct path_entry {
    unsigned level; /* of the table that holds the entry */
    unsigned index;
    struct page_entry entry;
    bool leaf;
};

/* Lists the entries that a translation of `address` reads, root first, the last one being a leaf or
 * not present. `path` has room for PAGING_LEVELS_MAX. Returns how many there are; 0 for an address
 * that is not canonical. */
unsigned page_table_path(const struct page_table *table, virt_addr address,
                         struct path_entry *path);

/* A present entry met by page_table_visit. */
struct visited_entry {
    virt_addr start; /* first address that it covers */
    unsigned level;  /* of the table that holds it */
    struct page_entry entry;
    bool leaf;
    bool recursive; /* it names the root: not followed */
};

/* Shows each present entry in order of addresses, a table before what is below it. When `visit`
 * returns false for a table, what is below is left out. `visit` may translate addresses with the
 * same page_table. */
void page_table_visit(const struct page_table *table,
                      bool (*visit)(void *context, const struct visited_entry *entry),
                      void *context);

/* How many tables there are below the root. */
uint64_t page_table_tables_used(const struct page_table *table);

/* Finds the lowest place in `range` where `page_count` pages of 4 KiB in a row are not mapped, at a
 * multiple of `alignment`. Skips what is mapped, and what is not, by whole entries.
 * Returns: false if there is none, if page_count is 0, or if range_check finds a fault. */
__attribute__((warn_unused_result)) bool
page_table_find_unmapped(const struct page_table *table, struct page_range range,
                         uint64_t page_count, enum page_size alignment, virt_addr *start);

/* Makes entry `slot` (0..511) of the root name the root, so that all tables appear in the address
 * space: see recursive_table_address.
 * Returns: MAP_OK, or MAP_ALREADY_MAPPED if the entry is in use. */
__attribute__((warn_unused_result)) enum map_result
page_table_link_recursive(const struct page_table *table, unsigned slot);
