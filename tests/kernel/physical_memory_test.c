/* What it costs to map all physical memory: the tutorial's sum for 32 GiB, in tables that are
 * made. */
#include "tests/kernel/support.h"

#define GIB UINT64_C(0x40000000)
#define MEMORY_PAGES (32 * GIB >> PAGE_SHIFT)

enum { TABLES_OF_2M_PAGES = 33, TABLES_OF_4K_PAGES = 16417, RUNS_MAX = 8 };

static struct page_range memory(void)
{
    return page_range_of(virt_addr_of(0), MEMORY_PAGES);
}

static enum map_result map_memory(const struct kernel *kernel, const struct page_table *table,
                                  enum range_pages pages, struct frame_source *frames)
{
    return tlb_flush_ignore(
        page_table_map_range(table, memory(), phys_addr_of(0), pages, data_flags(kernel), frames));
}

/* Tables below the root by the level of their entries. */
struct census {
    unsigned tables[PAGING_LEVELS_MAX + 1];
    uint64_t leaf_count;
};

static bool count_entry(void *context, const struct visited_entry *entry)
{
    struct census *census = context;

    if ((int64_t)entry->start.value < 0) {
        return false; /* the kernel's half */
    }
    census->leaf_count += entry->leaf ? 1 : 0;
    census->tables[entry->level - 1] += entry->leaf ? 0 : 1;
    return true;
}

static struct census count_tables(const struct page_table *table)
{
    struct census census = {.leaf_count = 0};

    page_table_visit(table, count_entry, &census);
    return census;
}

/* Maps 32 GiB with pages of one size. With five levels there is a level-4 table above. */
static void check_cost(struct test *test, enum range_pages pages, unsigned level_2_tables)
{
    struct kernel *kernel = test->subject;

    for (unsigned levels = test_levels_first(kernel); levels <= test_levels_last(kernel);
         levels++) {
        unsigned tables = 1 + level_2_tables + (levels == 5 ? 1 : 0);
        struct test_frames frames;
        test_frames_init(&frames, test, 1 + tables);
        struct page_table table = test_table_of_wide_frames(&frames, levels);
        struct frames_needed needed =
            page_table_frames_needed(&table, memory(), phys_addr_of(0), pages, data_flags(kernel));

        CHECK_EQUAL(needed.count, tables);
        frames.limit = tables; /* with the root, one too few */
        CHECK_EQUAL(map_memory(kernel, &table, pages, &frames.source), MAP_NO_FRAME);
        CHECK_EQUAL(frames.in_use, 1);
        frames.limit = 1 + tables;
        REQUIRE_EQUAL(map_memory(kernel, &table, pages, &frames.source), MAP_OK);
        CHECK_EQUAL(frames.in_use - 1, tables);
        struct census census = count_tables(&table);
        CHECK_EQUAL(census.tables[3], 1);
        CHECK_EQUAL(census.tables[2], level_2_tables);
        CHECK_EQUAL(census.tables[1], 0);
        CHECK_EQUAL(census.leaf_count, 32 * GIB / page_size_bytes((enum page_size)pages));
    }
}

TEST(physical_memory, of_32_gib_in_2m_pages_costs_33_tables_132_kib)
{
    CHECK_EQUAL((1 + 32) * 4, 132); /* KiB */
    check_cost(test, RANGE_PAGES_2M, 32);
}

TEST(physical_memory, of_32_gib_in_1g_pages_costs_1_table, .requires = REQUIRES_PAGES_1G)
{
    check_cost(test, RANGE_PAGES_1G, 0);
}

TEST(physical_memory, of_32_gib_in_4k_pages_is_foretold_to_cost_16417_tables)
{
    struct kernel *kernel = test->subject;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct page_table table = test_table_of_wide_frames(&frames, test_levels_first(kernel));
    struct frames_needed needed = page_table_frames_needed(&table, memory(), phys_addr_of(0),
                                                           RANGE_PAGES_4K, data_flags(kernel));

    CHECK_EQUAL(needed.result, MAP_OK);
    CHECK_EQUAL(needed.count, TABLES_OF_4K_PAGES + (table.levels == 5 ? 1 : 0));
    CHECK_EQUAL(frames.in_use, 1);
}

/* More frames than a test has at other times: straight from the kernel, in runs that follow each
 * other. */
static struct frame_range runs[RUNS_MAX];
static size_t run_count;

static void give_back(struct test *test, void *unused)
{
    struct kernel *kernel = test->subject;

    (void)unused;
    for (; run_count > 0; run_count--) {
        struct frame_range *run = &runs[run_count - 1];
        while (run->frame_count > 0) {
            run->frame_count--;
            phys_addr frame = phys_addr_add(run->start, run->frame_count << PAGE_SHIFT);
            CHECK_EQUAL(frame_source_free(&kernel->frames.source, 0, frame), FRAME_FREE_OK);
        }
    }
}

static void take_runs(struct test *test, uint64_t frame_count)
{
    struct kernel *kernel = test->subject;
    phys_addr frame;

    test_defer(test, give_back, NULL);
    for (uint64_t taken = 0; taken < frame_count; taken++) {
        struct frame_range *run = &runs[run_count > 0 ? run_count - 1 : 0];
        REQUIRE(frame_source_allocate(&kernel->frames.source, 0, &frame));
        if (run_count == 0 || frame.value != run->start.value + (run->frame_count << PAGE_SHIFT)) {
            REQUIRE_LESS(run_count, RUNS_MAX);
            runs[run_count++] = (struct frame_range){frame, 0};
            run = &runs[run_count - 1];
        }
        run->frame_count++;
    }
}

TEST(physical_memory, of_32_gib_in_4k_pages_costs_16417_tables, .requires = REQUIRES_RAM_ABOVE_4G)
{
    struct kernel *kernel = test->subject;
    struct page_table table = kernel->page_table;
    struct range_source frames;
    phys_addr left;

    take_runs(test, 1 + TABLES_OF_4K_PAGES);
    range_source_init(&frames, runs, run_count);
    REQUIRE(frame_source_allocate(&frames.source, 0, &table.root));
    table.levels = 4;
    table.active = false;
    table.access = physical_access(kernel);
    mm_port_zero_table((void *)physical_byte(kernel, table.root));
    REQUIRE_EQUAL(map_memory(kernel, &table, RANGE_PAGES_4K, &frames.source), MAP_OK);
    CHECK(!frame_source_allocate(&frames.source, 0, &left));
    struct census census = count_tables(&table);
    CHECK_EQUAL(census.tables[3], 1);
    CHECK_EQUAL(census.tables[2], 32);
    CHECK_EQUAL(census.tables[1], 32 * 512);
    CHECK_EQUAL(census.leaf_count, MEMORY_PAGES);
    CHECK_TRANSLATES(&table, virt_addr_of(32 * GIB - 1), phys_addr_of(32 * GIB - 1));
}
