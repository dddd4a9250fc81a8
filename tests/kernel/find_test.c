/* Looking for free places in an address space. */
#include "tests/kernel/support.h"

#define KIB UINT64_C(1024)

static void map_pages(struct test *test, const struct page_table *table, struct test_frames *frames,
                      uint64_t start, uint64_t count)
{
    struct kernel *kernel = test->subject;

    REQUIRE_EQUAL(tlb_flush_now(page_table_map_range(
                      table, page_range_of(virt_addr_of(start), count), phys_addr_of(start),
                      RANGE_PAGES_4K, data_flags(kernel), &frames->source)),
                  MAP_OK);
}

/* The tutorial's example: with a table mapped at 1004 KiB, a file of 1000 KiB that would go to
 * 28 KiB finds no room before 1008 KiB. */
TEST(find_unmapped, puts_1000_kib_at_1008_kib_when_a_table_is_at_1004_kib)
{
    struct kernel *kernel = test->subject;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct page_table table = test_table(&frames, test_levels_first(kernel));
    struct page_range from_28_kib = page_range_of(virt_addr_of(28 * KIB), 4096);
    virt_addr start;

    REQUIRE(page_table_find_unmapped(&table, from_28_kib, 250, PAGE_4K, &start));
    CHECK_EQUAL(start.value, 28 * KIB);
    map_pages(test, &table, &frames, 1004 * KIB, 1);
    REQUIRE(page_table_find_unmapped(&table, from_28_kib, 250, PAGE_4K, &start));
    CHECK_EQUAL(start.value, 1008 * KIB);
    REQUIRE(page_table_find_unmapped(&table, from_28_kib, 244, PAGE_4K, &start));
    CHECK_EQUAL(start.value, 28 * KIB);
    REQUIRE(page_table_find_unmapped(&table, from_28_kib, 250, PAGE_2M, &start));
    CHECK_EQUAL(start.value, 2048 * KIB);
}

TEST(find_unmapped, says_when_there_is_no_room)
{
    struct kernel *kernel = test->subject;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct page_table table = test_table(&frames, test_levels_first(kernel));
    struct page_range range = page_range_of(virt_addr_of(0x40000000), 10);
    virt_addr start = virt_addr_of(1);

    map_pages(test, &table, &frames, 0x40005000, 1);
    CHECK(!page_table_find_unmapped(&table, range, 6, PAGE_4K, &start));
    CHECK(!page_table_find_unmapped(&table, range, 11, PAGE_4K, &start));
    CHECK(!page_table_find_unmapped(&table, range, 0, PAGE_4K, &start));
    CHECK_EQUAL(start.value, 1);
    REQUIRE(page_table_find_unmapped(&table, range, 5, PAGE_4K, &start));
    CHECK_EQUAL(start.value, 0x40000000);
    map_pages(test, &table, &frames, 0x40000000, 1);
    CHECK(!page_table_find_unmapped(&table, range, 5, PAGE_4K, &start));
    REQUIRE(page_table_find_unmapped(&table, range, 4, PAGE_4K, &start));
    CHECK_EQUAL(start.value, 0x40001000);
}

TEST(find_unmapped, finds_the_last_page_of_the_address_space)
{
    struct kernel *kernel = test->subject;
    struct page_range last = page_range_of(virt_addr_of(-UINT64_C(0x1000)), 1);
    virt_addr start;

    REQUIRE(page_table_find_unmapped(&kernel->page_table, last, 1, PAGE_4K, &start));
    CHECK_EQUAL(start.value, -UINT64_C(0x1000));
}
