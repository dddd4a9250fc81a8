/* What is not cached, or not for long: entries that are not present, and rights that fall short.
 *
 * Source: Intel SDM volume 3, 4.10.2.3 "Details of TLB Use", 4.10.3.1 "Caches for Paging
 * Structures": only entries with P set are cached. 4.10.4.3 "Optional Invalidation": what
 * software need not flush. 4.10.4.1: a page fault drops what was cached of its address.
 */
#include "tests/kernel/live_space.h"

/* A page and the entry on the way to it that is absent at first. */
struct gap {
    const char *name;
    enum page_size size;
    unsigned level;
};

static const struct gap gaps[] = {
    {"4 KiB page", PAGE_4K, 1},     {"2 MiB page", PAGE_2M, 2},
    {"table, level 2", PAGE_4K, 2}, {"table, level 3", PAGE_4K, 3},
    {"table, level 4", PAGE_4K, 4}, {"table, root", PAGE_4K, LEVEL_ROOT},
};

static const struct gap gaps_1g[] = {
    {"1 GiB page", PAGE_1G, 3},
};

/* The page is touched while the entry is not present, so that there is something that could be
 * cached. The other bits of the entry are as they will be. */
static void check_gap(struct test *test, const struct gap *gap)
{
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct live_space space = live_space_enter(&frames);
    unsigned level = live_level(&space, gap->level);
    virt_addr page = live_space_map(test, &space, &frames, gap->size, 0);
    struct page_entry *entry = live_entry(&space, page, level);

    for (enum use use = USE_READ; use <= USE_FETCH; use++) {
        uint64_t bits = page_entry_load(entry).bits;

        page_entry_store(entry, (struct page_entry){bits & ~PAGE_PRESENT});
        mm_port_flush_page(page);
        struct seen absent = live_expected(&space, page, use);
        CHECK_EQUAL(absent.vector, EXCEPTION_PAGE_FAULT);
        CHECK_SEEN(live_use(page, use), absent);
        page_entry_store(entry, (struct page_entry){bits});
        struct seen present = live_expected(&space, page, use);
        CHECK_EQUAL(present.vector, 0);
        CHECK_SEEN(live_use(page, use), present);
    }
}

TEST_EACH(not_present, is_not_cached_at_any_level_so_mapping_needs_no_flush, gaps)
{
    check_gap(test, row);
}

TEST_EACH(not_present, is_not_cached_of_a_1g_page, gaps_1g, .requires = REQUIRES_PAGES_1G)
{
    check_gap(test, row);
}

static void check_map_to(struct test *test, enum page_size size)
{
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct live_space space = live_space_enter(&frames);
    virt_addr page = live_page(&space, size);
    uint64_t offset = data_frame(0).value & (page_size_bytes(size) - 1);
    virt_addr address = virt_addr_add(page, offset);

    CHECK_SEEN(live_use(address, USE_READ), live_expected(&space, address, USE_READ));
    struct map_outcome outcome =
        page_table_map_to(&space.table, page, phys_addr_of(data_frame(0).value - offset), size,
                          page_flags_of(PAGE_PRESENT), &frames.source);
    CHECK_EQUAL(outcome.flush.page_count, 0);
    CHECK_EQUAL(tlb_flush_ignore(outcome), MAP_OK);
    CHECK_EQUAL(live_expected(&space, address, USE_READ).vector, 0);
    CHECK_SEEN(live_use(address, USE_READ), live_expected(&space, address, USE_READ));
}

TEST(not_present, costs_map_to_no_flush)
{
    check_map_to(test, PAGE_4K);
    check_map_to(test, PAGE_2M);
}

TEST(not_present, costs_map_to_no_flush_for_a_1g_page, .requires = REQUIRES_PAGES_1G)
{
    check_map_to(test, PAGE_1G);
}

/* A page, the entry on the way to it that withholds a right at first, and an access that takes it. */
struct widening {
    const char *name;
    unsigned level;
    enum use use;
    uint64_t withheld; /* bits that are clear at first */
    uint64_t denied;   /* bits that are set at first */
};

static const struct widening widenings[] = {
    {"writable, leaf", 1, USE_WRITE, PAGE_WRITABLE, 0},
    {"writable, level 2", 2, USE_WRITE, PAGE_WRITABLE, 0},
    {"writable, level 3", 3, USE_WRITE, PAGE_WRITABLE, 0},
    {"writable, root", LEVEL_ROOT, USE_WRITE, PAGE_WRITABLE, 0},
};

static const struct widening widenings_no_execute[] = {
    {"executable, leaf", 1, USE_FETCH, 0, PAGE_NO_EXECUTE},
    {"executable, level 2", 2, USE_FETCH, 0, PAGE_NO_EXECUTE},
    {"executable, root", LEVEL_ROOT, USE_FETCH, 0, PAGE_NO_EXECUTE},
};

/* The fault need not be followed by invlpg: it drops what was cached of the address, so that the
 * access finds the wider rights when it is done again. */
static void check_widening(struct test *test, const struct widening *widening)
{
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct live_space space = live_space_enter(&frames);
    unsigned level = live_level(&space, widening->level);
    virt_addr page = live_space_map(test, &space, &frames, PAGE_4K, 0);
    struct page_entry *entry = live_entry(&space, page, level);
    struct page_entry wide = page_entry_load(entry);

    page_entry_store(entry,
                     (struct page_entry){(wide.bits & ~widening->withheld) | widening->denied});
    struct seen narrow = live_expected(&space, page, widening->use);
    CHECK_EQUAL(narrow.vector, EXCEPTION_PAGE_FAULT);
    CHECK_SEEN(live_use(page, widening->use), narrow);
    CHECK_SEEN(live_use(page, USE_READ), live_expected(&space, page, USE_READ));
    page_entry_store(entry, wide);
    struct seen done = live_expected(&space, page, widening->use);
    CHECK_EQUAL(done.vector, 0);
    CHECK_OLD_OR_NEW(widening->name, live_use(page, widening->use), narrow, done);
    CHECK_SEEN(live_use(page, widening->use), done);
}

TEST_EACH(more_rights, cost_at_most_one_fault_without_a_flush, widenings)
{
    check_widening(test, row);
}

TEST_EACH(more_rights, to_execute_cost_at_most_one_fault_without_a_flush, widenings_no_execute,
          .requires = REQUIRES_NO_EXECUTE)
{
    check_widening(test, row);
}
