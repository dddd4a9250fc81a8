/* New mappings: how many tables they take, what they refuse, and what a failure leaves behind. */
#include "tests/kernel/support.h"

#define FIRST_PAGE UINT64_C(0x803fe00000) /* indices 1, 0, 511, 0 */
#define SAME_TABLE_PAGE UINT64_C(0x803fe02000)
#define NEXT_TABLE_PAGE UINT64_C(0x803fdfd000)
#define FAR_PAGE UINT64_C(0xdeadbeaf000)
#define ANY_FRAME UINT64_C(0xb8000)

static enum map_result map(const struct page_table *table, uint64_t page, uint64_t frame,
                           enum page_size size, page_flags flags, struct frame_source *frames)
{
    return tlb_flush_ignore(page_table_map_to(table, virt_addr_of(page), phys_addr_of(frame), size,
                                              flags, frames));
}

/* How many frames it takes to map a 4 KiB page; REQUIREs that it works. */
static unsigned frames_for(struct test *test, const struct page_table *table, uint64_t page,
                           struct test_frames *frames)
{
    struct kernel *kernel = test->subject;
    unsigned before = frames->taken_in_all;

    REQUIRE_EQUAL(map(table, page, ANY_FRAME, PAGE_4K, data_flags(kernel), &frames->source), MAP_OK);
    return frames->taken_in_all - before;
}

TEST(map_to, takes_0_1_or_3_frames_as_tables_are_missing)
{
    struct kernel *kernel = test->subject;

    for (unsigned levels = test_levels_first(kernel); levels <= test_levels_last(kernel);
         levels++) {
        struct test_frames frames;
        test_frames_init(&frames, test, TEST_FRAMES_MAX);
        struct page_table table = test_table(&frames, levels);

        CHECK_EQUAL(frames_for(test, &table, FIRST_PAGE, &frames), levels - 1);
        CHECK_EQUAL(frames_for(test, &table, SAME_TABLE_PAGE, &frames), 0);
        CHECK_EQUAL(frames_for(test, &table, NEXT_TABLE_PAGE, &frames), 1);
        CHECK_EQUAL(frames_for(test, &table, FAR_PAGE, &frames), 3);
    }
}

TEST(map_to, makes_new_tables_empty_but_for_the_way_to_the_page)
{
    struct kernel *kernel = test->subject;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct page_table table = test_table(&frames, test_levels_first(kernel));
    virt_addr page = virt_addr_of(FAR_PAGE);

    (void)frames_for(test, &table, FAR_PAGE, &frames);
    for (unsigned level = 1; level <= 3; level++) {
        unsigned used_index = virt_addr_index(page, level);
        struct page_entry *entries = entry_of(&table, page, level) - used_index;
        for (unsigned index = 0; index < TABLE_ENTRY_COUNT; index++) {
            CHECK(index == used_index || entries[index].bits == 0);
        }
    }
    CHECK_TRANSLATES(&table, page, phys_addr_of(ANY_FRAME));
}

/* Tries every number of frames from none to one less than needed. */
static void check_exhaustion(struct test *test, enum page_size size)
{
    struct kernel *kernel = test->subject;

    for (unsigned levels = test_levels_first(kernel); levels <= test_levels_last(kernel);
         levels++) {
        struct test_frames frames;
        test_frames_init(&frames, test, TEST_FRAMES_MAX);
        struct page_table table = test_table(&frames, levels);
        unsigned needed = levels - (unsigned)size;
        uint64_t page = align_down(FAR_PAGE, page_size_bytes(size));

        (void)frames_for(test, &table, FIRST_PAGE & ~level_bytes(4), &frames);
        /* A far page shares the root's first entry with five levels. */
        needed -= levels == 5 ? 1 : 0;
        uint64_t checksum = tree_checksum(&table);
        unsigned in_use = frames.in_use;
        for (unsigned limit = 0; limit < needed; limit++) {
            frames.limit = in_use + limit;
            CHECK_EQUAL(map(&table, page, 0, size, data_flags(kernel), &frames.source),
                        MAP_NO_FRAME);
            CHECK_EQUAL(frames.in_use, in_use);
            CHECK_EQUAL(tree_checksum(&table), checksum);
        }
        frames.limit = in_use + needed;
        CHECK_EQUAL(map(&table, page, 0, size, data_flags(kernel), &frames.source), MAP_OK);
        CHECK_EQUAL(frames.in_use, in_use + needed);
        CHECK(tree_checksum(&table) != checksum);
    }
}

