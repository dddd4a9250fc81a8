/* Unmapping and protecting ranges: one pass over the tables that there are. */
#include "mm/page_range.h"

/* What is done to each leaf: (leaf & keep) | set; 0 for both removes it. */
struct change {
    const struct page_table *table;
    uint64_t keep;         /* flag bits that stay, as of a 4 KiB leaf */
    uint64_t set;          /* as of a 4 KiB leaf */
    uint64_t table_flags;  /* what tables above must allow: PAGE_PERMISSIONS */
    uint64_t leaf_count;
    bool widened;
};

struct page_range page_range_lower_half(unsigned levels)
{
    unsigned half_bits = level_shift(levels) + TABLE_INDEX_BITS - 1;

    return page_range_of(virt_addr_of(0), UINT64_C(1) << (half_bits - PAGE_SHIFT));
}

struct page_range page_range_upper_half(unsigned levels)
{
    struct page_range lower = page_range_lower_half(levels);

    return page_range_of(virt_addr_of(-(lower.page_count << PAGE_SHIFT)), lower.page_count);
}

/* The new value of a leaf at `level`. */
static inline uint64_t change_entry(const struct change *change, struct page_entry entry,
                                    unsigned level)
{
    if (change->set == 0) {
        return 0;
    }
    return (entry.bits & (page_leaf_address_mask(level) | change->keep | page_leaf_pat(level))) |
           change->set | (level > 1 ? PAGE_HUGE : 0);
}

enum { GROUP = 64 };

/* Two entries side by side: one register where the compiler may use vectors, two where not. */
typedef uint64_t entry_pair __attribute__((vector_size(16), aligned(8), may_alias));

/* True when all entries of a group are present, as they mostly are. The CPU does not change that, so
 * that two entries can be looked at together. */
static inline bool all_present(const struct page_entry *group)
{
    const entry_pair *pairs = (const entry_pair *)group;
    entry_pair first = pairs[0];
    entry_pair second = pairs[1];

#pragma GCC unroll 16
    for (unsigned i = 2; i < GROUP / 2; i += 2) {
        first &= pairs[i];
        second &= pairs[i + 1];
    }
    first &= second;
    return (first[0] & first[1] & PAGE_PRESENT) != 0;
}

/* Makes an entry (entry & keep) | set if it is present; returns 1 then. */
static inline uint64_t change_leaf(struct page_entry *slot, uint64_t keep, uint64_t set)
{
    uint64_t bits = page_entry_load(slot).bits;

    if ((bits & PAGE_PRESENT) == 0) {
        return 0;
    }
    page_entry_store(slot, (struct page_entry){(bits & keep) | set});
    return 1;
}

/* Does so with a group of entries; returns how many were present. */
__attribute__((always_inline)) static inline uint64_t
change_group(struct page_entry *group, uint64_t keep, uint64_t set)
{
    uint64_t changed = 0;

    if (all_present(group)) {
#pragma GCC unroll 16
        for (unsigned i = 0; i < GROUP; i++) {
            uint64_t kept = keep == 0 ? 0 : page_entry_load(&group[i]).bits & keep;
            page_entry_store(&group[i], (struct page_entry){kept | set});
        }
        return GROUP;
    }
    for (unsigned i = 0; i < GROUP; i++) {
        changed += change_leaf(&group[i], keep, set);
    }
    return changed;
}

/* Does so with `count` entries. keep and set are 0 to remove them. */
__attribute__((always_inline)) static inline uint64_t
change_level_1(struct page_entry *entries, unsigned count, uint64_t keep, uint64_t set)
{
    uint64_t changed = 0;
    unsigned i = 0;

    for (; i + GROUP <= count; i += GROUP) {
        changed += change_group(&entries[i], keep, set);
    }
    for (; i < count; i++) {
        changed += change_leaf(&entries[i], keep, set);
    }
    return changed;
}

static uint64_t change_leaves(const struct change *change, struct page_entry *entries,
                              unsigned count)
{
    uint64_t keep = PAGE_FRAME_MASK | PAGE_PAT_4K | change->keep;

    return change->set == 0 ? change_level_1(entries, count, 0, 0)
                            : change_level_1(entries, count, keep, change->set);
}

static void change_table(struct change *change, unsigned level, phys_addr frame, virt_addr start,
                         virt_addr last);

