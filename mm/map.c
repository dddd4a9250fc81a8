#include "mm/page_range.h"
#include "mm/reclaim.h"

/* What is wrong with the arguments of a mapping; called when something is. */
__attribute__((noinline)) static enum map_result map_fault(const struct page_table *table,
                                                           virt_addr page, phys_addr frame,
                                                           enum page_size size, page_flags flags)
{
    if (!size_is_known(size)) {
        return MAP_BAD_SIZE;
    }
    if (!virt_addr_is_canonical(page, table->levels)) {
        return MAP_NOT_CANONICAL;
    }
    if (!is_aligned(page.value | frame.value, page_size_bytes(size))) {
        return MAP_MISALIGNED;
    }
    if (!frame_is_addressable(table, frame)) {
        return MAP_BAD_ADDRESS;
    }
    return leaf_flags_are_good(flags, size) ? MAP_FEATURE_ABSENT : MAP_BAD_FLAGS;
}

/* Takes `count` frames that may be tables, or none. */
static enum map_result take_table_frames(const struct page_table *table,
                                         struct frame_source *frames, phys_addr *taken,
                                         unsigned count)
{
    enum map_result result = MAP_OK;
    unsigned taken_count = 0;

    while (taken_count < count && result == MAP_OK) {
        if (!frame_source_allocate(frames, 0, &taken[taken_count])) {
            result = MAP_NO_FRAME;
        } else if (!access_reaches(&table->access, table->access.kind, taken[taken_count++])) {
            result = MAP_FRAME_UNREACHABLE;
        }
    }
    while (result != MAP_OK && taken_count > 0) {
        frame_source_free(frames, 0, taken[--taken_count]);
    }
    return result;
}

/* Puts the missing tables between `walk`, which ended at an absent entry, and the leaf `entry` of
 * `size`. They are filled from the leaf upwards while nothing names them; *entry is then what
 * links them all. */
__attribute__((noinline)) static enum map_result
build_branch(const struct page_table *table, virt_addr page, enum page_size size,
             unsigned absent_level, uint64_t table_flags, struct frame_source *frames,
             struct page_entry *entry)
{
    phys_addr taken[PAGING_LEVELS_MAX];
    unsigned count = absent_level - (unsigned)size;
    enum map_result result = take_table_frames(table, frames, taken, count);

    for (unsigned built = 0; result == MAP_OK && built < count; built++) {
        struct page_entry *entries =
            access_new_table(&table->access, table->access.kind, table->levels, taken[built]);
        mm_port_zero_table(entries);
        page_entry_store(&entries[virt_addr_index(page, (unsigned)size + built)], *entry);
        entry->bits = taken[built].value | table_flags;
    }
    return result;
}

/* A huge page where `slot` names a table: takes the table's place if that maps nothing. */
__attribute__((noinline)) static struct map_outcome
map_over_table(const struct page_table *table, virt_addr page, struct page_entry *slot,
               unsigned level, struct page_entry entry, struct frame_source *frames)
{
    struct frame_chain removed = {.count = 0};
    virt_addr last = virt_addr_of(page.value + level_bytes(level) - 1);
    phys_addr lower = page_entry_table(page_entry_load(slot));

    if (lower.value == table->root.value || !reclaim_is_empty(table, page, level - 1, lower)) {
        return (struct map_outcome){.result = MAP_OVER_TABLE, .flush = tlb_flush_none()};
    }
    (void)reclaim_below(table, level - 1, lower, page, last, &removed);
    page_entry_store(slot, entry);
    frame_chain_push(table, &removed, lower);
    return (struct map_outcome){
        .result = MAP_OK,
        .flush = reclaim_finish(table, &removed, frames),
    };
}

/* An absent entry `slot` of a table above the one that the leaf belongs to. */
__attribute__((noinline)) static enum map_result
map_with_new_tables(const struct page_table *table, virt_addr page, enum page_size size,
                    struct page_entry *slot, unsigned level, struct page_entry entry,
                    uint64_t table_flags, struct frame_source *frames)
{
    enum map_result result = build_branch(table, page, size, level, table_flags, frames, &entry);

    if (result == MAP_OK) {
        page_entry_store(slot, entry);
        access_forget_aliases(&table->access, table->levels, page, (unsigned)size, level);
    }
    return result;
}

static struct map_outcome map_checked(const struct page_table *table, virt_addr page,
                                      phys_addr frame, enum page_size size, page_flags flags,
                                      uint64_t table_flags, struct frame_source *frames)
{
    struct page_entry entry = {frame.value | flags.bits | (size == PAGE_4K ? 0 : PAGE_HUGE)};
    struct walk walk = walk_any(table, page, (unsigned)size);
    uint64_t missing = table_flags & PAGE_PERMISSIONS & ~walk.allowed;
    struct map_outcome outcome = {.result = MAP_OK, .flush = tlb_flush_none()};

    if (!page_entry_is_present(walk.entry)) {
        if (walk.level == (unsigned)size) {
            page_entry_store(walk.slot, entry);
        } else {
            outcome.result = map_with_new_tables(table, page, size, walk.slot, walk.level, entry,
                                                 table_flags, frames);
        }
    } else if (!page_entry_is_leaf(walk.entry, walk.level)) {
        outcome = map_over_table(table, page, walk.slot, walk.level, entry, frames);
    } else {
        outcome.result = walk.level == (unsigned)size ? MAP_ALREADY_MAPPED : MAP_INSIDE_HUGE_PAGE;
    }
    if (missing != 0 && outcome.result == MAP_OK) {
        walk_widen(table, page, walk.level, missing);
        tlb_flush_consume(outcome.flush);
        outcome.flush = tlb_flush_pages(page, TLB_FLUSH_ALL);
    }
    return outcome;
}

struct map_outcome page_table_map_to_any(const struct page_table *table, virt_addr page,
                                         phys_addr frame, enum page_size size, page_flags flags,
                                         struct frame_source *frames)
{
    uint64_t table_flags = PAGE_PRESENT | PAGE_WRITABLE | (flags.bits & PAGE_USER);

    if (!map_arguments_are_good(table, table->levels, page, frame, size, flags)) {
        return (struct map_outcome){.result = map_fault(table, page, frame, size, flags)};
    }
    return map_checked(table, page, frame, size, flags, table_flags, frames);
}

struct map_outcome page_table_identity_map(const struct page_table *table, phys_addr frame,
                                           enum page_size size, page_flags flags,
                                           struct frame_source *frames)
{
    return page_table_map_to(table, virt_addr_of(frame.value), frame, size, flags, frames);
}

struct map_outcome page_table_map_to_with_table_flags(const struct page_table *table,
                                                      virt_addr page, phys_addr frame,
                                                      enum page_size size, page_flags flags,
                                                      page_flags table_flags,
                                                      struct frame_source *frames)
{
    if (!map_arguments_are_good(table, table->levels, page, frame, size, flags)) {
        return (struct map_outcome){.result = map_fault(table, page, frame, size, flags)};
    }
    /* Recursive access writes a table through the entry that names it, which must allow that. */
    if (!table_flags_are_good(table_flags) ||
        (table->access.kind == ACCESS_RECURSIVE && (table_flags.bits & PAGE_WRITABLE) == 0)) {
        return (struct map_outcome){.result = MAP_BAD_FLAGS};
    }
    if ((table_flags.bits & PAGE_NO_EXECUTE) != 0 && !table->features.no_execute) {
        return (struct map_outcome){.result = MAP_FEATURE_ABSENT};
    }
    return map_checked(table, page, frame, size, flags, table_flags.bits, frames);
}