TEST(map_to, changes_nothing_when_frames_run_out_for_a_4k_page)
{
    check_exhaustion(test, PAGE_4K);
}

TEST(map_to, changes_nothing_when_frames_run_out_for_a_2m_page)
{
    check_exhaustion(test, PAGE_2M);
}

TEST(map_to, changes_nothing_when_frames_run_out_for_a_1g_page, .requires = REQUIRES_PAGES_1G)
{
    check_exhaustion(test, PAGE_1G);
}

TEST(map_to, refuses_a_page_that_is_mapped)
{
    struct kernel *kernel = test->subject;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct page_table table = test_table(&frames, test_levels_first(kernel));

    (void)frames_for(test, &table, FAR_PAGE, &frames);
    uint64_t checksum = tree_checksum(&table);
    CHECK_EQUAL(map(&table, FAR_PAGE, 0x1000, PAGE_4K, data_flags(kernel), &frames.source),
                MAP_ALREADY_MAPPED);
    CHECK_EQUAL(tree_checksum(&table), checksum);
}

TEST(map_to, refuses_a_page_inside_a_huge_page)
{
    struct kernel *kernel = test->subject;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct page_table table = test_table(&frames, test_levels_first(kernel));

    REQUIRE_EQUAL(map(&table, 0x40000000, 0, PAGE_2M, data_flags(kernel), &frames.source), MAP_OK);
    uint64_t checksum = tree_checksum(&table);
    CHECK_EQUAL(map(&table, 0x40001000, 0x1000, PAGE_4K, data_flags(kernel), &frames.source),
                MAP_INSIDE_HUGE_PAGE);
    CHECK_EQUAL(tree_checksum(&table), checksum);
}

TEST(map_to, refuses_a_huge_page_over_smaller_ones)
{
    struct kernel *kernel = test->subject;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct page_table table = test_table(&frames, test_levels_first(kernel));

    REQUIRE_EQUAL(map(&table, 0x40001000, 0, PAGE_4K, data_flags(kernel), &frames.source), MAP_OK);
    uint64_t checksum = tree_checksum(&table);
    CHECK_EQUAL(map(&table, 0x40000000, 0, PAGE_2M, data_flags(kernel), &frames.source),
                MAP_OVER_TABLE);
    CHECK_EQUAL(tree_checksum(&table), checksum);
}

TEST(map_to, refuses_each_kind_of_bad_argument)
{
    struct kernel *kernel = test->subject;
    page_flags data = data_flags(kernel);
    uint64_t beyond = UINT64_C(1) << kernel->cpu.physical_bits;
    const struct {
        uint64_t page;
        uint64_t frame;
        enum page_size size;
        uint64_t flags;
        enum map_result result;
    } cases[] = {
        {0x1001, 0, PAGE_4K, data.bits, MAP_MISALIGNED},
        {0x1000, 0x10, PAGE_4K, data.bits, MAP_MISALIGNED},
        {0x1000, 0, PAGE_2M, data.bits, MAP_MISALIGNED},
        {0x200000, 0x1000, PAGE_2M, data.bits, MAP_MISALIGNED},
        {0x40200000, 0, PAGE_1G, data.bits, MAP_MISALIGNED},
        {UINT64_C(0x0100000000000000), 0, PAGE_4K, data.bits, MAP_NOT_CANONICAL},
        {0x1000, beyond, PAGE_4K, data.bits, MAP_BAD_ADDRESS},
        {0x1000, 0, PAGE_4K, 0, MAP_BAD_FLAGS},
        {0x1000, 0, PAGE_4K, PAGE_WRITABLE, MAP_BAD_FLAGS},
        {0x1000, 0, PAGE_4K, PAGE_PRESENT | 0x1000, MAP_BAD_FLAGS},
        {0x200000, 0, PAGE_2M, PAGE_PRESENT | 0x2000, MAP_BAD_FLAGS},
        {0x200000, 0, PAGE_2M, PAGE_PRESENT | 0x200000, MAP_BAD_FLAGS},
    };
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct page_table table = test_table(&frames, test_levels_first(kernel));
    uint64_t checksum = tree_checksum(&table);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_EQUAL(map(&table, cases[i].page, cases[i].frame, cases[i].size,
                        page_flags_of(cases[i].flags), &frames.source),
                    cases[i].result);
    }
    table.features.no_execute = false;
    CHECK_EQUAL(map(&table, 0x1000, 0, PAGE_4K, page_flags_of(PAGE_PRESENT | PAGE_NO_EXECUTE),
                    &frames.source),
                MAP_FEATURE_ABSENT);
    table.features.pages_1g = false;
    CHECK_EQUAL(map(&table, 0, 0, PAGE_1G, page_flags_of(PAGE_PRESENT), &frames.source),
                MAP_FEATURE_ABSENT);
    CHECK_EQUAL(tree_checksum(&table), checksum);
    CHECK_EQUAL(frames.in_use, 1);
}

