/* Huge pages taken apart and put together. */
#include "tests/kernel/support.h"

#define PAGE_START UINT64_C(0x40000000)
#define FRAME UINT64_C(0x80000000)

static enum map_result map_huge(struct page_table *table, struct test_frames *frames,
                                enum page_size size, uint64_t flags)
{
    return tlb_flush_now(page_table_map_to(table, virt_addr_of(PAGE_START), phys_addr_of(FRAME),
                                           size, page_flags_of(flags), &frames->source));
}

static void check_split_and_merge(struct test *test, enum page_size size)
{
    static const uint64_t flag_sets[] = {
        PAGE_PRESENT,
        PAGE_PRESENT | PAGE_WRITABLE | PAGE_DIRTY,
        PAGE_PRESENT | PAGE_USER | PAGE_PAT_HUGE | PAGE_GLOBAL | PAGE_ACCESSED,
        PAGE_PRESENT | PAGE_CACHE_DISABLE | PAGE_WRITE_THROUGH | PAGE_SOFTWARE_HIGH,
    };
    struct kernel *kernel = test->subject;
    uint64_t step = page_size_bytes(size) / TABLE_ENTRY_COUNT;

    for (size_t i = 0; i < sizeof flag_sets / sizeof flag_sets[0]; i++) {
        struct test_frames frames;
        test_frames_init(&frames, test, TEST_FRAMES_MAX);
        struct page_table table = test_table(&frames, test_levels_first(kernel));
        virt_addr page = virt_addr_of(PAGE_START);

        REQUIRE_EQUAL(map_huge(&table, &frames, size, flag_sets[i]), MAP_OK);
        uint64_t checksum = tree_checksum(&table);
        uint64_t effective = page_table_translate(&table, page).effective.bits;
        unsigned in_use = frames.in_use;
        REQUIRE_EQUAL(tlb_flush_now(page_table_split(&table, page, size, &frames.source)),
                      SPLIT_OK);
        CHECK_EQUAL(frames.in_use, in_use + 1);
        for (uint64_t part = 0; part < TABLE_ENTRY_COUNT; part++) {
            struct translation found =
                page_table_translate(&table, virt_addr_add(page, part * step + 0x123));
            REQUIRE_TRANSLATES(&table, virt_addr_add(page, part * step + 0x123),
                               phys_addr_of(FRAME + part * step + 0x123));
            REQUIRE_EQUAL(found.level, size - 1);
            REQUIRE_EQUAL(found.effective.bits, effective);
            REQUIRE_EQUAL((found.flags.bits & page_leaf_pat(found.level)) != 0,
                          (flag_sets[i] & PAGE_PAT_HUGE) != 0);
        }
        REQUIRE_EQUAL(tlb_flush_now(page_table_merge(&table, page, size, &frames.source)),
                      MERGE_OK);
        CHECK_EQUAL(frames.in_use, in_use);
        CHECK_EQUAL(tree_checksum(&table), checksum);
    }
}

TEST(split, and_merge_keep_every_translation_of_a_2m_page)
{
    check_split_and_merge(test, PAGE_2M);
}

TEST(split, and_merge_keep_every_translation_of_a_1g_page, .requires = REQUIRES_PAGES_1G)
{
    check_split_and_merge(test, PAGE_1G);
}

TEST(split, changes_nothing_without_a_frame)
{
    struct kernel *kernel = test->subject;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct page_table table = test_table(&frames, test_levels_first(kernel));

    REQUIRE_EQUAL(map_huge(&table, &frames, PAGE_2M, PAGE_PRESENT), MAP_OK);
    uint64_t checksum = tree_checksum(&table);
    CHECK_EQUAL(tlb_flush_now(page_table_split(&table, virt_addr_of(PAGE_START), PAGE_2M,
                                               frame_source_empty())),
                SPLIT_NO_FRAME);
    CHECK_EQUAL(tree_checksum(&table), checksum);
}

TEST(merge, refuses_pages_that_are_not_alike)
{
    struct kernel *kernel = test->subject;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct page_table table = test_table(&frames, test_levels_first(kernel));
    virt_addr page = virt_addr_of(PAGE_START);
    virt_addr part = virt_addr_add(page, 7 * 0x1000);

    REQUIRE_EQUAL(map_huge(&table, &frames, PAGE_2M, PAGE_PRESENT), MAP_OK);
    REQUIRE_EQUAL(tlb_flush_now(page_table_split(&table, page, PAGE_2M, &frames.source)), SPLIT_OK);
    REQUIRE_EQUAL(tlb_flush_now(page_table_update_flags(&table, part, PAGE_4K,
                                                        page_flags_of(PAGE_PRESENT | PAGE_GLOBAL),
                                                        ACCESSED_DIRTY_KEEP)),
                  UPDATE_OK);
    CHECK_EQUAL(tlb_flush_now(page_table_merge(&table, page, PAGE_2M, &frames.source)),
                MERGE_FLAGS_DIFFER);
    REQUIRE_EQUAL(tlb_flush_now(page_table_unmap(&table, part, PAGE_4K)), PAGE_OK);
    CHECK_EQUAL(tlb_flush_now(page_table_merge(&table, page, PAGE_2M, &frames.source)),
                MERGE_NOT_MAPPED);
    REQUIRE_EQUAL(tlb_flush_now(page_table_map_to(&table, part, phys_addr_of(FRAME), PAGE_4K,
                                                  page_flags_of(PAGE_PRESENT), &frames.source)),
                  MAP_OK);
    CHECK_EQUAL(tlb_flush_now(page_table_merge(&table, page, PAGE_2M, &frames.source)),
                MERGE_NOT_CONTIGUOUS);
}
