/* Addresses to physical addresses: on the active tables, and on trees made for the purpose. */
#include "kernel/boot/image.h"
#include "kernel/cpu/registers.h"
#include "kernel/paging/layout.h"
#include "tests/kernel/support.h"

#define ANY_PAGE UINT64_C(0x0000123456600000)
#define ANY_FRAME UINT64_C(0x40000000)

TEST(translate, finds_the_vga_text_screen_at_its_own_address)
{
    struct kernel *kernel = test->subject;
    struct translation found =
        page_table_translate(&kernel->page_table, virt_addr_of(VGA_TEXT_FRAME + 0x123));

    REQUIRE_EQUAL(found.result, TRANSLATE_OK);
    CHECK_ADDRESS_EQUAL(found.address, phys_addr_of(VGA_TEXT_FRAME + 0x123));
    CHECK_EQUAL(found.level, PAGE_4K);
}

TEST(translate, finds_code_where_it_was_loaded)
{
    struct kernel *kernel = test->subject;
    virt_addr code = virt_addr_of((uint64_t)page_table_translate);
    struct translation found = page_table_translate(&kernel->page_table, code);

    REQUIRE_EQUAL(found.result, TRANSLATE_OK);
    CHECK_ADDRESS_EQUAL(found.address, image_physical((void *)code.value));
    CHECK_EQUAL(found.effective.bits & (PAGE_WRITABLE | PAGE_USER | PAGE_NO_EXECUTE), 0);
}

TEST(translate, finds_the_stack_in_the_frames_of_the_image)
{
    struct kernel *kernel = test->subject;
    uint64_t on_stack = 0;
    struct translation found =
        page_table_translate(&kernel->page_table, virt_addr_of((uint64_t)&on_stack));

    REQUIRE_EQUAL(found.result, TRANSLATE_OK);
    CHECK_AT_LEAST(found.address.value, image_physical(image_stacks_start).value);
    CHECK_LESS(found.address.value, image_physical(image_stacks_end).value);
    CHECK_EQUAL(found.address.value & 0xfff, (uint64_t)&on_stack & 0xfff);
}

TEST(translate, finds_physical_address_0_at_the_physical_memory_offset)
{
    struct kernel *kernel = test->subject;
    struct translation found = page_table_translate(
        &kernel->page_table, virt_addr_of(kernel->boot_info->physical_memory_offset));

    REQUIRE_EQUAL(found.result, TRANSLATE_OK);
    CHECK_EQUAL(found.address.value, 0);
    CHECK_EQUAL(found.level, kernel->cpu.pages_1g ? PAGE_1G : PAGE_2M);
    CHECK((found.flags.bits & PAGE_HUGE) != 0);
}

/* Maps one page of `size` and looks at its first, a middle and its last byte, and at both sides. */
static void check_page(struct test *test, enum page_size size)
{
    struct kernel *kernel = test->subject;
    uint64_t bytes = page_size_bytes(size);

    for (unsigned levels = test_levels_first(kernel); levels <= test_levels_last(kernel);
         levels++) {
        struct test_frames frames;
        test_frames_init(&frames, test, TEST_FRAMES_MAX);
        struct page_table table = test_table(&frames, levels);
        virt_addr page = virt_addr_of(align_down(ANY_PAGE, bytes));
        phys_addr frame = phys_addr_of(ANY_FRAME);
        const uint64_t offsets[] = {0, 1, 0x678, bytes / 2 + 5, bytes - 1};

        REQUIRE_EQUAL(tlb_flush_ignore(page_table_map_to(&table, page, frame, size,
                                                         data_flags(kernel), &frames.source)),
                      MAP_OK);
        for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
            struct translation found =
                page_table_translate(&table, virt_addr_add(page, offsets[i]));
            REQUIRE_TRANSLATES(&table, virt_addr_add(page, offsets[i]),
                               phys_addr_add(frame, offsets[i]));
            CHECK_EQUAL(found.level, size);
            CHECK_FLAGS_EQUAL(found.flags, page_flags_of(data_flags(kernel).bits |
                                                         (size == PAGE_4K ? 0 : PAGE_HUGE)));
        }
        CHECK_NOT_MAPPED(&table, virt_addr_of(page.value - 1));
        CHECK_NOT_MAPPED(&table, virt_addr_add(page, bytes));
    }
}

