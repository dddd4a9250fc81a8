/* What a test leaves behind fails it, and what takes too long is noticed. */
#include "kernel/cpu/registers.h"
#include "kernel/drivers/watchdog.h"
#include "tests/kernel/inner_run.h"
#include "tests/kernel/support.h"

#define FREE_PAGE UINT64_C(0xffffe00000000000)

static phys_addr left_frame;

static void leaves_nothing(struct test *test)
{
    struct kernel *kernel = test->subject;
    struct test_frames frames;

    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    (void)test_table(&frames, test_levels_first(kernel));
    (void)map_kernel_page(test, virt_addr_of(FREE_PAGE), data_flags(kernel));
}

static void leaves_nothing_at_all(struct test *test)
{
    (void)test;
}

static void leaks_a_frame(struct test *test)
{
    struct kernel *kernel = test->subject;

    REQUIRE(frame_source_allocate(&kernel->frames.source, 0, &left_frame));
}

static void frees_too_much(struct test *test)
{
    struct kernel *kernel = test->subject;

    REQUIRE_EQUAL(frame_source_free(&kernel->frames.source, 0, left_frame), FRAME_FREE_OK);
}

static void loses_a_frame_of_its_own(struct test *test)
{
    struct test_frames frames;
    phys_addr frame;

    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    REQUIRE(frame_source_allocate(&frames.source, 0, &frame));
}

TEST(leftovers, are_none_when_all_is_undone)
{
    run_inner_function(test, leaves_nothing);
    CHECK_TEXT_HAS(inner.text, "1..1\nok 1 inner.it\n");
}

TEST(leftovers, of_frames_are_counted)
{
    struct kernel *kernel = test->subject;

    run_inner_function(test, leaks_a_frame);
    CHECK_TEXT_HAS(inner.text, "# left behind: frames in use: 1 more than before\nnot ok 1");
    run_inner_function(test, frees_too_much);
    CHECK_TEXT_HAS(inner.text, "# left behind: frames in use: 1 fewer than before\nnot ok 1");
    run_inner_function(test, loses_a_frame_of_its_own);
    CHECK_TEXT_HAS(inner.text, "lost_count == 0 does not hold: 1 != 0\nnot ok 1");
    /* Whatever was lost on the way, the kernel has it back. */
    CHECK_NOT_MAPPED(&kernel->page_table, virt_addr_of(FREE_PAGE));
}

static void leaves_a_flush_owed(struct test *test)
{
    (void)test;
    mm_port_flush_owed(1);
}

TEST(leftovers, of_flushes_are_counted)
{
    run_inner_function(test, leaves_a_flush_owed);
    CHECK_TEXT_HAS(inner.text, "# left behind: the number of flushes owed was 0x0 and is 0x1\nnot ok");
    run_inner_function(test, leaves_nothing_at_all);
    CHECK_TEXT_HAS(inner.text, "1..1\nok 1 inner.it\n");
}

static void maps_page_0(struct test *test)
{
    struct kernel *kernel = test->subject;

    REQUIRE_EQUAL(tlb_flush_now(page_table_map_to(&kernel->page_table, virt_addr_of(0),
                                                  phys_addr_of(0xb8000), PAGE_4K,
                                                  page_flags_of(PAGE_PRESENT),
                                                  frame_source_empty())),
                  MAP_OK);
}

static void unmaps_page_0(struct test *test)
{
    struct kernel *kernel = test->subject;

    REQUIRE_EQUAL(tlb_flush_now(page_table_unmap(&kernel->page_table, virt_addr_of(0), PAGE_4K)),
                  PAGE_OK);
}

static void maps_page_0_writable(struct test *test)
{
    struct kernel *kernel = test->subject;

    REQUIRE_EQUAL(tlb_flush_now(page_table_update_flags(&kernel->page_table, virt_addr_of(0),
                                                        PAGE_4K,
                                                        page_flags_of(PAGE_PRESENT | PAGE_WRITABLE),
                                                        ACCESSED_DIRTY_KEEP)),
                  UPDATE_OK);
}

static void marks_a_page_dirty(struct test *test)
{
    (void)test;
    *(volatile uint64_t *)mm_port_pointer(virt_addr_of(FREE_PAGE)) = 0;
}

TEST(leftovers, in_the_kernels_tables_are_named_by_the_entry)
{
    run_inner_function(test, maps_page_0);
    CHECK_TEXT_HAS(inner.text, "# left behind: the kernel's level-1 entry for 0x0 was 0x0 and is "
                               "0xb8001\nnot ok 1");
    run_inner_function(test, maps_page_0_writable);
    CHECK_TEXT_HAS(inner.text, "for 0x0 was 0xb8001 and is 0xb8003\nnot ok 1");
    run_inner_function(test, unmaps_page_0);
    CHECK_TEXT_HAS(inner.text, "for 0x0 was 0xb8003 and is 0x0\nnot ok 1");
}

