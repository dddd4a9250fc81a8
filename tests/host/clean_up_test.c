/* Taking empty tables away: by clean_up, and by huge pages that come in their place. */
#include "mm/page_range.h"

#include "testing/test.h"
#include "tests/host/world_check.h"
#include "tests/host/world_operations.h"

/* Maps a 4 KiB page and unmaps it: its tables are left. */
static void leave_tables(struct test *test, struct world *world, virt_addr page)
{
    REQUIRE_EQUAL(map_page(world, page, 0, PAGE_4K, DATA), MAP_OK);
    world_touch(world, page);
    REQUIRE_EQUAL(unmap_page(world, page, PAGE_4K), PAGE_OK);
}

static void takes_away_empty(struct test *test, struct world *world)
{
    unsigned levels = world->table.levels;
    virt_addr page = world_page(world, 4, 4, 4, 4);
    virt_addr same_gib = world_page(world, 4, 4, 5, 0);
    virt_addr kept = world_page(world, 4, 5, 0, 0);

    leave_tables(test, world, page);
    leave_tables(test, world, same_gib);
    REQUIRE_EQUAL(map_page(world, kept, 0, PAGE_4K, DATA), MAP_OK);
    world_touch(world, kept);
    CHECK_EQUAL(world_table_count(world), levels + 2);
    /* A range takes only what is on the way to its addresses. */
    CHECK_EQUAL(clean_up(world, page_range_of(same_gib, 1)), 1);
    CHECK_EQUAL(clean_up(world, page_range_of(same_gib, 1)), 0);
    CHECK_EQUAL(clean_up(world, page_range_of(kept, 1)), 0);
    CHECK_EQUAL(clean_up(world, page_range_of(page, 1)), 2);
    CHECK_EQUAL(world_table_count(world), levels - 1);
    world_check_page(test, world, kept, 1, 0, DATA);
    REQUIRE_EQUAL(unmap_page(world, kept, PAGE_4K), PAGE_OK);
    CHECK_EQUAL(clean_up(world, page_range_lower_half(levels)), levels - 1);
    CHECK_EQUAL(world_table_count(world), 0);
    CHECK_EQUAL(world_entry(world, page, levels), 0);
}

TEST(clean_up, takes_away_the_empty_tables_on_the_way_to_a_range_and_no_others)
{
    world_for_each(test, takes_away_empty);
}

static void flushes_before_free(struct test *test, struct world *world)
{
    virt_addr page = world_page(world, 4, 4, 4, 4);
    uint64_t flushes;

    leave_tables(test, world, page);
    flushes = world->cpu.full_flush_count;
    struct range_outcome outcome =
        page_table_clean_up(&world->table, page_range_of(page, 1), &world->frames.source);
    CHECK_EQUAL(outcome.leaf_count, world->table.levels - 1);
    CHECK_EQUAL(outcome.flush.page_count, world->table.active ? 0 : TLB_FLUSH_ALL);
    CHECK_EQUAL(world->cpu.full_flush_count - flushes, world->table.active ? 1 : 0);
    CHECK_EQUAL(tlb_flush_now(outcome), RANGE_OK);
    outcome = page_table_clean_up(&world->table, page_range_of(page, 1), &world->frames.source);
    CHECK_EQUAL(outcome.leaf_count, 0);
    CHECK_EQUAL(outcome.flush.page_count, 0);
    CHECK_EQUAL(world->cpu.full_flush_count - flushes, 1);
    CHECK_EQUAL(tlb_flush_now(outcome), RANGE_OK);
}

TEST(clean_up, flushes_active_tables_before_it_frees_them_and_asks_for_it_otherwise)
{
    world_for_each(test, flushes_before_free);
}

static void keeps_what_is_used(struct test *test, struct world *world)
{
    unsigned levels = world->table.levels;

    for (unsigned index = 0; index < 512; index += 73) {
        virt_addr page = world_page(world, 300, index, 511 - index, index);
        uint64_t tables;

        REQUIRE_EQUAL(map_page(world, page, 0, PAGE_4K, DATA), MAP_OK);
        tables = world_table_count(world);
        CHECK_EQUAL(clean_up(world, page_range_upper_half(levels)), 0);
        CHECK_EQUAL(world_table_count(world), tables);
        world_check_page(test, world, page, 1, 0, DATA);
    }
    for (unsigned size = PAGE_2M; size <= PAGE_1G; size++) {
        virt_addr page = world_page(world, 400 + size, 511, size == PAGE_2M ? 511 : 0, 0);

        REQUIRE_EQUAL(map_page(world, page, 0, (enum page_size)size, DATA), MAP_OK);
        CHECK_EQUAL(clean_up(world, page_range_upper_half(levels)), 0);
    }
    /* Software may keep something in entries that are not present. */
    virt_addr page = world_page(world, 4, 0, 0, 0);
    leave_tables(test, world, page);
    uint64_t table = world_entry(world, page, 2) & PAGE_FRAME_MASK;
    soft_mmu_write(&world->mmu, table + 8 * 511, 0x123456000);
    CHECK_EQUAL(clean_up(world, page_range_lower_half(levels)), 0);
    soft_mmu_write(&world->mmu, table + 8 * 511, 0);
    CHECK_EQUAL(clean_up(world, page_range_lower_half(levels)), levels - 1);
}

TEST(clean_up, keeps_tables_in_which_any_entry_is_used)
{
    world_for_each(test, keeps_what_is_used);
}

