/* The arithmetic of how many tables a range costs: used by the planner and by map_range. */
#pragma once

#include "mm/page_range.h"

/* Which pages may map a piece of a range: those of levels smallest..largest, and at each place the
 * largest that alignment allows. */
struct leaf_levels {
    unsigned smallest;
    unsigned largest;
};

static inline struct leaf_levels leaf_levels_of(enum range_pages pages, bool pages_1g)
{
    if (pages != RANGE_PAGES_LARGEST) {
        return (struct leaf_levels){(unsigned)pages, (unsigned)pages};
    }
    return (struct leaf_levels){PAGE_4K, pages_1g ? PAGE_1G : PAGE_2M};
}

/* How many consecutive leaves at `level` map the start of [start, last] to the memory from `frame`
 * on; 0 if what is there needs smaller pages. */
static inline uint64_t leaf_run(struct leaf_levels leaves, unsigned level, virt_addr start,
                                virt_addr last, phys_addr frame)
{
    if (level > leaves.largest || !is_aligned(start.value | frame.value, level_bytes(level))) {
        return 0;
    }
    return (last.value - start.value + 1) >> level_shift(level);
}

/* How many tables of `level` (1..) must exist for [start, last] to be mapped to the memory from
 * `frame` on. */
uint64_t plan_tables_at(struct leaf_levels leaves, unsigned level, virt_addr start, virt_addr last,
                        phys_addr frame);
