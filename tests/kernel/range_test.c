/* Ranges: mapped, protected, unmapped and cleaned up as a whole. */
#include "tests/kernel/support.h"

#define START UINT64_C(0x40000000)

/* A tree to work on. */
struct range_world {
    struct test_frames frames;
    struct page_table table;
};

static void make_world(struct range_world *world, struct test *test)
{
    test_frames_init(&world->frames, test, TEST_FRAMES_MAX);
    world->table = test_table(&world->frames, test_levels_first(test->subject));
}

static struct page_range pages(uint64_t start, uint64_t count)
{
    return page_range_of(virt_addr_of(start), count);
}

static enum map_result map(struct range_world *world, struct page_range range, uint64_t frame,
                           enum range_pages size, page_flags flags)
{
    return tlb_flush_now(page_table_map_range(&world->table, range, phys_addr_of(frame), size,
                                              flags, &world->frames.source));
}

TEST(map_range, maps_each_page_to_the_frame_after_the_one_before)
{
    struct kernel *kernel = test->subject;
    struct range_world world;
    make_world(&world, test);

    REQUIRE_EQUAL(map(&world, pages(START + 0x1000, 1500), 0x7000, RANGE_PAGES_4K,
                      data_flags(kernel)),
                  MAP_OK);
    for (uint64_t page = 0; page < 1500; page++) {
        REQUIRE_TRANSLATES(&world.table, virt_addr_of(START + 0x1000 + page * 0x1000 + 0x321),
                           phys_addr_of(0x7000 + page * 0x1000 + 0x321));
    }
    CHECK_NOT_MAPPED(&world.table, virt_addr_of(START));
    CHECK_NOT_MAPPED(&world.table, virt_addr_of(START + 1501 * 0x1000));
}

TEST(map_range, takes_the_largest_pages_that_alignment_allows)
{
    struct kernel *kernel = test->subject;
    struct range_world world;
    make_world(&world, test);
    uint64_t start = START - 0x3000;
    uint64_t count = 3 + 512 * 5 + 7;

    REQUIRE_EQUAL(map(&world, pages(start, count), 0x200000 - 0x3000, RANGE_PAGES_LARGEST,
                      data_flags(kernel)),
                  MAP_OK);
    CHECK_EQUAL(page_table_translate(&world.table, virt_addr_of(start)).level, PAGE_4K);
    CHECK_EQUAL(page_table_translate(&world.table, virt_addr_of(START)).level, PAGE_2M);
    CHECK_EQUAL(page_table_translate(&world.table, virt_addr_of(START + 0x9fffff)).level, PAGE_2M);
    CHECK_EQUAL(page_table_translate(&world.table, virt_addr_of(START + 0xa00000)).level, PAGE_4K);
    CHECK_TRANSLATES(&world.table, virt_addr_of(START + 0x812345),
                     phys_addr_of(0x200000 + 0x812345));
}

TEST(map_range, takes_exactly_the_frames_that_were_foretold_and_changes_nothing_with_fewer)
{
    struct kernel *kernel = test->subject;
    struct range_world world;
    make_world(&world, test);
    struct page_range range = pages(START - 0x2000, 512 + 4);
    struct frames_needed needed = page_table_frames_needed(
        &world.table, range, phys_addr_of(0x5000), RANGE_PAGES_4K, data_flags(kernel));

    REQUIRE_EQUAL(needed.result, MAP_OK);
    CHECK_EQUAL(needed.count, test_levels_first(kernel) - 3 + 2 + 3);
    uint64_t checksum = tree_checksum(&world.table);
    for (unsigned limit = 0; limit < needed.count; limit++) {
        world.frames.limit = 1 + limit;
        CHECK_EQUAL(map(&world, range, 0x5000, RANGE_PAGES_4K, data_flags(kernel)), MAP_NO_FRAME);
        CHECK_EQUAL(tree_checksum(&world.table), checksum);
        CHECK_EQUAL(world.frames.in_use, 1);
    }
    world.frames.limit = TEST_FRAMES_MAX;
    CHECK_EQUAL(map(&world, range, 0x5000, RANGE_PAGES_4K, data_flags(kernel)), MAP_OK);
    CHECK_EQUAL(world.frames.in_use, 1 + needed.count);
    CHECK_EQUAL(page_table_tables_used(&world.table) > needed.count, world.table.active);
}

TEST(map_range, refuses_a_range_in_which_one_page_is_mapped)
{
    struct kernel *kernel = test->subject;
    struct range_world world;
    make_world(&world, test);

    REQUIRE_EQUAL(map(&world, pages(START + 0x1ff000, 1), 0, RANGE_PAGES_4K, data_flags(kernel)),
                  MAP_OK);
    uint64_t checksum = tree_checksum(&world.table);
    unsigned in_use = world.frames.in_use;
    CHECK_EQUAL(map(&world, pages(START - 0x400000, 2048), 0, RANGE_PAGES_4K, data_flags(kernel)),
                MAP_ALREADY_MAPPED);
    CHECK_EQUAL(map(&world, pages(START - 0x400000, 2048), 0, RANGE_PAGES_2M, data_flags(kernel)),
                MAP_OVER_TABLE);
    CHECK_EQUAL(tree_checksum(&world.table), checksum);
    CHECK_EQUAL(world.frames.in_use, in_use);
}