static void takes_many(struct test *test, struct world *world)
{
    unsigned levels = world->table.levels;
    virt_addr start = world_page(world, 300, 3, 500, 0);
    struct page_range range = page_range_of(start, 512 * 40);

    REQUIRE_EQUAL(map_range(world, range, 0, RANGE_PAGES_4K, DATA), MAP_OK);
    CHECK_EQUAL(world_table_count(world), 40 + 2 + levels - 3);
    REQUIRE_EQUAL(unmap_range(world, range), RANGE_OK);
    CHECK_EQUAL(clean_up(world, page_range_of(virt_addr_add(start, 0x1ff000), 512 * 10 + 1)), 11);
    world_check_sound(test, world);
    CHECK_EQUAL(clean_up(world, range), 29 + 2 + levels - 3);
    CHECK_EQUAL(world->frames.in_use, 0);
}

TEST(clean_up, takes_many_tables_at_once)
{
    world_for_each(test, takes_many);
}

static void huge_replaces_tables(struct test *test, struct world *world)
{
    unsigned levels = world->table.levels;
    virt_addr page = world_page(world, 4, 4, 0, 0);

    leave_tables(test, world, virt_addr_add(page, 0x3000));
    world->frames.limit = 0;
    struct map_outcome outcome =
        page_table_map_to(&world->table, page, phys_addr_of(TWO_MIBIBYTES), PAGE_2M,
                          page_flags_of(DATA), &world->frames.source);
    CHECK_EQUAL(outcome.flush.page_count, world->table.active ? 0 : TLB_FLUSH_ALL);
    REQUIRE_EQUAL(tlb_flush_now(outcome), MAP_OK);
    world_check_page(test, world, page, 2, TWO_MIBIBYTES, DATA | PAGE_HUGE);
    CHECK_EQUAL(world_table_count(world), levels - 2);
    world_check_sound(test, world);
    REQUIRE_EQUAL(unmap_page(world, page, PAGE_2M), PAGE_OK);
    world->frames.limit = UINT64_MAX;
    leave_tables(test, world, virt_addr_add(page, 0x3000));
    leave_tables(test, world, virt_addr_add(page, GIBIBYTE - 0x1000));
    world->frames.limit = 0;
    /* Tables that are replaced and others that are widened: one flush for both. */
    outcome = page_table_map_to(&world->table, page, phys_addr_of(GIBIBYTE), PAGE_1G,
                                page_flags_of(USER_DATA), &world->frames.source);
    CHECK_EQUAL(outcome.flush.page_count, TLB_FLUSH_ALL);
    REQUIRE_EQUAL(tlb_flush_now(outcome), MAP_OK);
    world_check_page(test, world, page, 3, GIBIBYTE, USER_DATA | PAGE_HUGE);
    CHECK_EQUAL(world_table_count(world), levels - 3);
    CHECK_EQUAL(world->frames.limit, 3);
}

TEST(huge_page, replaces_empty_tables_and_gives_their_frames_back)
{
    world_for_each(test, huge_replaces_tables);
}

static void huge_refuses_used_tables(struct test *test, struct world *world)
{
    virt_addr page = world_page(world, 4, 4, 0, 0);
    struct world_snapshot *before;

    leave_tables(test, world, page);
    REQUIRE_EQUAL(map_page(world, virt_addr_add(page, GIBIBYTE - 0x1000), 0, PAGE_4K, DATA),
                  MAP_OK);
    before = world_snapshot_take(world);
    CHECK_EQUAL(map_page(world, page, 0, PAGE_1G, DATA), MAP_OVER_TABLE);
    CHECK_EQUAL(map_range(world, page_range_of(page, 512 * 512), 0, RANGE_PAGES_LARGEST, DATA),
                MAP_OVER_TABLE);
    CHECK_EQUAL(map_range(world, page_range_of(page, 512 * 512), 0, RANGE_PAGES_2M, DATA),
                MAP_OVER_TABLE);
    world_snapshot_check(test, world, before);
}

TEST(huge_page, is_refused_where_a_small_page_is_mapped_and_nothing_is_taken_away)
{
    world_for_each(test, huge_refuses_used_tables);
}

static void range_replaces_tables(struct test *test, struct world *world)
{
    unsigned levels = world->table.levels;
    virt_addr start = world_page(world, 4, 4, 0, 0);
    struct page_range range = page_range_of(start, 512 * 4);

    for (unsigned i = 0; i < 5; i++) {
        leave_tables(test, world, virt_addr_add(start, i * TWO_MIBIBYTES + 0x7000));
    }
    CHECK_EQUAL(page_table_frames_needed(&world->table, range, phys_addr_of(0), RANGE_PAGES_2M,
                                         page_flags_of(DATA))
                    .count,
                0);
    REQUIRE_EQUAL(map_range(world, range, 0, RANGE_PAGES_2M, DATA), MAP_OK);
    CHECK_EQUAL(world_leaf_count(world), 4);
    CHECK_EQUAL(world_table_count(world), levels - 2 + 1);
    world_check_page(test, world, virt_addr_add(start, 3 * TWO_MIBIBYTES), 2, 3 * TWO_MIBIBYTES,
                     DATA | PAGE_HUGE);
    world_check_absent(test, world, virt_addr_add(start, 4 * TWO_MIBIBYTES));
    world_check_sound(test, world);
    REQUIRE_EQUAL(unmap_range(world, range), RANGE_OK);
    range.page_count = 512 * 512 * 2;
    REQUIRE_EQUAL(map_range(world, range, 0, RANGE_PAGES_LARGEST, USER_DATA), MAP_OK);
    CHECK_EQUAL(world_leaf_count(world), 2);
    CHECK_EQUAL(world_table_count(world), levels - 3);
}

TEST(huge_page, of_a_range_replaces_all_empty_tables_below_it)
{
    world_for_each(test, range_replaces_tables);
}
