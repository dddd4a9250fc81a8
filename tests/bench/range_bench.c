/* Operations on ranges, against the least that must be done to the memory of their tables. */
#include "tests/bench/bench_tables.h"
#include "tests/bench/measure.h"

#include <string.h>

static void run_map_range(void *context)
{
    struct bench_tables *tables = context;

    bench_require(tlb_flush_ignore(page_table_map_range(
                      &tables->table, bench_range(GIB_PAGES), phys_addr_of(MEMORY_START),
                      RANGE_PAGES_4K, page_flags_of(LEAF_FLAGS), &tables->frames.source)) == MAP_OK,
                  "map_range failed");
}

static void run_map_range_2m(void *context)
{
    struct bench_tables *tables = context;

    bench_require(tlb_flush_ignore(page_table_map_range(
                      &tables->table, bench_range(UINT64_C(32) * GIB_PAGES),
                      phys_addr_of(MEMORY_START), RANGE_PAGES_2M, page_flags_of(LEAF_FLAGS),
                      &tables->frames.source)) == MAP_OK,
                  "map_range of 2 MiB pages failed");
    bench_require(tables->frames.taken == 1 + GIBS_32_TABLES,
                  "32 GiB of 2 MiB pages is not exactly 33 tables");
}

static void run_unmap_range(void *context)
{
    struct bench_tables *tables = context;
    struct range_outcome outcome = page_table_unmap_range(&tables->table, bench_range(GIB_PAGES));

    tlb_flush_consume(outcome.flush);
    bench_require(outcome.leaf_count == GIB_PAGES, "unmap_range failed");
}

static void run_protect_range(void *context)
{
    struct bench_tables *tables = context;
    struct range_outcome outcome = page_table_protect_range(
        &tables->table, bench_range(GIB_PAGES), page_flags_of(PAGE_PRESENT));

    tlb_flush_consume(outcome.flush);
    bench_require(outcome.leaf_count == GIB_PAGES, "protect_range failed");
}

static void run_clean_up(void *context)
{
    struct bench_tables *tables = context;
    struct range_outcome outcome =
        page_table_clean_up(&tables->table, bench_range(GIB_PAGES), &tables->frames.source);

    tlb_flush_consume(outcome.flush);
    bench_require(outcome.leaf_count == GIB_TABLES && tables->frames.freed == GIB_TABLES,
                  "clean_up left tables");
}

static void run_memset_gib(void *context)
{
    memset(bench_lower_tables(context), 0, (size_t)GIB_TABLES * TABLE_BYTES);
}

static void run_memset_gibs_32(void *context)
{
    memset(bench_lower_tables(context), 0, (size_t)GIBS_32_TABLES * TABLE_BYTES);
}

static void run_store_pass(void *context)
{
    hand_store_pass(bench_lower_tables(context), (size_t)GIB_TABLES * TABLE_BYTES, 0);
}

static void run_load_pass(void *context)
{
    (void)hand_load_pass(bench_lower_tables(context), (size_t)GIB_TABLES * TABLE_BYTES);
}

void bench_range_operations(struct bench_tables *tables)
{
    double us = 1e-3;
    struct timed memset_gib = {.run = run_memset_gib};
    struct timed memset_gibs_32 = {.run = run_memset_gibs_32};
    struct timed store_pass = {.run = run_store_pass};
    struct timed load_pass = {.run = run_load_pass};
    const struct {
        struct row row;
        struct timed subject;
        struct timed limit;
    } cases[] = {
        {{"map_range 4 KiB pages, 1 GiB", "memset of the tables", "us", us, 2.5},
         {prepare_empty_root, run_map_range},
         memset_gib},
        {{"protect_range 4 KiB pages, 1 GiB", "stores to the tables", "us", us, 2.5},
         {prepare_gib, run_protect_range},
         store_pass},
        {{"unmap_range 4 KiB pages, 1 GiB", "stores to the tables", "us", us, 2.5},
         {prepare_gib, run_unmap_range},
         store_pass},
        {{"clean_up empty tables, 1 GiB", "reads of the tables", "us", us, 2},
         {prepare_empty_tables, run_clean_up},
         load_pass},
        {{"map_range 2 MiB pages, 32 GiB: 33 tables", "memset of the tables", "us", us, 2.5},
         {prepare_empty_root, run_map_range_2m},
         memset_gibs_32},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        report_row(&cases[i].row, measure(cases[i].subject, cases[i].limit, 1000, tables));
    }
}
