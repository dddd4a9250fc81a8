/* Mapping a range: first everything is looked at and the frames of all new tables are reserved,
 * then the entries are written, which cannot fail. */
#include "mm/mapping_plan.h"
#include "mm/reclaim.h"

struct range_map {
    const struct page_table *table;
    struct leaf_levels leaves;
    uint64_t flags;       /* of a 4 KiB leaf */
    uint64_t table_flags; /* of new tables */
    struct frame_chain reserved;
    struct frame_chain removed;
    bool widened;
};

static struct page_entry *entries_of(const struct page_table *table, virt_addr address,
                                     unsigned level, phys_addr frame)
{
    return access_table(&table->access, table->access.kind, table->levels, address, level, frame);
}

/* The last address of [start, last] that is in the same entry at `level` as start. */
static virt_addr entry_last(unsigned level, virt_addr start, virt_addr last)
{
    uint64_t end = start.value | (level_bytes(level) - 1);

    return virt_addr_of(end < last.value ? end : last.value);
}

static enum map_result check_range(const struct page_table *table, struct page_range range,
                                   phys_addr frame, enum range_pages pages, page_flags flags)
{
    uint64_t bytes = range.page_count << PAGE_SHIFT;
    enum page_size size = pages == RANGE_PAGES_LARGEST ? PAGE_4K : (enum page_size)pages;
    uint64_t ambiguous = pages == RANGE_PAGES_LARGEST ? PAGE_PAT_4K | PAGE_PAT_HUGE : 0;

    if ((unsigned)pages > RANGE_PAGES_1G) {
        return MAP_BAD_SIZE;
    }
    enum range_result fault = range_check(range, table->levels);
    if (fault != RANGE_OK) {
        return fault == RANGE_MISALIGNED ? MAP_MISALIGNED : MAP_NOT_CANONICAL;
    }
    if (!is_aligned(range.start.value | frame.value | bytes, page_size_bytes(size))) {
        return MAP_MISALIGNED;
    }
    if (!frame_is_addressable(table, frame) ||
        (bytes > 0 && !frame_is_addressable(table, phys_addr_add(frame, bytes - 1))) ||
        frame.value + bytes < frame.value) {
        return MAP_BAD_ADDRESS;
    }
    if (!leaf_flags_are_good(flags, size) || (flags.bits & ambiguous) != 0) {
        return MAP_BAD_FLAGS;
    }
    return leaf_features_are_present(table, flags, size) ? MAP_OK : MAP_FEATURE_ABSENT;
}

/* Tables that have to be made for [start, last] below an entry at `level` that is absent. */
static uint64_t tables_below_absent(struct leaf_levels leaves, unsigned level, virt_addr start,
                                    virt_addr last, phys_addr frame)
{
    uint64_t count = 0;

    for (unsigned below = 1; below < level; below++) {
        count += plan_tables_at(leaves, below, start, last, frame);
    }
    return count;
}

/* Looks at an entry that a leaf is to replace. */
static enum map_result check_leaf_slot(const struct page_table *table, virt_addr address,
                                       unsigned level, struct page_entry entry)
{
    if (!page_entry_is_present(entry)) {
        return MAP_OK;
    }
    if (page_entry_is_leaf(entry, level)) {
        return MAP_ALREADY_MAPPED;
    }
    return page_entry_table(entry).value != table->root.value &&
                   reclaim_is_empty(table, address, level - 1, page_entry_table(entry))
               ? MAP_OK
               : MAP_OVER_TABLE;
}

/* Checks that nothing is mapped in [start, last], which the table of `level` in `table_frame`
 * covers, and adds to *needed how many tables are missing. */
static enum map_result check_table(const struct range_map *map, unsigned level,
                                   phys_addr table_frame, virt_addr start, virt_addr last,
                                   phys_addr frame, uint64_t *needed)
{
    const struct page_table *table = map->table;
    struct page_entry *entries = entries_of(table, start, level, table_frame);

    for (;;) {
        virt_addr end = entry_last(level, start, last);
        struct page_entry entry = page_entry_load(&entries[virt_addr_index(start, level)]);
        enum map_result result = MAP_OK;

        if (leaf_run(map->leaves, level, start, end, frame) != 0) {
            result = check_leaf_slot(table, start, level, entry);
        } else if (!page_entry_is_present(entry)) {
            *needed += tables_below_absent(map->leaves, level, start, end, frame);
        } else if (page_entry_is_leaf(entry, level)) {
            result = MAP_INSIDE_HUGE_PAGE;
        } else {
            result = check_table(map, level - 1, page_entry_table(entry), start, end, frame, needed);
        }
        if (result != MAP_OK || end.value == last.value) {
            return result;
        }
        frame = phys_addr_add(frame, end.value - start.value + 1);
        start = virt_addr_of(end.value + 1);
    }
}

