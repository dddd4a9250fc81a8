/* Mapping, changing and unmapping page by page. */
#include "tests/bench/bench_tables.h"
#include "tests/bench/measure.h"

static virt_addr page_number(uint64_t i)
{
    return virt_addr_of(PAGES_START + (i << PAGE_SHIFT));
}

static phys_addr frame_number(uint64_t i)
{
    return phys_addr_of(MEMORY_START + (i << PAGE_SHIFT));
}

static void run_map_to(void *context)
{
    struct bench_tables *tables = context;
    uint64_t failed = 0;

    for (uint64_t i = 0; i < GIB_PAGES; i++) {
        failed += tlb_flush_ignore(page_table_map_to(&tables->table, page_number(i),
                                                     frame_number(i), PAGE_4K,
                                                     page_flags_of(LEAF_FLAGS),
                                                     &tables->frames.source)) != MAP_OK;
    }
    bench_require(failed == 0 && tables->frames.taken == 1 + GIB_TABLES, "map_to failed");
}

static void run_hand_map(void *context)
{
    struct bench_tables *tables = context;
    uint64_t failed = 0;

    for (uint64_t i = 0; i < GIB_PAGES; i++) {
        failed += !hand_map_4k(&tables->hand, page_number(i).value, frame_number(i).value,
                               LEAF_FLAGS, &tables->frames.source);
    }
    bench_require(failed == 0 && tables->frames.taken == 1 + GIB_TABLES, "hand_map_4k failed");
}

static void run_update_flags(void *context)
{
    struct bench_tables *tables = context;
    uint64_t failed = 0;

    for (uint64_t i = 0; i < GIB_PAGES; i++) {
        failed += tlb_flush_ignore(page_table_update_flags(
                      &tables->table, page_number(i), PAGE_4K, page_flags_of(PAGE_PRESENT),
                      ACCESSED_DIRTY_KEEP)) != UPDATE_OK;
    }
    bench_require(failed == 0, "update_flags failed");
}

static void run_unmap(void *context)
{
    struct bench_tables *tables = context;
    uint64_t failed = 0;

    for (uint64_t i = 0; i < GIB_PAGES; i++) {
        failed += tlb_flush_ignore(page_table_unmap(&tables->table, page_number(i), PAGE_4K)) !=
                  PAGE_OK;
    }
    bench_require(failed == 0, "unmap failed");
}

void bench_page(struct bench_tables *tables)
{
    double per_page = 1.0 / GIB_PAGES;
    struct timed map_to = {.prepare = prepare_empty_root, .run = run_map_to};
    struct timed hand_map = {.prepare = prepare_empty_root, .run = run_hand_map};
    struct timed update_flags = {.prepare = prepare_gib, .run = run_update_flags};
    struct timed unmap = {.prepare = prepare_gib, .run = run_unmap};
    struct timed nothing = {.run = NULL};
    struct row map_to_row = {"map_to 4 KiB page by page, 1 GiB", "hand-written mapping", "ns",
                             per_page, 1.15};
    struct row update_row = {"update_flags page by page, 1 GiB", "", "ns", per_page, 0};
    struct row unmap_row = {"unmap page by page, 1 GiB", "", "ns", per_page, 0};

    report_row(&map_to_row, measure(map_to, hand_map, 200, tables));
    report_row(&update_row, measure(update_flags, nothing, 200, tables));
    report_row(&unmap_row, measure(unmap, nothing, 200, tables));
}