TEST(leftovers, are_not_the_marks_of_the_cpu)
{
    struct kernel *kernel = test->subject;

    (void)map_kernel_page(test, virt_addr_of(FREE_PAGE), data_flags(kernel));
    run_inner_function(test, marks_a_page_dirty);
    CHECK_TEXT_HAS(inner.text, "1..1\nok 1");
    CHECK((entry_of(&kernel->page_table, virt_addr_of(FREE_PAGE), 1)->bits & PAGE_DIRTY) != 0);
}

static void leaves_a_free_page(struct test *test)
{
    struct kernel *kernel = test->subject;

    REQUIRE_EQUAL(tlb_flush_now(page_table_map_to(&kernel->page_table, virt_addr_of(FREE_PAGE),
                                                  phys_addr_of(0), PAGE_4K, data_flags(kernel),
                                                  kernel->table_frames)),
                  MAP_OK);
}

static void leaves_empty_tables(struct test *test)
{
    struct kernel *kernel = test->subject;

    leaves_a_free_page(test);
    REQUIRE_EQUAL(tlb_flush_now(page_table_unmap(&kernel->page_table, virt_addr_of(FREE_PAGE),
                                                 PAGE_4K)),
                  PAGE_OK);
}

TEST(leftovers, are_also_tables_that_have_become_empty)
{
    struct kernel *kernel = test->subject;

    run_inner_function(test, leaves_empty_tables);
    CHECK_TEXT_HAS(inner.text, "# left behind: frames in use: 3 more than before\n"
                               "# left behind: the kernel's level-4 entry for 0xffffe00000000000 "
                               "was 0x0 and is 0x");
    CHECK_EQUAL(tlb_flush_now(page_table_clean_up(&kernel->page_table,
                                                  page_range_of(virt_addr_of(FREE_PAGE), 1),
                                                  kernel->table_frames)),
                RANGE_OK);
}

#define LAST_PAGE (-UINT64_C(0x1000))

static void unmaps_the_last_page(struct test *test)
{
    struct kernel *kernel = test->subject;

    REQUIRE_EQUAL(tlb_flush_now(page_table_unmap(&kernel->page_table, virt_addr_of(LAST_PAGE),
                                                 PAGE_4K)),
                  PAGE_OK);
}

TEST(leftovers, are_also_the_loss_of_the_last_entry_of_all)
{
    struct kernel *kernel = test->subject;

    (void)map_kernel_page(test, virt_addr_of(LAST_PAGE), data_flags(kernel));
    run_inner_function(test, unmaps_the_last_page);
    CHECK_TEXT_HAS(inner.text, "# left behind: the kernel's level-1 entry for 0xfffffffffffff000 ");
    CHECK_TEXT_HAS(inner.text, " and is 0x0\nnot ok 1");
}

/* Pages of the kernel's own, read-only, that nothing uses. */
enum { MANY_PAGES = 8192 };

static struct page_range many_pages(void)
{
    return page_range_of(virt_addr_of(FREE_PAGE), MANY_PAGES);
}

static virt_addr last_of_many(void)
{
    return virt_addr_of(range_last(many_pages()).value & -level_bytes(1));
}

static void remove_many_pages(struct test *test, void *unused)
{
    struct kernel *kernel = test->subject;

    (void)unused;
    CHECK_EQUAL(tlb_flush_now(page_table_unmap_range(&kernel->page_table, many_pages())), RANGE_OK);
    CHECK_EQUAL(tlb_flush_now(page_table_clean_up(&kernel->page_table, many_pages(),
                                                  kernel->table_frames)),
                RANGE_OK);
}

static void map_many_pages(struct test *test)
{
    struct kernel *kernel = test->subject;
    page_flags flags = page_flags_of(data_flags(kernel).bits & ~PAGE_WRITABLE);

    test_defer(test, remove_many_pages, NULL);
    REQUIRE_EQUAL(tlb_flush_now(page_table_map_range(&kernel->page_table, many_pages(),
                                                     phys_addr_of(0), RANGE_PAGES_4K, flags,
                                                     kernel->table_frames)),
                  MAP_OK);
}

static void unmaps_the_last_of_many(struct test *test)
{
    struct kernel *kernel = test->subject;

    REQUIRE_EQUAL(tlb_flush_now(page_table_unmap(&kernel->page_table, last_of_many(), PAGE_4K)),
                  PAGE_OK);
}