TEST(unmap_range, leaves_what_is_outside_and_skips_holes)
{
    struct kernel *kernel = test->subject;
    struct range_world world;
    make_world(&world, test);

    REQUIRE_EQUAL(map(&world, pages(START, 1024), 0, RANGE_PAGES_4K, data_flags(kernel)), MAP_OK);
    REQUIRE_EQUAL(map(&world, pages(START + 0x800000, 512), 0, RANGE_PAGES_2M, data_flags(kernel)),
                  MAP_OK);
    struct range_outcome outcome =
        page_table_unmap_range(&world.table, pages(START + 0x1000, 0xa00 + 1024));
    CHECK_EQUAL(outcome.leaf_count, 1023 + 1);
    CHECK_EQUAL(tlb_flush_now(outcome), RANGE_OK);
    CHECK_TRANSLATES(&world.table, virt_addr_of(START), phys_addr_of(0));
    for (uint64_t page = 1; page < 1024 + 0xa00; page += 37) {
        CHECK_NOT_MAPPED(&world.table, virt_addr_of(START + page * 0x1000));
    }
}

TEST(unmap_range, refuses_to_cut_a_huge_page)
{
    struct kernel *kernel = test->subject;
    struct range_world world;
    make_world(&world, test);

    REQUIRE_EQUAL(map(&world, pages(START, 512), 0, RANGE_PAGES_2M, data_flags(kernel)), MAP_OK);
    uint64_t checksum = tree_checksum(&world.table);
    CHECK_EQUAL(tlb_flush_now(page_table_unmap_range(&world.table, pages(START, 511))),
                RANGE_INSIDE_HUGE_PAGE);
    CHECK_EQUAL(tlb_flush_now(page_table_unmap_range(&world.table, pages(START + 0x1000, 511))),
                RANGE_INSIDE_HUGE_PAGE);
    CHECK_EQUAL(tree_checksum(&world.table), checksum);
}

TEST(protect_range, changes_the_permissions_of_every_page_and_nothing_else)
{
    struct kernel *kernel = test->subject;
    struct range_world world;
    make_world(&world, test);

    REQUIRE_EQUAL(map(&world, pages(START, 600), 0x3000, RANGE_PAGES_4K, data_flags(kernel)),
                  MAP_OK);
    struct range_outcome outcome = page_table_protect_range(
        &world.table, pages(START + 0x1000, 598), page_flags_of(PAGE_PRESENT));
    CHECK_EQUAL(outcome.leaf_count, 598);
    CHECK_EQUAL(tlb_flush_now(outcome), RANGE_OK);
    for (uint64_t page = 0; page < 600; page++) {
        struct translation found =
            page_table_translate(&world.table, virt_addr_of(START + page * 0x1000));
        REQUIRE_EQUAL(found.address.value, 0x3000 + page * 0x1000);
        REQUIRE_EQUAL(found.flags.bits,
                      page == 0 || page == 599 ? data_flags(kernel).bits : PAGE_PRESENT);
    }
}

TEST(clean_up, gives_back_every_table_that_became_empty)
{
    struct kernel *kernel = test->subject;
    struct range_world world;
    make_world(&world, test);
    struct page_range range = pages(START - 0x1000, 514);
    uint64_t checksum = tree_checksum(&world.table);

    REQUIRE_EQUAL(map(&world, range, 0, RANGE_PAGES_4K, data_flags(kernel)), MAP_OK);
    unsigned in_use = world.frames.in_use;
    CHECK_EQUAL(tlb_flush_now(page_table_unmap_range(&world.table, range)), RANGE_OK);
    CHECK_EQUAL(world.frames.in_use, in_use);
    struct range_outcome outcome =
        page_table_clean_up(&world.table, page_range_lower_half(world.table.levels),
                            &world.frames.source);
    CHECK_EQUAL(outcome.leaf_count, in_use - 1);
    CHECK_EQUAL(tlb_flush_now(outcome), RANGE_OK);
    CHECK_EQUAL(world.frames.in_use, 1);
    CHECK_EQUAL(tree_checksum(&world.table), checksum);
}

TEST(clean_up, keeps_tables_that_are_in_use)
{
    struct kernel *kernel = test->subject;
    struct range_world world;
    make_world(&world, test);

    REQUIRE_EQUAL(map(&world, pages(START - 0x1000, 2), 0, RANGE_PAGES_4K, data_flags(kernel)),
                  MAP_OK);
    CHECK_EQUAL(tlb_flush_now(page_table_unmap_range(&world.table, pages(START, 1))), RANGE_OK);
    unsigned in_use = world.frames.in_use;
    CHECK_EQUAL(tlb_flush_now(page_table_clean_up(&world.table,
                                                  page_range_lower_half(world.table.levels),
                                                  &world.frames.source)),
                RANGE_OK);
    CHECK_EQUAL(world.frames.in_use, in_use - 2);
    CHECK_TRANSLATES(&world.table, virt_addr_of(START - 1), phys_addr_of(0xfff));
}

TEST(map_to, replaces_empty_tables_by_a_huge_page)
{
    struct kernel *kernel = test->subject;
    struct range_world world;
    make_world(&world, test);

    REQUIRE_EQUAL(map(&world, pages(START, 1), 0, RANGE_PAGES_4K, data_flags(kernel)), MAP_OK);
    unsigned in_use = world.frames.in_use;
    CHECK_EQUAL(
        tlb_flush_now(page_table_unmap(&world.table, virt_addr_of(START), PAGE_4K)), PAGE_OK);
    CHECK_EQUAL(tlb_flush_now(page_table_map_to(&world.table, virt_addr_of(START),
                                                phys_addr_of(0x600000), PAGE_2M,
                                                data_flags(kernel), &world.frames.source)),
                MAP_OK);
    CHECK_EQUAL(world.frames.in_use, in_use - 1);
    CHECK_TRANSLATES(&world.table, virt_addr_of(START + 5), phys_addr_of(0x600005));
}
