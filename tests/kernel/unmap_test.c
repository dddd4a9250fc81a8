/* Removing mappings. */
#include "tests/kernel/support.h"

#define PAGE UINT64_C(0xdeadbe00000)

static enum page_result unmap(const struct page_table *table, uint64_t page, enum page_size size)
{
    return tlb_flush_ignore(page_table_unmap(table, virt_addr_of(page), size));
}

TEST(unmap, gives_back_the_frame_and_leaves_the_page_absent)
{
    struct kernel *kernel = test->subject;

    for (enum page_size size = PAGE_4K; size <= PAGE_2M; size++) {
        struct test_frames frames;
        test_frames_init(&frames, test, TEST_FRAMES_MAX);
        struct page_table table = test_table(&frames, test_levels_first(kernel));
        phys_addr frame = phys_addr_of(0x600000);

        REQUIRE_EQUAL(tlb_flush_ignore(page_table_map_to(&table, virt_addr_of(PAGE), frame, size,
                                                         data_flags(kernel), &frames.source)),
                      MAP_OK);
        struct unmap_outcome outcome = page_table_unmap(&table, virt_addr_of(PAGE), size);
        CHECK_ADDRESS_EQUAL(outcome.frame, frame);
        CHECK_ADDRESS_EQUAL(outcome.flush.start, virt_addr_of(PAGE));
        CHECK_EQUAL(outcome.flush.page_count, 1);
        CHECK_EQUAL(tlb_flush_ignore(outcome), PAGE_OK);
        CHECK_NOT_MAPPED(&table, virt_addr_of(PAGE));
        CHECK_EQUAL(unmap(&table, PAGE, size), PAGE_NOT_MAPPED);
    }
}

TEST(unmap, refuses_what_is_not_a_mapped_page_of_that_size)
{
    struct kernel *kernel = test->subject;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct page_table table = test_table(&frames, test_levels_first(kernel));

    REQUIRE_EQUAL(tlb_flush_ignore(page_table_map_to(&table, virt_addr_of(PAGE), phys_addr_of(0),
                                                     PAGE_2M, data_flags(kernel), &frames.source)),
                  MAP_OK);
    uint64_t checksum = tree_checksum(&table);
    CHECK_EQUAL(unmap(&table, PAGE + 0x1000, PAGE_4K), PAGE_INSIDE_HUGE_PAGE);
    CHECK_EQUAL(unmap(&table, align_down(PAGE, page_size_bytes(PAGE_1G)), PAGE_1G), PAGE_OVER_TABLE);
    CHECK_EQUAL(unmap(&table, PAGE + 8, PAGE_4K), PAGE_MISALIGNED);
    CHECK_EQUAL(unmap(&table, UINT64_C(0x0100000000000000), PAGE_4K), PAGE_NOT_CANONICAL);
    CHECK_EQUAL(tree_checksum(&table), checksum);
}
