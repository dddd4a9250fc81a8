/* Global pages: what a load of CR3 may leave and what nothing may.
 *
 * Source: Intel SDM volume 3, 4.10.2.4 "Global Pages", 4.10.4.1 "Operations that Invalidate TLBs
 * and Paging-Structure Caches".
 */
#include "kernel/cpu/registers.h"
#include "tests/kernel/live_space.h"

static void restore_cr4(struct test *test, void *unused)
{
    (void)test, (void)unused;
    cr4_write(cr4_read() & ~CR4_PAGE_GLOBAL);
}

/* Until the test ends; turning them off again drops all that is cached. */
static void turn_on_global_pages(struct test *test)
{
    REQUIRE((cr4_read() & CR4_PAGE_GLOBAL) == 0);
    test_defer(test, restore_cr4, NULL);
    cr4_write(cr4_read() | CR4_PAGE_GLOBAL);
}

static void toggle_global_pages(virt_addr page)
{
    (void)page;
    cr4_write(cr4_read() ^ CR4_PAGE_GLOBAL);
    cr4_write(cr4_read() ^ CR4_PAGE_GLOBAL);
}

static void apply_token_of_all(virt_addr page)
{
    tlb_flush_apply(tlb_flush_pages(page, TLB_FLUSH_ALL));
}

static void apply_token_of_page(virt_addr page)
{
    tlb_flush_apply(tlb_flush_page(page));
}

static const struct {
    const char *name;
    enum page_size size;
    void (*drop)(virt_addr page);
} drops[] = {
    {"4 KiB, invlpg", PAGE_4K, mm_port_flush_page},
    {"4 KiB, CR4.PGE", PAGE_4K, toggle_global_pages},
    {"4 KiB, token of the page", PAGE_4K, apply_token_of_page},
    {"4 KiB, token of all", PAGE_4K, apply_token_of_all},
    {"2 MiB, invlpg", PAGE_2M, mm_port_flush_page},
    {"2 MiB, CR4.PGE", PAGE_2M, toggle_global_pages},
    {"2 MiB, token of all", PAGE_2M, apply_token_of_all},
};

/* Another leaf for the page: the other data frame, or for a huge page nothing. */
static uint64_t other_leaf(uint64_t leaf, enum page_size size)
{
    return size == PAGE_4K ? (leaf & ~PAGE_FRAME_MASK) | data_frame(1).value : 0;
}

/* The page is changed twice: the flush is proved by the first change, if the CPU has cached the
 * page, and what CR3 leaves is seen after the second. */
TEST_EACH(global_page, may_outlive_a_load_of_cr3_but_no_flush_of_its_own, drops,
          .requires = REQUIRES_GLOBAL_PAGES)
{
    struct test_frames frames;

    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    turn_on_global_pages(test);
    struct live_space space = live_space_enter(&frames);
    virt_addr page = live_space_map(test, &space, &frames, row->size, PAGE_GLOBAL);
    struct page_entry *entry = live_entry(&space, page, (unsigned)row->size);
    struct page_entry leaf = page_entry_load(entry);

    struct seen first = live_expected(&space, page, USE_READ);
    CHECK_SEEN(live_use(page, USE_READ), first);
    page_entry_store(entry, (struct page_entry){other_leaf(leaf.bits, row->size)});
    struct seen second = live_expected(&space, page, USE_READ);
    CHECK(!seen_equal(first, second));
    CHECK_OLD_OR_NEW("at once", live_use(page, USE_READ), first, second);
    row->drop(page);
    CHECK_SEEN(live_use(page, USE_READ), second);

    page_entry_store(entry, leaf);
    row->drop(page);
    CHECK_SEEN(live_use(page, USE_READ), first);
    page_entry_store(entry, (struct page_entry){other_leaf(leaf.bits, row->size)});
    cr3_write(cr3_read());
    CHECK_OLD_OR_NEW("after CR3", live_use(page, USE_READ), first, second);
    row->drop(page);
    CHECK_SEEN(live_use(page, USE_READ), second);
}

/* That it may be seen there is the price of what it saves. */
TEST(global_page, may_be_seen_in_a_space_that_does_not_map_it_until_it_is_flushed,
     .requires = REQUIRES_GLOBAL_PAGES)
{
    struct test_frames frames;

    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    turn_on_global_pages(test);
    struct live_space space = live_space_enter(&frames);
    virt_addr page = live_space_map(test, &space, &frames, PAGE_4K, PAGE_GLOBAL);
    struct seen mapped = live_expected(&space, page, USE_READ);
    CHECK_SEEN(live_use(page, USE_READ), mapped);
    struct live_space other = live_space_enter(&frames);
    struct seen absent = live_expected(&other, page, USE_READ);
    CHECK_EQUAL(absent.vector, EXCEPTION_PAGE_FAULT);
    CHECK_OLD_OR_NEW("in the other space", live_use(page, USE_READ), mapped, absent);
    mm_port_flush_page(page);
    CHECK_SEEN(live_use(page, USE_READ), absent);
}

/* Pages for which G means nothing, or is not set. */
static const struct {
    const char *name;
    bool global_pages_on;
    uint64_t leaf_flags;
    uint64_t table_flags;
} not_global[] = {
    {"without G", true, 0, 0},
    {"with G, CR4.PGE clear", false, PAGE_GLOBAL, 0},
    {"with G in the tables alone", true, 0, PAGE_GLOBAL},
};

TEST_EACH(page_that_is_not_global, never_outlives_a_load_of_cr3, not_global,
          .requires = REQUIRES_GLOBAL_PAGES)
{
    struct test_frames frames;

    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    if (row->global_pages_on) {
        turn_on_global_pages(test);
    }
    struct live_space space = live_space_enter(&frames);
    virt_addr page = live_space_map(test, &space, &frames, PAGE_4K, row->leaf_flags);
    struct page_entry *leaf = live_entry(&space, page, 1);
    /* Not in levels 4 and 5: there some CPUs take bit 8 for reserved. */
    for (unsigned level = 2; level <= 3; level++) {
        struct page_entry *entry = live_entry(&space, page, level);
        page_entry_store(entry,
                         (struct page_entry){page_entry_load(entry).bits | row->table_flags});
    }
    struct seen before = live_expected(&space, page, USE_READ);
    CHECK_SEEN(live_use(page, USE_READ), before);
    page_entry_store(leaf, (struct page_entry){other_leaf(page_entry_load(leaf).bits, PAGE_4K)});
    struct seen after = live_expected(&space, page, USE_READ);
    CHECK(!seen_equal(before, after));
    cr3_write(cr3_read());
    CHECK_SEEN(live_use(page, USE_READ), after);
}