static void maps_a_page_behind_many(struct test *test)
{
    struct kernel *kernel = test->subject;

    REQUIRE_EQUAL(tlb_flush_now(page_table_map_to(&kernel->page_table, last_of_many(),
                                                  phys_addr_of(0xb8000), PAGE_4K,
                                                  page_flags_of(PAGE_PRESENT),
                                                  kernel->table_frames)),
                  MAP_OK);
}

TEST(leftovers, are_named_among_thousands_of_entries)
{
    map_many_pages(test);
    run_inner_function(test, unmaps_the_last_of_many);
    CHECK_TEXT_HAS(inner.text, "# left behind: the kernel's level-1 entry for 0xffffe00001fff000 ");
    CHECK_TEXT_HAS(inner.text, " and is 0x0\nnot ok 1");
    run_inner_function(test, maps_a_page_behind_many);
    CHECK_TEXT_HAS(inner.text, "# left behind: the kernel's level-1 entry for 0xffffe00001fff000 "
                               "was 0x0 and is 0xb8001\nnot ok 1");
}

/* Pages whose entries alternate cannot be noted as few runs. */
TEST(leftovers, are_noticed_even_if_they_cannot_be_named)
{
    struct kernel *kernel = test->subject;

    map_many_pages(test);
    for (uint64_t i = 0; i < MANY_PAGES; i += 2) {
        struct page_entry *leaf =
            entry_of(&kernel->page_table, virt_addr_of(FREE_PAGE + i * level_bytes(1)), 1);
        page_entry_store(leaf, (struct page_entry){page_entry_load(leaf).bits | PAGE_GLOBAL});
    }
    run_inner_function(test, leaves_nothing_at_all);
    CHECK_TEXT_HAS(inner.text, "1..1\nok 1 inner.it\n");
    run_inner_function(test, unmaps_the_last_of_many);
    CHECK_TEXT_HAS(inner.text, "# left behind: the kernel's tables changed, after the first ");
    CHECK_TEXT_HAS(inner.text, " entries\nnot ok 1");
}

static void note_expiry(void *context, const struct exception_frame *frame)
{
    volatile uint64_t *expired_at = context;

    *expired_at = frame->rip;
}

static void skip_without_watchdog(struct test *test)
{
    if (!watchdog_is_there()) {
        SKIP("no timer for NMIs");
    }
}

TEST(watchdog, interrupts_a_loop_that_has_interrupts_off)
{
    volatile uint64_t expired_at = 0;

    skip_without_watchdog(test);
    watchdog_start(1, note_expiry, (void *)&expired_at);
    while (expired_at == 0) {
        __asm__ volatile("pause");
    }
    CHECK(!interrupts_are_on());
    CHECK_AT_LEAST(expired_at, UINT64_C(0xffffffff80000000));
}

TEST(watchdog, keeps_still_once_it_was_stopped)
{
    enum { CYCLES = 400000000 }; /* longer than the watchdog would take, up to 4 GHz */
    volatile uint64_t expired_at = 0;
    uint64_t start = __builtin_ia32_rdtsc();

    skip_without_watchdog(test);
    watchdog_start(1, note_expiry, (void *)&expired_at);
    watchdog_stop();
    while (__builtin_ia32_rdtsc() - start < CYCLES) {
        __asm__ volatile("pause");
    }
    CHECK_EQUAL(expired_at, 0);
}

static void fault_on_expiry(void *context, const struct exception_frame *frame)
{
    (void)context;
    (void)frame;
    __asm__ volatile("ud2");
}

static void wait_for_expiry(void *unused)
{
    (void)unused;
    watchdog_start(1, fault_on_expiry, NULL);
    for (;;) {
        __asm__ volatile("pause");
    }
}

TEST(watchdog, comes_again_after_a_fault_that_ended_its_interrupt)
{
    enum { CYCLES = 2000000000 }; /* longer than the watchdog takes, up to 10 GHz */
    volatile uint64_t expired_at = 0;

    skip_without_watchdog(test);
    CHECK_FAULT(EXCEPTION_INVALID_OPCODE, 0, wait_for_expiry, NULL);
    uint64_t start = __builtin_ia32_rdtsc();
    watchdog_start(1, note_expiry, (void *)&expired_at);
    while (expired_at == 0 && __builtin_ia32_rdtsc() - start < CYCLES) {
        __asm__ volatile("pause");
    }
    watchdog_stop();
    CHECK_AT_LEAST(expired_at, UINT64_C(0xffffffff80000000));
}
