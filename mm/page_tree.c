#include "mm/page_tree.h"


unsigned page_table_path(const struct page_table *table, virt_addr address,
                         struct path_entry *path)
{
    unsigned count = 0;

    if (!virt_addr_is_canonical(address, table->levels)) {
        return 0;
    }
    for (unsigned level = table->levels; level >= 1; level--) {
        struct walk walk = walk_any(table, address, level);
        bool present = page_entry_is_present(walk.entry);

        path[count++] = (struct path_entry){
            .level = level,
            .index = virt_addr_index(address, level),
            .entry = walk.entry,
            .leaf = present && page_entry_is_leaf(walk.entry, level),
        };
        if (!present || path[count - 1].leaf) {
            break;
        }
    }
    return count;
}

/* A visit in progress: what the levels of the recursion share. */
struct visit {
    const struct page_table *table;
    bool (*visit)(void *context, const struct visited_entry *entry);
    void *context;
};

/* The depth is at most the number of levels. */
static void visit_table(const struct visit *visit, unsigned level, phys_addr frame, virt_addr start)
{
    const struct page_table *table = visit->table;

    for (unsigned index = 0; index < TABLE_ENTRY_COUNT; index++) {
        /* Asked for again each time: the last entry's visit may have moved a temporary slot. */
        struct visited_entry entry = {
            .start = virt_addr_new_truncate(start.value + index * level_bytes(level), table->levels),
            .level = level,
        };
        struct page_entry *entries = access_table(&table->access, table->access.kind,
                                                  table->levels, entry.start, level, frame);

        entry.entry = page_entry_load(&entries[index]);
        if (!page_entry_is_present(entry.entry)) {
            continue;
        }
        entry.leaf = page_entry_is_leaf(entry.entry, level);
        entry.recursive = !entry.leaf && page_entry_table(entry.entry).value == table->root.value;
        if (visit->visit(visit->context, &entry) && !entry.leaf && !entry.recursive) {
            visit_table(visit, level - 1, page_entry_table(entry.entry), entry.start);
        }
    }
}

void page_table_visit(const struct page_table *table,
                      bool (*visit)(void *context, const struct visited_entry *entry),
                      void *context)
{
    struct visit state = {.table = table, .visit = visit, .context = context};

    visit_table(&state, table->levels, table->root, virt_addr_of(0));
}

static bool count_table(void *context, const struct visited_entry *entry)
{
    uint64_t *count = context;

    *count += entry->leaf || entry->recursive ? 0 : 1;
    return entry->level > 2; /* tables of level 1 hold no tables */
}

uint64_t page_table_tables_used(const struct page_table *table)
{
    uint64_t count = 0;

    page_table_visit(table, count_table, &count);
    return count;
}

bool page_table_find_unmapped(const struct page_table *table, struct page_range range,
                              uint64_t page_count, enum page_size alignment, virt_addr *start)
{
    uint64_t bytes = page_count << PAGE_SHIFT;
    virt_addr at = range.start;

    if (page_count == 0 || page_count > range.page_count || !size_is_known(alignment) ||
        range_check(range, table->levels) != RANGE_OK) {
        return false;
    }
    virt_addr last = range_last(range);
    uint64_t candidate = align_up(at.value, page_size_bytes(alignment));

    /* [candidate, at) is not mapped; candidate may be ahead of at. */
    while (candidate - range.start.value <= last.value - range.start.value &&
           last.value - candidate >= bytes - 1) {
        struct walk walk = walk_any(table, at, 1);
        uint64_t end = at.value | (level_bytes(walk.level) - 1);

        if (page_entry_is_present(walk.entry)) {
            candidate = align_up(end + 1, page_size_bytes(alignment));
            at = virt_addr_of(candidate);
        } else if (end >= candidate && end - candidate >= bytes - 1) {
            *start = virt_addr_of(candidate);
            return true;
        } else {
            at = virt_addr_of(end + 1);
        }
    }
    return false;
}

enum map_result page_table_link_recursive(const struct page_table *table, unsigned slot)
{
    uint64_t no_execute = table->features.no_execute ? PAGE_NO_EXECUTE : 0;
    virt_addr window =
        virt_addr_new_truncate((uint64_t)slot << level_shift(table->levels), table->levels);
    struct walk walk = walk_any(table, window, table->levels);

    if (page_entry_is_present(walk.entry)) {
        return MAP_ALREADY_MAPPED;
    }
    page_entry_store(walk.slot, (struct page_entry){table->root.value | PAGE_PRESENT |
                                                    PAGE_WRITABLE | no_execute});
    return MAP_OK;
}
