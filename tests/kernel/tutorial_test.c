/* What the introduction to paging states, seen on the CPU. */
#include "tests/kernel/support.h"

#define FREE_PAGE UINT64_C(0xffffe00000000000)
#define PAGE_BYTES UINT64_C(4096)

/* Pages of the kernel's own space over frames of its own, until the test ends. */
enum { FRAMES = 3 };
static phys_addr frames[FRAMES];
static unsigned frame_count;

static void undo_all(struct test *test, void *unused)
{
    struct kernel *kernel = test->subject;
    struct page_range range = page_range_of(virt_addr_of(FREE_PAGE), FRAMES);

    (void)unused;
    CHECK_EQUAL(tlb_flush_now(page_table_unmap_range(&kernel->page_table, range)), RANGE_OK);
    CHECK_EQUAL(tlb_flush_now(page_table_clean_up(&kernel->page_table, range,
                                                  kernel->table_frames)),
                RANGE_OK);
    while (frame_count > 0) {
        CHECK_EQUAL(frame_source_free(&kernel->frames.source, 0, frames[--frame_count]),
                    FRAME_FREE_OK);
    }
}

static void take_frames(struct test *test)
{
    struct kernel *kernel = test->subject;

    test_defer(test, undo_all, NULL);
    while (frame_count < FRAMES) {
        REQUIRE(frame_source_allocate(&kernel->frames.source, 0, &frames[frame_count]));
        *(volatile uint64_t *)physical_byte(kernel, frames[frame_count]) = frame_count + 1;
        frame_count++;
    }
}

static enum map_result map(struct kernel *kernel, unsigned page, phys_addr frame, uint64_t flags)
{
    uint64_t no_execute = kernel->cpu.no_execute ? PAGE_NO_EXECUTE : 0;

    return tlb_flush_now(page_table_map_to(
        &kernel->page_table, virt_addr_of(FREE_PAGE + page * PAGE_BYTES), frame, PAGE_4K,
        page_flags_of(PAGE_PRESENT | no_execute | flags), kernel->table_frames));
}

static volatile uint64_t *word(unsigned page)
{
    return mm_port_pointer(virt_addr_of(FREE_PAGE + page * PAGE_BYTES));
}

TEST(paging, makes_scattered_frames_one_run_of_addresses)
{
    struct kernel *kernel = test->subject;
    static const unsigned order[FRAMES] = {2, 0, 1};

    take_frames(test);
    for (unsigned page = 0; page < FRAMES; page++) {
        REQUIRE_EQUAL(map(kernel, page, frames[order[page]], 0), MAP_OK);
    }
    for (unsigned page = 0; page < FRAMES; page++) {
        CHECK_EQUAL(*word(page), order[page] + 1);
    }
}

static void write_to(void *address)
{
    *(volatile uint64_t *)address = 99;
}

TEST(paging, gives_each_page_permissions_of_its_own)
{
    struct kernel *kernel = test->subject;

    take_frames(test);
    REQUIRE_EQUAL(map(kernel, 0, frames[0], PAGE_WRITABLE), MAP_OK);
    REQUIRE_EQUAL(map(kernel, 1, frames[1], 0), MAP_OK);
    CHECK_NO_FAULT(write_to, (void *)word(0));
    CHECK_PAGE_FAULT(virt_addr_of(FREE_PAGE + PAGE_BYTES), PAGE_FAULT_PROTECTION | PAGE_FAULT_WRITE,
                     write_to, (void *)word(1));
    CHECK_EQUAL(*word(0), 99);
    CHECK_EQUAL(*word(1), 2);
}

/* Shows the frame from the next use on that is no cached one. */
static void change_frame(const struct kernel *kernel, phys_addr frame)
{
    struct page_entry *leaf = entry_of(&kernel->page_table, virt_addr_of(FREE_PAGE), 1);
    uint64_t flags = page_entry_load(leaf).bits & ~PAGE_FRAME_MASK;

    page_entry_store(leaf, (struct page_entry){flags | frame.value});
}

TEST(paging, shows_the_new_frame_at_the_latest_after_the_flush)
{
    struct kernel *kernel = test->subject;
    uint64_t seen;

    take_frames(test);
    REQUIRE_EQUAL(map(kernel, 0, frames[0], 0), MAP_OK);
    CHECK_EQUAL(*word(0), 1);
    change_frame(kernel, frames[1]);
    seen = *word(0); /* the CPU may have the old translation or read the new one */
    CHECK(seen == 1 || seen == 2);
    mm_port_flush_page(virt_addr_of(FREE_PAGE));
    CHECK_EQUAL(*word(0), 2);
}

enum { CACHING_TRIES = 100 };

/* Each single time the CPU may have forgotten the translation: that it never has one is what
 * fails. */
