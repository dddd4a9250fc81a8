#include "mm/walk.h"

/* Each kind is a constant in its branch, so that there is one walk per kind, without a test of the
 * kind in it. */
struct walk walk_any(const struct page_table *table, virt_addr address, unsigned last_level)
{
    switch (table->access.kind) {
    case ACCESS_LINEAR:
        return walk_to(ACCESS_LINEAR, table, address, last_level);
    case ACCESS_TEMPORARY:
        return walk_to(ACCESS_TEMPORARY, table, address, last_level);
    case ACCESS_RECURSIVE:
        return walk_to(ACCESS_RECURSIVE, table, address, last_level);
    }
    __builtin_unreachable();
}

void walk_widen(const struct page_table *table, virt_addr address, unsigned level, uint64_t parent)
{
    for (unsigned above = table->levels; above > level; above--) {
        struct walk walk = walk_any(table, address, above);
        page_entry_store(walk.slot, (struct page_entry){walk.entry.bits | parent});
    }
}
