#include "mm/page_range.h"

struct unmap_outcome page_table_unmap_any(const struct page_table *table, virt_addr page,
                                          enum page_size size)
{
    enum page_result result = page_check(table, page, size);

    if (result != PAGE_OK) {
        return (struct unmap_outcome){.result = result};
    }
    struct walk walk = walk_any(table, page, (unsigned)size);
    result = walk_page_result(table, page, &walk, size);
    if (result != PAGE_OK) {
        return (struct unmap_outcome){.result = result};
    }
    page_entry_store(walk.slot, (struct page_entry){0});
    return (struct unmap_outcome){
        .result = PAGE_OK,
        .flush = tlb_flush_page(page),
        .frame = page_leaf_address(walk.entry, walk.level),
    };
}

static enum update_result update_result_of(enum page_result result)
{
    static const enum update_result results[] = {
        [PAGE_OK] = UPDATE_OK,
        [PAGE_NOT_MAPPED] = UPDATE_NOT_MAPPED,
        [PAGE_INSIDE_HUGE_PAGE] = UPDATE_INSIDE_HUGE_PAGE,
        [PAGE_OVER_TABLE] = UPDATE_OVER_TABLE,
        [PAGE_MISALIGNED] = UPDATE_MISALIGNED,
        [PAGE_NOT_CANONICAL] = UPDATE_NOT_CANONICAL,
        [PAGE_BAD_SIZE] = UPDATE_BAD_SIZE,
    };
    return results[result];
}

struct update_outcome page_table_update_flags_any(const struct page_table *table, virt_addr page,
                                                  enum page_size size, page_flags flags,
                                                  enum accessed_dirty accessed_dirty)
{
    enum page_result result = page_check(table, page, size);
    uint64_t kept = accessed_dirty == ACCESSED_DIRTY_KEEP ? PAGE_ACCESSED | PAGE_DIRTY : 0;

    if (result != PAGE_OK) {
        return (struct update_outcome){.result = update_result_of(result)};
    }
    if (!leaf_flags_are_good(flags, size)) {
        return (struct update_outcome){.result = UPDATE_BAD_FLAGS};
    }
    if (!leaf_features_are_present(table, flags, size)) {
        return (struct update_outcome){.result = UPDATE_FEATURE_ABSENT};
    }
    struct walk walk = walk_any(table, page, (unsigned)size);
    uint64_t missing = flags.bits & PAGE_PERMISSIONS & ~walk.allowed;
    result = walk_page_result(table, page, &walk, size);
    if (result != PAGE_OK) {
        return (struct update_outcome){.result = update_result_of(result)};
    }
    page_entry_store(walk.slot,
                     (struct page_entry){page_leaf_address(walk.entry, walk.level).value |
                                         (walk.entry.bits & kept) | flags.bits |
                                         (size == PAGE_4K ? 0 : PAGE_HUGE)});
    if (missing == 0) {
        return (struct update_outcome){.result = UPDATE_OK, .flush = tlb_flush_page(page)};
    }
    walk_widen(table, page, walk.level, missing);
    return (struct update_outcome){
        .result = UPDATE_OK,
        .flush = tlb_flush_pages(page, TLB_FLUSH_ALL),
    };
}

struct update_outcome page_table_update_table_flags(const struct page_table *table,
                                                    virt_addr address, unsigned level,
                                                    page_flags flags)
{
    if (level < 2 || level > table->levels) {
        return (struct update_outcome){.result = UPDATE_BAD_SIZE};
    }
    if (!virt_addr_is_canonical(address, table->levels)) {
        return (struct update_outcome){.result = UPDATE_NOT_CANONICAL};
    }
    /* Recursive access writes a table through the entry that names it, which must allow that. */
    if (!table_flags_are_good(flags) ||
        (table->access.kind == ACCESS_RECURSIVE && (flags.bits & PAGE_WRITABLE) == 0)) {
        return (struct update_outcome){.result = UPDATE_BAD_FLAGS};
    }
    if ((flags.bits & PAGE_NO_EXECUTE) != 0 && !table->features.no_execute) {
        return (struct update_outcome){.result = UPDATE_FEATURE_ABSENT};
    }
    struct walk walk = walk_any(table, address, level);
    if (!page_entry_is_present(walk.entry)) {
        return (struct update_outcome){.result = UPDATE_NOT_MAPPED};
    }
    if (page_entry_is_leaf(walk.entry, walk.level)) {
        return (struct update_outcome){.result = UPDATE_INSIDE_HUGE_PAGE};
    }
    page_entry_store(walk.slot, (struct page_entry){page_entry_table(walk.entry).value |
                                                    (walk.entry.bits & PAGE_ACCESSED) |
                                                    flags.bits});
    return (struct update_outcome){
        .result = UPDATE_OK,
        .flush = tlb_flush_pages(address, TLB_FLUSH_ALL),
    };
}
