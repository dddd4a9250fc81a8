/* Operations on ranges of pages: one descent per table, not per page, and all or nothing.
 *
 * A range is a first page and a number of 4 KiB pages, so that it can end at 2^64. It may be
 * empty. range_check has what each operation demands of it.
 */
#pragma once

#include "mm/page_table.h"

struct page_range {
    virt_addr start; /* 4 KiB aligned */
    uint64_t page_count;
};

static inline struct page_range page_range_of(virt_addr start, uint64_t page_count)
{
    return (struct page_range){.start = start, .page_count = page_count};
}

/* The last byte of a range that is not empty. */
static inline virt_addr range_last(struct page_range range)
{
    return virt_addr_of(range.start.value + (range.page_count << PAGE_SHIFT) - 1);
}

/* The whole address space that `levels` levels translate, as its two halves. */
struct page_range page_range_lower_half(unsigned levels);
struct page_range page_range_upper_half(unsigned levels);

/* Which pages a range is mapped with. */
enum range_pages {
    RANGE_PAGES_4K = PAGE_4K, /* of this size only: start, frame and length are multiples of it */
    RANGE_PAGES_2M = PAGE_2M,
    RANGE_PAGES_1G = PAGE_1G,
    RANGE_PAGES_LARGEST = 0, /* the largest that alignment and the CPU allow, at each place */
};

/* Maps the range to the frames from `frame` on. All of it must be unmapped; empty tables that a
 * huge page replaces are given back.
 * flags: of each leaf, as for page_table_map_to. With RANGE_PAGES_LARGEST bits 7 and 12 must be
 *   clear, since their meaning depends on the size.
 * Flush:  the range, if a table on the way was widened. */
__attribute__((warn_unused_result)) struct map_outcome
page_table_map_range(const struct page_table *table, struct page_range range, phys_addr frame,
                     enum range_pages pages, page_flags flags, struct frame_source *frames);

struct frames_needed {
    enum map_result result;
    uint64_t count; /* OK: of new tables */
};

/* How many frames exactly page_table_map_range would take with the same arguments; allocates
 * nothing. The result is what page_table_map_range would find wrong, frames apart. */
struct frames_needed page_table_frames_needed(const struct page_table *table,
                                              struct page_range range, phys_addr frame,
                                              enum range_pages pages, page_flags flags);

enum range_result {
    RANGE_OK,
    RANGE_INSIDE_HUGE_PAGE, /* an end of the range lies inside a huge page: split that first */
    RANGE_MISALIGNED,
    RANGE_NOT_CANONICAL,
    RANGE_BAD_FLAGS,
    RANGE_FEATURE_ABSENT,
};

/* What every operation on a range demands of it, an empty one included: it begins at a multiple of
 * 4 KiB and does not run out of the half of the address space that it begins in.
 * *Returns:* RANGE_OK, RANGE_MISALIGNED or RANGE_NOT_CANONICAL. */
static inline enum range_result range_check(struct page_range range, unsigned levels)
{
    uint64_t half_pages = UINT64_C(1) << (level_shift(levels) + TABLE_INDEX_BITS - 1 - PAGE_SHIFT);
    uint64_t page_in_half = range.start.value >> PAGE_SHIFT & (half_pages - 1);

    if (!is_aligned(range.start.value, level_bytes(1))) {
        return RANGE_MISALIGNED;
    }
    return virt_addr_is_canonical(range.start, levels) &&
                   range.page_count <= half_pages - page_in_half
               ? RANGE_OK
               : RANGE_NOT_CANONICAL;
}

struct range_outcome {
    enum range_result result;
    struct tlb_flush flush;
    uint64_t leaf_count; /* OK: how many leaves were changed, or tables given back */
};

/* Unmaps all that is mapped in the range, with pages of any size; holes are skipped. Tables that
 * become empty stay.
 * Flush: the range, if anything was mapped in it. */
__attribute__((warn_unused_result)) struct range_outcome
page_table_unmap_range(const struct page_table *table, struct page_range range);

/* Gives every leaf in the range these flags; accessed, dirty and PAT bits stay. Bits 7 and 12 must
 * be clear. Holes are skipped. Tables on the way are widened if the flags ask for it.
 * Flush: the range, if anything was mapped in it. */
__attribute__((warn_unused_result)) struct range_outcome
page_table_protect_range(const struct page_table *table, struct page_range range,
                         page_flags flags);

/* Gives the frames of empty tables on the way to addresses of the range back to `frames`, those of
 * tables that become empty by this included. The root stays. If the tables are active, all is
 * flushed here, before the first frame is given back.
 * leaf_count: how many tables. Flush: everything, if the tables are not active. */
__attribute__((warn_unused_result)) struct range_outcome
page_table_clean_up(const struct page_table *table, struct page_range range,
                    struct frame_source *frames);

/* How many tables a range costs at each level when mapped in an empty tree; made by
 * mapping_plan. */
struct mapping_plan {
    enum map_result result;
    uint64_t tables[PAGING_LEVELS_MAX + 1]; /* by level 1..levels; the root is one of them */
    uint64_t table_count;                   /* in all, with the root */
    uint64_t leaf_count;
};

/* Allocates nothing, and takes the same time for a range of any size. `frame` matters for its
 * alignment only. */
struct mapping_plan mapping_plan(struct page_range range, phys_addr frame, enum range_pages pages,
                                 unsigned levels, bool pages_1g);

const char *range_result_text(enum range_result result);