/* Changes what is below the table that `slot` names, and widens the slot if that is anything. */
static void change_below(struct change *change, struct page_entry *slot, unsigned level,
                         virt_addr start, virt_addr last)
{
    struct page_entry entry = page_entry_load(slot);
    uint64_t leaf_count_before = change->leaf_count;

    change_table(change, level, page_entry_table(entry), start, last);
    if (change->leaf_count != leaf_count_before && (change->table_flags & ~entry.bits) != 0) {
        page_entry_store(slot, (struct page_entry){entry.bits | change->table_flags});
        change->widened = true;
    }
}

/* Changes every leaf in [start, last], which the table of `level` in `frame` covers. The depth is at
 * most the number of levels. */
static void change_table(struct change *change, unsigned level, phys_addr frame, virt_addr start,
                         virt_addr last)
{
    const struct page_table *table = change->table;
    struct page_entry *entries =
        access_table(&table->access, table->access.kind, table->levels, start, level, frame);
    unsigned first_index = virt_addr_index(start, level);
    unsigned last_index = virt_addr_index(last, level);

    if (level == 1) {
        change->leaf_count +=
            change_leaves(change, &entries[first_index], last_index - first_index + 1);
        return;
    }
    for (unsigned index = first_index; index <= last_index; index++) {
        struct page_entry entry = page_entry_load(&entries[index]);
        virt_addr entry_end = virt_addr_of(start.value | (level_bytes(level) - 1));

        if (page_entry_is_present(entry)) {
            if (page_entry_is_leaf(entry, level)) {
                page_entry_store(&entries[index],
                                 (struct page_entry){change_entry(change, entry, level)});
                change->leaf_count++;
            } else if (page_entry_table(entry).value != table->root.value) {
                change_below(change, &entries[index], level - 1, start,
                             index == last_index ? last : entry_end);
            }
        }
        start = virt_addr_of(entry_end.value + 1);
    }
}

/* True when `address` lies inside a huge page whose first byte, or last byte if `at_end`, is
 * another. */
static bool cuts_huge_page(const struct page_table *table, virt_addr address, bool at_end)
{
    struct walk walk = walk_any(table, address, 1);
    uint64_t low_bits = level_bytes(walk.level) - 1;

    return page_entry_is_present(walk.entry) &&
           (address.value & low_bits) != (at_end ? low_bits : 0);
}

static struct range_outcome change_range(struct change *change, struct page_range range)
{
    const struct page_table *table = change->table;
    struct range_outcome outcome = {.result = range_check(range, table->levels),
                                    .flush = tlb_flush_none()};

    if (outcome.result == RANGE_OK && range.page_count > 0 &&
        (cuts_huge_page(table, range.start, false) ||
         cuts_huge_page(table, range_last(range), true))) {
        outcome.result = RANGE_INSIDE_HUGE_PAGE;
    }
    if (outcome.result != RANGE_OK || range.page_count == 0) {
        return outcome;
    }
    change_table(change, table->levels, table->root, range.start, range_last(range));
    outcome.leaf_count = change->leaf_count;
    if (change->leaf_count > 0) {
        /* A table that was widened may lead to pages outside the range. */
        outcome.flush = tlb_flush_pages(range.start,
                                        change->widened ? TLB_FLUSH_ALL : range.page_count);
    }
    return outcome;
}

struct range_outcome page_table_unmap_range(const struct page_table *table,
                                            struct page_range range)
{
    struct change change = {.table = table};

    return change_range(&change, range);
}

struct range_outcome page_table_protect_range(const struct page_table *table,
                                              struct page_range range, page_flags flags)
{
    struct change change = {
        .table = table,
        .keep = PAGE_ACCESSED | PAGE_DIRTY,
        .set = flags.bits,
        .table_flags = flags.bits & PAGE_PERMISSIONS,
    };

    if (!leaf_flags_are_good(flags, PAGE_4K) || (flags.bits & PAGE_PAT_4K) != 0) {
        return (struct range_outcome){.result = RANGE_BAD_FLAGS};
    }
    if (!leaf_features_are_present(table, flags, PAGE_4K)) {
        return (struct range_outcome){.result = RANGE_FEATURE_ABSENT};
    }
    return change_range(&change, range);
}
