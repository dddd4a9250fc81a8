#include "mm/reclaim.h"

#include "mm/page_range.h"

static struct page_entry *entries_of(const struct page_table *table, virt_addr address,
                                     unsigned level, phys_addr frame)
{
    return access_table(&table->access, table->access.kind, table->levels, address, level, frame);
}

/* An entry that names a table below the root, and not the root itself. */
static bool names_table(const struct page_table *table, struct page_entry entry, unsigned level)
{
    return page_entry_is_present(entry) && !page_entry_is_leaf(entry, level) &&
           page_entry_table(entry).value != table->root.value;
}

bool reclaim_is_empty(const struct page_table *table, virt_addr address, unsigned level,
                      phys_addr frame)
{
    struct page_entry *entries = entries_of(table, address, level, frame);
    uint64_t start = align_down(address.value, level_bytes(level + 1));

    for (unsigned index = 0; index < TABLE_ENTRY_COUNT; index++) {
        struct page_entry entry = page_entry_load(&entries[index]);
        virt_addr child = virt_addr_of(start + index * level_bytes(level));

        if (entry.bits != 0 &&
            (!names_table(table, entry, level) ||
             !reclaim_is_empty(table, child, level - 1, page_entry_table(entry)))) {
            return false;
        }
    }
    return true;
}

enum page_result walk_over_table(const struct page_table *table, virt_addr page, unsigned level,
                                 struct page_entry entry)
{
    return names_table(table, entry, level) &&
                   reclaim_is_empty(table, page, level - 1, page_entry_table(entry))
               ? PAGE_NOT_MAPPED
               : PAGE_OVER_TABLE;
}

/* Ends early at the first entry in use. Eight entries at a time: this is all that clean_up does
 * with most tables. */
static bool has_no_entries(const struct page_entry *entries)
{
    for (unsigned index = 0; index < TABLE_ENTRY_COUNT; index += 8) {
        const struct page_entry *group = &entries[index];
        if ((group[0].bits | group[1].bits | group[2].bits | group[3].bits | group[4].bits |
             group[5].bits | group[6].bits | group[7].bits) != 0) {
            return false;
        }
    }
    return true;
}

bool reclaim_below(const struct page_table *table, unsigned level, phys_addr frame,
                   virt_addr start, virt_addr last, struct frame_chain *removed)
{
    struct page_entry *entries = entries_of(table, start, level, frame);
    unsigned last_index = virt_addr_index(last, level);

    for (unsigned index = virt_addr_index(start, level); level > 1 && index <= last_index;
         index++) {
        struct page_entry entry = page_entry_load(&entries[index]);
        uint64_t entry_last = start.value | (level_bytes(level) - 1);
        virt_addr child_last = index == last_index ? last : virt_addr_of(entry_last);

        if (names_table(table, entry, level) &&
            reclaim_below(table, level - 1, page_entry_table(entry), start, child_last, removed)) {
            page_entry_store(&entries[index], (struct page_entry){0});
            frame_chain_push(table, removed, page_entry_table(entry));
        }
        start = virt_addr_of(entry_last + 1);
    }
    return has_no_entries(entries);
}

struct tlb_flush reclaim_finish(const struct page_table *table, struct frame_chain *removed,
                                struct frame_source *frames)
{
    if (removed->count == 0) {
        return tlb_flush_none();
    }
    /* Recursive access works on active tables only, and shows removed tables until the flush. */
    if (table->active || table->access.kind == ACCESS_RECURSIVE) {
        mm_port_flush_all();
    }
    frame_chain_free(table, removed, frames);
    return table->active ? tlb_flush_none() : tlb_flush_pages(virt_addr_of(0), TLB_FLUSH_ALL);
}

struct range_outcome page_table_clean_up(const struct page_table *table, struct page_range range,
                                         struct frame_source *frames)
{
    struct frame_chain removed = {.count = 0};
    struct range_outcome outcome = {.result = range_check(range, table->levels),
                                    .flush = tlb_flush_none()};

    if (outcome.result == RANGE_OK && range.page_count > 0) {
        (void)reclaim_below(table, table->levels, table->root, range.start, range_last(range),
                            &removed);
        outcome.leaf_count = removed.count;
        outcome.flush = reclaim_finish(table, &removed, frames);
    }
    return outcome;
}
