/* How many tables mappings cost: the sums of the tutorial and of its readers. */
#include "mm/page_range.h"

#include "testing/test.h"

#define GIB UINT64_C(0x40000000)

static struct mapping_plan plan(uint64_t bytes, enum range_pages pages)
{
    return mapping_plan(page_range_of(virt_addr_of(0), bytes >> PAGE_SHIFT), phys_addr_of(0), pages,
                        4, true);
}

TEST(mapping_plan, of_32_gib_takes_33_tables_in_2m_pages_16417_in_4k_pages_1_in_1g_pages)
{
    CHECK_EQUAL(plan(32 * GIB, RANGE_PAGES_2M).table_count - 1, 33);
    CHECK_EQUAL(plan(32 * GIB, RANGE_PAGES_2M).tables[3], 1);
    CHECK_EQUAL(plan(32 * GIB, RANGE_PAGES_2M).tables[2], 32);
    CHECK_EQUAL(33 * 4, 132); /* KiB */
    CHECK_EQUAL(plan(32 * GIB, RANGE_PAGES_4K).table_count - 1, 16417);
    CHECK_EQUAL(plan(32 * GIB, RANGE_PAGES_1G).table_count - 1, 1);
    CHECK_EQUAL(plan(32 * GIB, RANGE_PAGES_LARGEST).table_count - 1, 1);
}

/* A TLB entry holds a leaf: what fewer leaves do for the speed of reads, make bench-tlb tells. */
TEST(mapping_plan, of_1_gib_has_262144_leaves_in_4k_pages_512_in_2m_pages_1_in_1g_pages)
{
    CHECK_EQUAL(plan(GIB, RANGE_PAGES_4K).leaf_count, 262144);
    CHECK_EQUAL(plan(GIB, RANGE_PAGES_2M).leaf_count, 512);
    CHECK_EQUAL(plan(GIB, RANGE_PAGES_1G).leaf_count, 1);
}

TEST(mapping_plan, of_the_whole_48_bit_space_takes_134480385_tables_of_550831656960_bytes)
{
    struct page_range lower = page_range_lower_half(4);
    struct page_range upper = page_range_upper_half(4);
    struct mapping_plan low = mapping_plan(lower, phys_addr_of(0), RANGE_PAGES_4K, 4, true);
    struct mapping_plan high = mapping_plan(upper, phys_addr_of(0), RANGE_PAGES_4K, 4, true);
    uint64_t tables = low.table_count + high.table_count - 1; /* one root for both */

    CHECK_EQUAL(low.result, MAP_OK);
    CHECK_EQUAL(high.result, MAP_OK);
    CHECK_EQUAL(tables, 134480385);
    CHECK_EQUAL(tables * 4096, 550831656960);
    CHECK_EQUAL(low.leaf_count + high.leaf_count, UINT64_C(1) << 36);
}

TEST(mapping_plan, of_8_gib_takes_4106_tables_of_16818176_bytes_not_8606715904)
{
    struct mapping_plan tables = plan(8 * GIB, RANGE_PAGES_4K);

    CHECK_EQUAL(tables.tables[4], 1);
    CHECK_EQUAL(tables.tables[3], 1);
    CHECK_EQUAL(tables.tables[2], 8);
    CHECK_EQUAL(tables.tables[1], 4096);
    CHECK_EQUAL(tables.table_count, 4106);
    CHECK_EQUAL(tables.table_count * 4096, 16818176);
}

/* The introduction's sum: 101 bytes in pages of 50 need 3 of them and waste 49. A byte more than two
 * pages is the worst case for any size of page. */
TEST(mapping_plan, of_a_byte_more_than_two_pages_takes_three_and_wastes_one_but_a_byte)
{
    static const enum range_pages sizes[] = {RANGE_PAGES_4K, RANGE_PAGES_2M, RANGE_PAGES_1G};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint64_t page_bytes = page_size_bytes((enum page_size)sizes[i]);
        uint64_t bytes = 2 * page_bytes + 1;
        struct mapping_plan pages = plan(align_up(bytes, page_bytes), sizes[i]);

        CHECK_EQUAL(pages.result, MAP_OK);
        CHECK_EQUAL(pages.leaf_count, 3);
        CHECK_EQUAL(pages.leaf_count * page_bytes - bytes, page_bytes - 1);
    }
}

/* The introduction's four pages at 0, 1,000,000, 1,000,050 and 1,000,100 of 50 bytes each: one page
 * low and three together, far away. One table of all pages up to the last would have 1,000,150 / 50
 * entries there, and 254 GiB here. */
TEST(mapping_plan, of_pages_in_two_places_takes_tables_for_these_places_only)
{
    struct mapping_plan low = mapping_plan(page_range_of(virt_addr_of(0), 1), phys_addr_of(0),
                                           RANGE_PAGES_4K, 4, true);
    struct mapping_plan far =
        mapping_plan(page_range_of(virt_addr_of(UINT64_C(0x7f0000000000)), 3), phys_addr_of(0),
                     RANGE_PAGES_4K, 4, true);

    CHECK_EQUAL(low.table_count, 4);
    CHECK_EQUAL(far.table_count, 4);
    CHECK_EQUAL(low.table_count + far.table_count - 1, 7);
    CHECK_EQUAL(far.leaf_count, 3);
    CHECK_EQUAL((UINT64_C(0x7f0000003000) >> PAGE_SHIFT) * sizeof(struct page_entry),
                254 * GIB + 24);
}

TEST(mapping_plan, of_a_misaligned_range_takes_small_pages_at_its_ends)
{
    struct mapping_plan mixed =
        mapping_plan(page_range_of(virt_addr_of(0x1ff000), 1 + 512 * 3 + 2), phys_addr_of(0x1ff000),
                     RANGE_PAGES_LARGEST, 4, true);

    CHECK_EQUAL(mixed.leaf_count, 1 + 3 + 2);
    CHECK_EQUAL(mixed.tables[1], 2);
    CHECK_EQUAL(mixed.tables[2], 1);
    mixed = mapping_plan(page_range_of(virt_addr_of(0x1ff000), 1 + 512 * 3 + 2),
                         phys_addr_of(0x1fe000), RANGE_PAGES_LARGEST, 4, true);
    CHECK_EQUAL(mixed.leaf_count, 1 + 512 * 3 + 2);
    CHECK_EQUAL(mixed.tables[1], 5);
}

TEST(mapping_plan, refuses_what_map_range_refuses)
{
    struct page_range hole = page_range_of(virt_addr_of(UINT64_C(0x7ffffffff000)), 2);
    struct page_range odd = page_range_of(virt_addr_of(0x1000), 512);

    CHECK_EQUAL(mapping_plan(hole, phys_addr_of(0), RANGE_PAGES_4K, 4, true).result,
                MAP_NOT_CANONICAL);
    CHECK_EQUAL(mapping_plan(hole, phys_addr_of(0), RANGE_PAGES_4K, 5, true).result, MAP_OK);
    CHECK_EQUAL(mapping_plan(odd, phys_addr_of(0), RANGE_PAGES_2M, 4, true).result, MAP_MISALIGNED);
    CHECK_EQUAL(plan(GIB, (enum range_pages)4).result, MAP_BAD_SIZE);
    CHECK_EQUAL(mapping_plan(page_range_of(virt_addr_of(0), GIB >> 12), phys_addr_of(0),
                             RANGE_PAGES_1G, 4, false)
                    .result,
                MAP_FEATURE_ABSENT);
    CHECK_EQUAL(plan(0, RANGE_PAGES_4K).table_count, 1);
}
