/* Addresses to physical addresses: on the active tables, and on trees made for the purpose. */
#include "kernel/cpu/registers.h"
#include "kernel/layout/image.h"
#include "kernel/layout/layout.h"
#include "tests/kernel/support.h"

#define ANY_PAGE UINT64_C(0x0000123456600000)
#define ANY_FRAME UINT64_C(0x40000000)
#define CPU_PAGE UINT64_C(0xffffe00000000000)

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
    CHECK_EQUAL(found.level, PAGE_4K);
}

/* Offset number `i` into a page: the ends and a middle, then each bit alone, and each bit missing.
 * Returns false after the last. */
static bool page_offset(enum page_size size, unsigned i, uint64_t *offset)
{
    uint64_t bytes = page_size_bytes(size);
    unsigned bits = level_shift((unsigned)size);
    const uint64_t places[] = {0, 0x678, bytes / 2 + 5, bytes - 1};
    enum { PLACES = sizeof places / sizeof places[0] };

    *offset = i < PLACES          ? places[i]
              : i < PLACES + bits ? UINT64_C(1) << (i - PLACES)
                                  : (bytes - 1) ^ UINT64_C(1) << (i - PLACES - bits) % bits;
    return i < PLACES + 2 * bits;
}

/* Maps one page of `size` and looks at bytes all over it, and at both sides. */
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
        uint64_t offset;

        REQUIRE_EQUAL(tlb_flush_ignore(page_table_map_to(&table, page, frame, size,
                                                         data_flags(kernel), &frames.source)),
                      MAP_OK);
        for (unsigned i = 0; page_offset(size, i, &offset); i++) {
            struct translation found = page_table_translate(&table, virt_addr_add(page, offset));
            REQUIRE_TRANSLATES(&table, virt_addr_add(page, offset), phys_addr_add(frame, offset));
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

/* Maps a huge page of the kernel's own space, read-only, to the memory that the kernel's image is in,
 * and reads all over it. */
static void check_on_the_cpu(struct test *test, enum page_size size)
{
    struct kernel *kernel = test->subject;
    struct page_table *table = &kernel->page_table;
    uint64_t bytes = page_size_bytes(size);
    virt_addr page = virt_addr_of(CPU_PAGE);
    phys_addr frame = phys_addr_of(align_down((uint64_t)image_load_start, bytes));
    page_flags read_only = page_flags_of(data_flags(kernel).bits & ~PAGE_WRITABLE);
    uint64_t offset;

    REQUIRE_EQUAL(
        tlb_flush_now(page_table_map_to(table, page, frame, size, read_only, kernel->table_frames)),
        MAP_OK);
    for (unsigned i = 0; page_offset(size, i, &offset); i++) {
        virt_addr address = virt_addr_add(page, offset);
        CHECK_TRANSLATES(table, address, phys_addr_add(frame, offset));
        if (memory_type_is_ram(memory_type_at(kernel, phys_addr_add(frame, offset)))) {
            CHECK_EQUAL(*(volatile uint8_t *)mm_port_pointer(address),
                        *physical_byte(kernel, phys_addr_add(frame, offset)));
        }
    }
    /* The first bytes of code, at one more place. */
    offset = image_physical(image_text_start).value - frame.value;
    CHECK_EQUAL(*(volatile uint64_t *)mm_port_pointer(virt_addr_add(page, offset)),
                *(const volatile uint64_t *)image_text_start);
    CHECK_EQUAL(tlb_flush_now(page_table_unmap(table, page, size)), PAGE_OK);
    CHECK_EQUAL(tlb_flush_now(page_table_clean_up(table, page_range_of(page, bytes >> PAGE_SHIFT),
                                                  kernel->table_frames)),
                RANGE_OK);
}

TEST(translate, and_the_cpu_agree_all_over_a_2m_page_of_the_kernels_own)
{
    check_on_the_cpu(test, PAGE_2M);
}

TEST(translate, and_the_cpu_agree_all_over_a_1g_page_of_the_kernels_own,
     .requires = REQUIRES_PAGES_1G)
{
    check_on_the_cpu(test, PAGE_1G);
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

        REQUIRE_EQUAL(
            tlb_flush_ignore(page_table_map_to(&table, page, phys_addr_of(ANY_FRAME), PAGE_4K,
                                               data_flags(kernel), &frames.source)),
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

    REQUIRE_EQUAL(tlb_flush_ignore(page_table_map_to(&table, page, phys_addr_of(ANY_FRAME), PAGE_4K,
                                                     flags, &frames.source)),
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