TEST(map_to, refuses_frames_for_tables_that_it_cannot_reach)
{
    struct kernel *kernel = test->subject;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct page_table table = test_table(&frames, test_levels_first(kernel));

    table.access = table_access_linear(kernel->boot_info->physical_memory_offset, phys_addr_of(0),
                                       phys_addr_of(0x1000));
    CHECK_EQUAL(map(&table, FAR_PAGE, 0, PAGE_4K, data_flags(kernel), &frames.source),
                MAP_FRAME_UNREACHABLE);
    CHECK_EQUAL(frames.in_use, 1);
}

TEST(map_to, lets_users_through_the_tables_above_a_user_page)
{
    struct kernel *kernel = test->subject;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct page_table table = test_table(&frames, test_levels_first(kernel));
    struct map_outcome widening;

    (void)frames_for(test, &table, FIRST_PAGE, &frames);
    CHECK_EQUAL(page_table_translate(&table, virt_addr_of(FIRST_PAGE)).effective.bits & PAGE_USER,
                0);
    widening = page_table_map_to(&table, virt_addr_of(SAME_TABLE_PAGE), phys_addr_of(ANY_FRAME),
                                 PAGE_4K, page_flags_of(PAGE_PRESENT | PAGE_USER), &frames.source);
    CHECK(widening.flush.page_count != 0);
    REQUIRE_EQUAL(tlb_flush_ignore(widening), MAP_OK);
    CHECK_EQUAL(
        page_table_translate(&table, virt_addr_of(SAME_TABLE_PAGE)).effective.bits, PAGE_USER);
    CHECK_EQUAL(page_table_translate(&table, virt_addr_of(FIRST_PAGE)).flags.bits & PAGE_USER, 0);
}

TEST(map_to, shows_one_frame_at_two_pages, .tags = "fresh")
{
    struct kernel *kernel = test->subject;
    virt_addr second_page = virt_addr_of(FAR_PAGE + 0x1000);
    phys_addr frame = map_kernel_page(test, virt_addr_of(FAR_PAGE), data_flags(kernel));

    REQUIRE_EQUAL(tlb_flush_now(page_table_map_to(&kernel->page_table, second_page, frame, PAGE_4K,
                                                  data_flags(kernel), frame_source_empty())),
                  MAP_OK);
    volatile uint64_t *first = mm_port_pointer(virt_addr_of(FAR_PAGE));
    volatile uint64_t *second = mm_port_pointer(second_page);
    first[7] = UINT64_C(0x1122334455667788);
    CHECK_EQUAL(second[7], UINT64_C(0x1122334455667788));
    second[7] = 1;
    CHECK_EQUAL(first[7], 1);
    CHECK_EQUAL(*(volatile uint64_t *)physical_byte(kernel, phys_addr_add(frame, 56)), 1);
    CHECK_EQUAL(tlb_flush_now(page_table_unmap(&kernel->page_table, second_page, PAGE_4K)),
                PAGE_OK);
}

TEST(map_to, shows_the_tutorials_text_through_page_0, .requires = REQUIRES_VGA_TEXT)
{
    struct kernel *kernel = test->subject;
    virt_addr page_0 = virt_addr_of(0);
    volatile uint64_t *words = mm_port_pointer(page_0);
    volatile uint64_t *screen = mm_port_pointer(virt_addr_of(VGA_TEXT_FRAME));

    REQUIRE_EQUAL(tlb_flush_now(page_table_map_to(&kernel->page_table, page_0,
                                                  phys_addr_of(VGA_TEXT_FRAME), PAGE_4K,
                                                  data_flags(kernel), frame_source_empty())),
                  MAP_OK);
    words[400] = UINT64_C(0xf021f077f065f04e);
    CHECK_EQUAL(screen[400], UINT64_C(0xf021f077f065f04e));
    REQUIRE_EQUAL(tlb_flush_now(page_table_unmap(&kernel->page_table, page_0, PAGE_4K)), PAGE_OK);
}