/* Takes `count` frames that may be tables, or none. */
static enum map_result reserve(struct range_map *map, uint64_t count, struct frame_source *frames)
{
    const struct table_access *access = &map->table->access;

    while (map->reserved.count < count) {
        enum map_result result = MAP_OK;
        phys_addr frame;

        if (!frame_source_allocate(frames, 0, &frame)) {
            result = MAP_NO_FRAME;
        } else if (!access_reaches(access, access->kind, frame)) {
            frame_source_free(frames, 0, frame);
            result = MAP_FRAME_UNREACHABLE;
        }
        if (result != MAP_OK) {
            frame_chain_free(map->table, &map->reserved, frames);
            return result;
        }
        frame_chain_push(map->table, &map->reserved, frame);
    }
    return MAP_OK;
}

static void fill_table(struct range_map *map, struct page_entry *entries, unsigned level, bool fresh,
                       virt_addr start, virt_addr last, phys_addr frame);

/* Links a new table into `slot` and fills it for [start, last]. */
static void fill_new_table(struct range_map *map, struct page_entry *slot, unsigned level,
                           virt_addr start, virt_addr last, phys_addr frame)
{
    const struct page_table *table = map->table;
    phys_addr new_frame = frame_chain_pop(table, &map->reserved);
    struct page_entry link = {new_frame.value | map->table_flags};
    struct page_entry *entries;

    if (table->access.kind == ACCESS_RECURSIVE) {
        /* A table can be filled only once it is linked: so it is linked empty. */
        mm_port_zero_table(
            access_new_table(&table->access, ACCESS_RECURSIVE, table->levels, new_frame));
        page_entry_store(slot, link);
        access_forget_aliases(&table->access, table->levels, start, level, level + 1);
        fill_table(map, entries_of(table, start, level, new_frame), level, true, start, last,
                   frame);
        return;
    }
    entries = entries_of(table, start, level, new_frame);
    for (unsigned index = 0; index < virt_addr_index(start, level); index++) {
        entries[index].bits = 0;
    }
    for (unsigned index = virt_addr_index(last, level) + 1; index < TABLE_ENTRY_COUNT; index++) {
        entries[index].bits = 0;
    }
    fill_table(map, entries, level, true, start, last, frame);
    page_entry_store(slot, link);
}

/* Goes on in the table that an entry names. */
static void fill_existing_table(struct range_map *map, struct page_entry *slot, unsigned level,
                                virt_addr start, virt_addr last, phys_addr frame)
{
    struct page_entry entry = page_entry_load(slot);
    uint64_t missing = map->table_flags & PAGE_PERMISSIONS & ~entry.bits;

    if (missing != 0) {
        page_entry_store(slot, (struct page_entry){entry.bits | missing});
        map->widened = true;
    }
    fill_table(map, entries_of(map->table, start, level, page_entry_table(entry)), level, false,
               start, last, frame);
}

/* Writes `count` leaves for consecutive memory. */
static void fill_leaves(struct page_entry *entries, uint64_t first_leaf, uint64_t bytes,
                        uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        page_entry_store(&entries[i], (struct page_entry){first_leaf});
        first_leaf += bytes;
    }
}

/* Two entries side by side: one register where the compiler may use vectors, two where not. */
typedef uint64_t entry_pair __attribute__((vector_size(16), may_alias));

/* Writes all leaves of a table that no other table names yet, several entries at a time. */
static void fill_private_table(struct page_entry *entries, uint64_t first_leaf, uint64_t bytes)
{
    entry_pair *pairs = (entry_pair *)entries;
    entry_pair even = {first_leaf, first_leaf + bytes};
    entry_pair odd = even + 2 * bytes;

    for (unsigned i = 0; i < TABLE_ENTRY_COUNT / 2; i += 2) {
        pairs[i] = even;
        pairs[i + 1] = odd;
        even += 4 * bytes;
        odd += 4 * bytes;
    }
}

