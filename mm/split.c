#include "mm/page_range.h"

/* The bits of a leaf at `level` in the form that a leaf at `other_level` has them: PAT is at
 * another place in 4 KiB pages, and only larger ones have PS. */
static uint64_t leaf_flags_at(uint64_t flags, unsigned level, unsigned other_level)
{
    bool pat = (flags & page_leaf_pat(level)) != 0;

    flags &= ~(PAGE_HUGE | page_leaf_pat(level));
    return flags | (other_level > 1 ? PAGE_HUGE : 0) | (pat ? page_leaf_pat(other_level) : 0);
}

static enum split_result split_fault(enum page_result result)
{
    static const enum split_result results[] = {
        [PAGE_NOT_MAPPED] = SPLIT_NOT_MAPPED,
        [PAGE_INSIDE_HUGE_PAGE] = SPLIT_INSIDE_HUGE_PAGE,
        [PAGE_OVER_TABLE] = SPLIT_OVER_TABLE,
        [PAGE_MISALIGNED] = SPLIT_MISALIGNED,
        [PAGE_NOT_CANONICAL] = SPLIT_NOT_CANONICAL,
        [PAGE_BAD_SIZE] = SPLIT_BAD_SIZE,
    };
    return results[result];
}

struct split_outcome page_table_split(const struct page_table *table, virt_addr page,
                                      enum page_size size, struct frame_source *frames)
{
    struct page_frame mapped = page_table_translate_page(table, page, size);
    struct split_outcome outcome = {.result = SPLIT_OK, .flush = tlb_flush_none()};
    phys_addr frame;

    if (size == PAGE_4K) {
        outcome.result = SPLIT_BAD_SIZE;
    } else if (mapped.result != PAGE_OK) {
        outcome.result = split_fault(mapped.result);
    } else if (!frame_source_allocate(frames, 0, &frame)) {
        outcome.result = SPLIT_NO_FRAME;
    } else if (!access_reaches(&table->access, table->access.kind, frame)) {
        frame_source_free(frames, 0, frame);
        outcome.result = SPLIT_FRAME_UNREACHABLE;
    }
    if (outcome.result != SPLIT_OK) {
        return outcome;
    }

    struct walk walk = walk_any(table, page, (unsigned)size);
    unsigned lower = walk.level - 1;
    uint64_t leaf = mapped.frame.value |
                    leaf_flags_at(page_leaf_flags(walk.entry, walk.level).bits, walk.level, lower);
    struct page_entry *entries =
        access_new_table(&table->access, table->access.kind, table->levels, frame);

    for (unsigned index = 0; index < TABLE_ENTRY_COUNT; index++) {
        page_entry_store(&entries[index], (struct page_entry){leaf + index * level_bytes(lower)});
    }
    page_entry_store(walk.slot,
                     (struct page_entry){frame.value | PAGE_PRESENT | PAGE_WRITABLE |
                                         (walk.entry.bits & PAGE_USER)});
    access_forget_aliases(&table->access, table->levels, page, lower, walk.level);
    outcome.flush = tlb_flush_pages(page, page_size_bytes(size) >> PAGE_SHIFT);
    return outcome;
}

/* What 512 entries have in common, if they can be one leaf. */
struct common {
    enum merge_result result;
    uint64_t leaf; /* OK: the first entry, with the accessed and dirty bits of all */
};