TEST(paging, uses_a_cached_translation_until_a_flush_drops_it)
{
    struct kernel *kernel = test->subject;
    unsigned cached_count = 0;

    take_frames(test);
    REQUIRE_EQUAL(map(kernel, 0, frames[0], 0), MAP_OK);
    for (unsigned i = 0; i < CACHING_TRIES; i++) {
        change_frame(kernel, frames[0]);
        mm_port_flush_page(virt_addr_of(FREE_PAGE));
        REQUIRE_EQUAL(*word(0), 1);
        change_frame(kernel, frames[1]);
        cached_count += *word(0) == 1 ? 1 : 0;
        mm_port_flush_page(virt_addr_of(FREE_PAGE));
        REQUIRE_EQUAL(*word(0), 2);
    }
    CHECK_AT_LEAST(cached_count, 1);
}

/* An address whose upper bits do not copy the highest translated bit is no page fault. */
TEST(paging, refuses_addresses_that_are_not_canonical_with_a_general_protection_fault)
{
    struct kernel *kernel = test->subject;
    unsigned top_bit = 12 + 9 * kernel->page_table.levels - 1; /* 47 or 56 */
    const uint64_t lowest_bad = UINT64_C(1) << top_bit;
    const uint64_t highest_bad = ~lowest_bad;
    const uint64_t bad[] = {lowest_bad, highest_bad, UINT64_C(1) << 63, lowest_bad << 1};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_FAULT(EXCEPTION_GENERAL_PROTECTION, 0, read_at,
                    mm_port_pointer(virt_addr_of(bad[i])));
    }
    CHECK_PAGE_FAULT(virt_addr_of(lowest_bad - 1), 0, read_at,
                     mm_port_pointer(virt_addr_of(lowest_bad - 1)));
}

/* The bits that have to copy bit 47 with four levels choose an entry of the root with five. */
TEST(paging, uses_bits_48_to_56_as_one_more_index_with_five_levels, .requires = REQUIRES_LA57)
{
    struct kernel *kernel = test->subject;
    const virt_addr near = virt_addr_of(UINT64_C(0x803fe00000));
    const virt_addr far = virt_addr_of(UINT64_C(0xab) << 48 | near.value);
    struct path_entry path[PAGING_LEVELS_MAX];
    volatile uint64_t *near_word = mm_port_pointer(near);
    volatile uint64_t *far_word = mm_port_pointer(far);
    uint64_t tables_used = page_table_tables_used(&kernel->page_table);

    (void)map_kernel_page(test, near, data_flags(kernel));
    CHECK_EQUAL(page_table_tables_used(&kernel->page_table), tables_used + 3);
    (void)map_kernel_page(test, far, data_flags(kernel));
    CHECK_EQUAL(page_table_tables_used(&kernel->page_table), tables_used + 3 + 4);
    *near_word = 1;
    *far_word = 2;
    CHECK_EQUAL(*near_word, 1);
    CHECK_EQUAL(*far_word, 2);
    REQUIRE_EQUAL(page_table_path(&kernel->page_table, far, path), 5);
    CHECK_EQUAL(path[0].index, 0xab);
    CHECK_EQUAL(path[1].index, 1);
}

TEST(frames_needed, foretells_0_1_and_3_tables_near_0x803fe00000)
{
    struct kernel *kernel = test->subject;
    struct test_frames source;
    test_frames_init(&source, test, TEST_FRAMES_MAX);
    struct page_table table = test_table(&source, test_levels_first(kernel));
    static const struct {
        uint64_t page;
        uint64_t tables;
    } cases[] = {{0x803fe02000, 0}, {0x803fdfd000, 1}, {0xdeadbeaf000, 3}};

    REQUIRE_EQUAL(tlb_flush_now(page_table_map_to(&table, virt_addr_of(0x803fe00000),
                                                  phys_addr_of(0xb8000), PAGE_4K,
                                                  data_flags(kernel), &source.source)),
                  MAP_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        virt_addr page = virt_addr_of(cases[i].page);
        unsigned before = source.in_use;
        struct frames_needed needed =
            page_table_frames_needed(&table, page_range_of(page, 1), phys_addr_of(0xb8000),
                                     RANGE_PAGES_4K, data_flags(kernel));
        CHECK_EQUAL(needed.result, MAP_OK);
        CHECK_EQUAL(needed.count, cases[i].tables);
        REQUIRE_EQUAL(tlb_flush_now(page_table_map_to(&table, page, phys_addr_of(0xb8000), PAGE_4K,
                                                      data_flags(kernel), &source.source)),
                      MAP_OK);
        CHECK_EQUAL(source.in_use - before, cases[i].tables);
    }
}
