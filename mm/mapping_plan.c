#include "mm/mapping_plan.h"


/* How many entries of tables at `level` have to do with [start, last]. */
static uint64_t entries_touched(unsigned level, virt_addr start, virt_addr last)
{
    return (last.value >> level_shift(level)) - (start.value >> level_shift(level)) + 1;
}

/* How many whole entries at `level` lie in [start, last] and are covered by leaves of that level or
 * above it: those at the ends of the range may not be whole. */
static uint64_t entries_of_leaves(struct leaf_levels leaves, unsigned level, virt_addr start,
                                  virt_addr last, phys_addr frame)
{
    unsigned shift = level_shift(level);
    uint64_t low_bits = level_bytes(level) - 1;
    uint64_t first = (start.value >> shift) + ((start.value & low_bits) != 0 ? 1 : 0);
    uint64_t end = (last.value >> shift) + ((last.value & low_bits) == low_bits ? 1 : 0);

    if (level > leaves.largest || ((start.value ^ frame.value) & low_bits) != 0 || end < first) {
        return 0;
    }
    return end - first;
}

uint64_t plan_tables_at(struct leaf_levels leaves, unsigned level, virt_addr start, virt_addr last,
                        phys_addr frame)
{
    if (level < leaves.smallest) {
        return 0;
    }
    /* A table of this level stands for each entry above it that is no leaf. */
    return entries_touched(level + 1, start, last) -
           entries_of_leaves(leaves, level + 1, start, last, frame);
}

/* Leaves at `level`: entries covered by leaves, without those that larger leaves cover. */
static uint64_t plan_leaves_at(struct leaf_levels leaves, unsigned level, virt_addr start,
                               virt_addr last, phys_addr frame)
{
    uint64_t covered = entries_of_leaves(leaves, level, start, last, frame);
    uint64_t above = entries_of_leaves(leaves, level + 1, start, last, frame);

    return level < leaves.smallest ? 0 : covered - (above << TABLE_INDEX_BITS);
}

struct mapping_plan mapping_plan(struct page_range range, phys_addr frame, enum range_pages pages,
                                 unsigned levels, bool pages_1g)
{
    struct leaf_levels leaves = leaf_levels_of(pages, pages_1g);
    struct mapping_plan plan = {.result = MAP_OK};
    enum range_result fault = range_check(range, levels);

    if ((unsigned)pages > RANGE_PAGES_1G) {
        plan.result = MAP_BAD_SIZE;
    } else if (fault != RANGE_OK) {
        plan.result = fault == RANGE_MISALIGNED ? MAP_MISALIGNED : MAP_NOT_CANONICAL;
    } else if (!is_aligned(range.start.value | frame.value | range.page_count << PAGE_SHIFT,
                           level_bytes(leaves.smallest))) {
        plan.result = MAP_MISALIGNED;
    } else if (pages == RANGE_PAGES_1G && !pages_1g) {
        plan.result = MAP_FEATURE_ABSENT;
    }
    if (plan.result != MAP_OK) {
        return plan;
    }
    for (unsigned level = 1; level < levels && range.page_count > 0; level++) {
        plan.tables[level] =
            plan_tables_at(leaves, level, range.start, range_last(range), frame);
        plan.leaf_count += plan_leaves_at(leaves, level, range.start, range_last(range), frame);
        plan.table_count += plan.tables[level];
    }
    plan.tables[levels] = 1;
    plan.table_count++;
    return plan;
}