/* The entries of the table of `level` on the way to `page`. */
static struct common find_common(const struct page_table *table, virt_addr page,
                                 const struct page_entry *entries, unsigned level)
{
    const uint64_t accessed_dirty = PAGE_ACCESSED | PAGE_DIRTY;
    uint64_t first = page_entry_load(&entries[0]).bits;
    uint64_t marks = 0;
    enum merge_result difference = MERGE_OK;

    for (unsigned index = 0; index < TABLE_ENTRY_COUNT; index++) {
        struct page_entry entry = page_entry_load(&entries[index]);
        uint64_t wanted = first + index * level_bytes(level);

        if (!page_entry_is_present(entry)) {
            return (struct common){.result = MERGE_NOT_MAPPED};
        }
        if (!page_entry_is_leaf(entry, level)) {
            virt_addr child = virt_addr_add(page, index * level_bytes(level));
            bool mapped = walk_over_table(table, child, level, entry) == PAGE_OVER_TABLE;
            return (struct common){.result = mapped ? MERGE_OVER_TABLE : MERGE_NOT_MAPPED};
        }
        if (((entry.bits ^ wanted) & page_leaf_address_mask(level)) != 0) {
            difference = MERGE_NOT_CONTIGUOUS;
        } else if (((entry.bits ^ wanted) & ~accessed_dirty) != 0 && difference == MERGE_OK) {
            difference = MERGE_FLAGS_DIFFER;
        }
        marks |= entry.bits & accessed_dirty;
    }
    return (struct common){.result = difference, .leaf = first | marks};
}

/* What keeps the entry at which the walk ended from being merged, so far as it alone tells. */
static enum merge_result merge_fault(const struct page_table *table, enum page_size size,
                                     const struct walk *walk)
{
    if (!page_entry_is_present(walk->entry)) {
        return MERGE_NOT_MAPPED;
    }
    if (page_entry_is_leaf(walk->entry, walk->level)) {
        return MERGE_INSIDE_HUGE_PAGE;
    }
    if (page_entry_table(walk->entry).value == table->root.value) {
        return MERGE_OVER_TABLE;
    }
    return size == PAGE_1G && !table->features.pages_1g ? MERGE_FEATURE_ABSENT : MERGE_OK;
}

/* What is wrong with the page or the size. */
static enum merge_result merge_check(const struct page_table *table, virt_addr page,
                                     enum page_size size)
{
    switch (page_check(table, page, size)) {
    case PAGE_MISALIGNED:
        return MERGE_MISALIGNED;
    case PAGE_NOT_CANONICAL:
        return MERGE_NOT_CANONICAL;
    case PAGE_BAD_SIZE:
        return MERGE_BAD_SIZE;
    default:
        return size == PAGE_4K ? MERGE_BAD_SIZE : MERGE_OK;
    }
}

struct merge_outcome page_table_merge(const struct page_table *table, virt_addr page,
                                      enum page_size size, struct frame_source *frames)
{
    struct merge_outcome outcome = {
        .result = merge_check(table, page, size),
        .flush = tlb_flush_none(),
    };
    if (outcome.result != MERGE_OK) {
        return outcome;
    }
    struct walk walk = walk_any(table, page, (unsigned)size);
    outcome.result = merge_fault(table, size, &walk);
    if (outcome.result != MERGE_OK) {
        return outcome;
    }
    phys_addr lower_frame = page_entry_table(walk.entry);
    unsigned lower = walk.level - 1;
    struct common common =
        find_common(table, page,
                    access_table(&table->access, table->access.kind, table->levels, page, lower,
                                 lower_frame),
                    lower);
    struct page_entry leaf = {common.leaf};
    phys_addr frame = page_leaf_address(leaf, lower);

    if (common.result == MERGE_OK && !is_aligned(frame.value, page_size_bytes(size))) {
        common.result = MERGE_FRAME_MISALIGNED;
    }
    if (common.result != MERGE_OK) {
        outcome.result = common.result;
        return outcome;
    }
    uint64_t flags = leaf_flags_at(page_leaf_flags(leaf, lower).bits, lower, walk.level);
    flags &= ~PAGE_PERMISSIONS | walk.entry.bits;
    flags |= walk.entry.bits & PAGE_NO_EXECUTE;
    page_entry_store(walk.slot, (struct page_entry){frame.value | flags});

    /* Until the flush the CPU may read the table that it has cached: nothing is written there, so
     * the frame cannot be put on a chain. */
    if (table->active || table->access.kind == ACCESS_RECURSIVE) {
        mm_port_flush_all();
    }
    frame_source_free(frames, 0, lower_frame);
    outcome.flush =
        table->active ? tlb_flush_none() : tlb_flush_pages(virt_addr_of(0), TLB_FLUSH_ALL);
    return outcome;
}