/* Takes out the empty tables that stand where `count` leaves come. */
static void remove_empty_tables(struct range_map *map, struct page_entry *entries, unsigned level,
                                virt_addr start, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct page_entry entry = page_entry_load(&entries[i]);
        virt_addr address = virt_addr_add(start, i << level_shift(level));

        if (page_entry_is_present(entry)) {
            (void)reclaim_below(map->table, level - 1, page_entry_table(entry), address,
                                virt_addr_add(address, level_bytes(level) - 1), &map->removed);
            page_entry_store(&entries[i], (struct page_entry){0});
            frame_chain_push(map->table, &map->removed, page_entry_table(entry));
        }
    }
}

/* Maps [start, last], which the table of `level` at `entries` covers. A fresh table has no entries
 * in that part. The depth is at most the number of levels. */
static void fill_table(struct range_map *map, struct page_entry *entries, unsigned level, bool fresh,
                       virt_addr start, virt_addr last, phys_addr frame)
{
    for (;;) {
        struct page_entry *slot = &entries[virt_addr_index(start, level)];
        uint64_t run = leaf_run(map->leaves, level, start, last, frame);
        virt_addr end;

        if (run != 0) {
            end = virt_addr_of(start.value + (run << level_shift(level)) - 1);
            if (level > 1 && !fresh) {
                remove_empty_tables(map, slot, level, start, run);
            }
            uint64_t leaf = frame.value | map->flags | (level > 1 ? PAGE_HUGE : 0);
            if (fresh && run == TABLE_ENTRY_COUNT) {
                fill_private_table(slot, leaf, level_bytes(level));
            } else {
                fill_leaves(slot, leaf, level_bytes(level), run);
            }
        } else {
            end = entry_last(level, start, last);
            if (fresh || !page_entry_is_present(page_entry_load(slot))) {
                fill_new_table(map, slot, level - 1, start, end, frame);
            } else {
                fill_existing_table(map, slot, level - 1, start, end, frame);
            }
        }
        if (end.value == last.value) {
            return;
        }
        frame = phys_addr_add(frame, end.value - start.value + 1);
        start = virt_addr_of(end.value + 1);
    }
}

struct frames_needed page_table_frames_needed(const struct page_table *table,
                                              struct page_range range, phys_addr frame,
                                              enum range_pages pages, page_flags flags)
{
    struct frames_needed needed = {.result = check_range(table, range, frame, pages, flags)};
    struct range_map map = {
        .table = table,
        .leaves = leaf_levels_of(pages, table->features.pages_1g),
    };

    if (needed.result == MAP_OK && range.page_count > 0) {
        needed.result = check_table(&map, table->levels, table->root, range.start,
                                    range_last(range), frame, &needed.count);
    }
    return needed;
}

struct map_outcome page_table_map_range(const struct page_table *table, struct page_range range,
                                        phys_addr frame, enum range_pages pages, page_flags flags,
                                        struct frame_source *frames)
{
    struct frames_needed needed = page_table_frames_needed(table, range, frame, pages, flags);
    struct map_outcome outcome = {.result = needed.result, .flush = tlb_flush_none()};
    struct range_map map = {
        .table = table,
        .leaves = leaf_levels_of(pages, table->features.pages_1g),
        .flags = flags.bits,
        .table_flags = PAGE_PRESENT | PAGE_WRITABLE | (flags.bits & PAGE_USER),
    };

    if (outcome.result == MAP_OK) {
        outcome.result = reserve(&map, needed.count, frames);
    }
    if (outcome.result != MAP_OK || range.page_count == 0) {
        return outcome;
    }
    fill_table(&map, entries_of(table, range.start, table->levels, table->root), table->levels,
               false, range.start, range_last(range), frame);
    outcome.flush = reclaim_finish(table, &map.removed, frames);
    if (map.widened) {
        tlb_flush_consume(outcome.flush);
        outcome.flush = tlb_flush_pages(range.start, TLB_FLUSH_ALL);
    }
    return outcome;
}
