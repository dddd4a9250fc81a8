/* What page tables cost when they are really made: a reader's question about 8 GiB. */
#include "tests/kernel/support.h"

#define MAPPED_BYTES (UINT64_C(8) << 30)
#define MAPPED_PAGES (MAPPED_BYTES >> PAGE_SHIFT)

enum {
    TABLES_BELOW_ROOT = 1 + 8 + 4096, /* of levels 3, 2 and 1 */
    TABLES = 1 + TABLES_BELOW_ROOT,
    SPARE_FRAMES = TABLES + 100,
};

/* The frames that the kernel has not handed out, on loan: it hands out none of them meanwhile.
 * Returns false if there are too few. */
static bool borrow_frames(struct kernel *kernel, struct range_source *borrowed)
{
    uint64_t count = 0;

    range_source_init(borrowed, kernel->frames.ranges, kernel->frames.range_count);
    borrowed->range_index = kernel->frames.range_index;
    borrowed->frame_index = kernel->frames.frame_index;
    for (size_t i = borrowed->range_index; i < borrowed->range_count; i++) {
        count += borrowed->ranges[i].frame_count;
    }
    return count >= SPARE_FRAMES + borrowed->frame_index;
}

struct tree_count {
    uint64_t tables[PAGING_LEVELS_MAX + 1]; /* by level; without the root */
    uint64_t leaves;
};

static bool count_entry(void *context, const struct visited_entry *entry)
{
    struct tree_count *count = context;

    if ((int64_t)entry->start.value < 0 || entry->recursive) {
        return false; /* the kernel's half */
    }
    if (entry->leaf) {
        count->leaves++;
    } else {
        count->tables[entry->level - 1]++;
    }
    return true;
}

static void check_counts(struct test *test, const struct page_table *table)
{
    struct tree_count count = {.leaves = 0};

    page_table_visit(table, count_entry, &count);
    CHECK_EQUAL(count.tables[1], 4096);
    CHECK_EQUAL(count.tables[2], 8);
    CHECK_EQUAL(count.tables[3], 1);
    CHECK_EQUAL(count.leaves, MAPPED_PAGES);
    uint64_t tables = 1 + count.tables[3] + count.tables[2] + count.tables[1];
    CHECK_EQUAL(tables, 4106);
    CHECK_SIZE_EQUAL(tables * 4096, 16818176);
}

TEST(tables, of_8_gib_in_4_kib_pages_are_4106_of_16818176_bytes, .timeout_ms = 60000)
{
    struct kernel *kernel = test->subject;
    struct page_range range = page_range_of(virt_addr_of(0), MAPPED_PAGES);
    struct range_source borrowed;
    struct limited_source counted;
    struct test_frames frames;

    if (kernel->table_frames != &kernel->frames.source) {
        SKIP("a window does not show that many tables");
    }
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct page_table table = test_table_of_wide_frames(&frames, test_levels_first(kernel));
    uint64_t level_4_tables = table.levels - 4; /* beside the root, which is one with 4 levels */
    if (!borrow_frames(kernel, &borrowed)) {
        SKIP("too little memory for 4106 tables");
    }
    limited_source_init(&counted, &borrowed.source, SPARE_FRAMES);

    REQUIRE_EQUAL(tlb_flush_now(page_table_map_range(&table, range, phys_addr_of(0), RANGE_PAGES_4K,
                                                     data_flags(kernel), &counted.source)),
                  MAP_OK);
    CHECK_EQUAL(SPARE_FRAMES - counted.remaining, TABLES_BELOW_ROOT + level_4_tables);
    check_counts(test, &table);
    CHECK_TRANSLATES(&table, virt_addr_of(MAPPED_BYTES - 1), phys_addr_of(MAPPED_BYTES - 1));
    CHECK_NOT_MAPPED(&table, virt_addr_of(MAPPED_BYTES));

    CHECK_EQUAL(tlb_flush_now(page_table_unmap_range(&table, range)), RANGE_OK);
    CHECK_EQUAL(tlb_flush_now(page_table_clean_up(&table, range, &counted.source)), RANGE_OK);
    CHECK_EQUAL(counted.remaining, SPARE_FRAMES);
}