TEST(translate, reaches_every_offset_of_a_4k_page)
{
    check_page(test, PAGE_4K);
}

TEST(translate, reaches_every_offset_of_a_2m_page)
{
    check_page(test, PAGE_2M);
}

TEST(translate, reaches_every_offset_of_a_1g_page, .requires = REQUIRES_PAGES_1G)
{
    check_page(test, PAGE_1G);
}

TEST(translate, tells_at_which_level_an_address_is_absent)
{
    struct kernel *kernel = test->subject;

    for (unsigned levels = test_levels_first(kernel); levels <= test_levels_last(kernel);
         levels++) {
        struct test_frames frames;
        test_frames_init(&frames, test, TEST_FRAMES_MAX);
        struct page_table table = test_table(&frames, levels);
        virt_addr page = virt_addr_of(ANY_PAGE);

        REQUIRE_EQUAL(tlb_flush_ignore(page_table_map_to(&table, page, phys_addr_of(ANY_FRAME),
                                                         PAGE_4K, data_flags(kernel),
                                                         &frames.source)),
                      MAP_OK);
        for (unsigned level = 1; level <= levels; level++) {
            /* The neighbour in the table of this level shares all tables above. */
            virt_addr absent = virt_addr_of(page.value ^ level_bytes(level));
            struct translation found = page_table_translate(&table, absent);
            CHECK_EQUAL(found.result, TRANSLATE_NOT_MAPPED);
            CHECK_EQUAL(found.level, level);
        }
    }
}

TEST(translate, refuses_addresses_that_are_not_canonical)
{
    struct kernel *kernel = test->subject;
    struct page_table table = kernel->page_table;

    table.levels = 4;
    CHECK_EQUAL(page_table_translate(&table, virt_addr_of(UINT64_C(0x0000800000000000))).result,
                TRANSLATE_NOT_CANONICAL);
    CHECK_EQUAL(page_table_translate(&table, virt_addr_of(UINT64_C(0xffff7fffffffffff))).result,
                TRANSLATE_NOT_CANONICAL);
    table.levels = 5;
    CHECK_EQUAL(page_table_translate(&table, virt_addr_of(UINT64_C(0x0100000000000000))).result,
                TRANSLATE_NOT_CANONICAL);
}

TEST(translate, gives_the_permissions_that_all_levels_allow)
{
    struct kernel *kernel = test->subject;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct page_table table = test_table(&frames, test_levels_first(kernel));
    virt_addr page = virt_addr_of(ANY_PAGE);
    page_flags flags = page_flags_of(PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER);

    REQUIRE_EQUAL(tlb_flush_ignore(page_table_map_to(&table, page, phys_addr_of(ANY_FRAME),
                                                     PAGE_4K, flags, &frames.source)),
                  MAP_OK);
    CHECK_FLAGS_EQUAL(page_table_translate(&table, page).effective,
                      page_flags_of(PAGE_WRITABLE | PAGE_USER));
    for (unsigned level = 2; level <= table.levels; level++) {
        struct page_entry *entry = entry_of(&table, page, level);
        struct page_entry before = *entry;

        entry->bits &= ~PAGE_WRITABLE;
        CHECK_FLAGS_EQUAL(page_table_translate(&table, page).effective, page_flags_of(PAGE_USER));
        entry->bits = before.bits & ~PAGE_USER;
        CHECK_FLAGS_EQUAL(page_table_translate(&table, page).effective,
                          page_flags_of(PAGE_WRITABLE));
        entry->bits = before.bits | PAGE_NO_EXECUTE;
        CHECK_FLAGS_EQUAL(page_table_translate(&table, page).effective,
                          page_flags_of(PAGE_WRITABLE | PAGE_USER | PAGE_NO_EXECUTE));
        *entry = before;
    }
}
