/* Entries that change while the CPU uses them: what it may go on with, and what ends that.
 *
 * Source: Intel SDM volume 3, 4.10.2 "Translation Lookaside Buffers (TLBs)", 4.10.3
 * "Paging-Structure Caches", 4.10.4 "Invalidation of TLBs and Paging-Structure Caches".
 */
#include "kernel/cpu/registers.h"
#include "kernel/layout/image.h"
#include "tests/kernel/live_space.h"

/* Tables that lead from an entry of level 5 to a page. Not of the frames: they are in the tree for
 * a moment only. */
static struct page_entry spare_tables[PAGING_LEVELS_MAX][TABLE_ENTRY_COUNT]
    __attribute__((aligned(4096)));

static uint64_t absent(uint64_t entry, virt_addr page, unsigned level)
{
    (void)page, (void)level;
    return entry & ~PAGE_PRESENT;
}

static uint64_t zero(uint64_t entry, virt_addr page, unsigned level)
{
    (void)entry, (void)page, (void)level;
    return 0;
}

static uint64_t read_only(uint64_t entry, virt_addr page, unsigned level)
{
    (void)page, (void)level;
    return entry & ~PAGE_WRITABLE;
}

static uint64_t no_execute(uint64_t entry, virt_addr page, unsigned level)
{
    (void)page, (void)level;
    return entry | PAGE_NO_EXECUTE;
}

static uint64_t other_frame(uint64_t entry, virt_addr page, unsigned level)
{
    (void)page;
    if (level == 1) {
        return (entry & ~PAGE_FRAME_MASK) | data_frame(1).value;
    }
    return entry ^ level_bytes(level);
}

/* An entry that leads to the other data page by other tables. */
static uint64_t other_tables(uint64_t entry, virt_addr page, unsigned level)
{
    uint64_t next = data_frame(1).value | PAGE_PRESENT | PAGE_WRITABLE;

    (void)entry;
    for (unsigned below = 1; below < level; below++) {
        struct page_entry *table = spare_tables[below - 1];
        mm_port_zero_table(table);
        page_entry_store(&table[virt_addr_index(page, below)], (struct page_entry){next});
        next = image_physical(table).value | PAGE_PRESENT | PAGE_WRITABLE;
    }
    return next;
}

static uint64_t huge_page(uint64_t entry, virt_addr page, unsigned level)
{
    (void)entry, (void)page;
    return align_down(data_frame(1).value, level_bytes(level)) | PAGE_HUGE | PAGE_PRESENT |
           PAGE_WRITABLE;
}

/* A change of one entry on the way to a page. */
struct change {
    const char *name;
    enum page_size size; /* of the page */
    unsigned level;      /* of the entry */
    enum use use;        /* the access that is done before and after */
    uint64_t (*change)(uint64_t entry, virt_addr page, unsigned level);
};

static const struct change changes[] = {
    {"another frame, 4 KiB", PAGE_4K, 1, USE_READ, other_frame},
    {"another frame, 2 MiB", PAGE_2M, 2, USE_READ, other_frame},
    {"fewer rights, leaf", PAGE_4K, 1, USE_WRITE, read_only},
    {"fewer rights, 2 MiB", PAGE_2M, 2, USE_WRITE, read_only},
    {"fewer rights, level 2", PAGE_4K, 2, USE_WRITE, read_only},
    {"fewer rights, level 3", PAGE_4K, 3, USE_WRITE, read_only},
    {"fewer rights, root", PAGE_4K, LEVEL_ROOT, USE_WRITE, read_only},
    {"absent leaf, read", PAGE_4K, 1, USE_READ, absent},
    {"absent leaf, written", PAGE_4K, 1, USE_WRITE, absent},
    {"absent leaf, executed", PAGE_4K, 1, USE_FETCH, absent},
    {"absent 2 MiB page", PAGE_2M, 2, USE_READ, zero},
    {"absent table, level 2", PAGE_4K, 2, USE_READ, zero},
    {"absent table, level 3", PAGE_4K, 3, USE_READ, zero},
    {"absent table, level 4", PAGE_4K, 4, USE_READ, zero},
    {"absent table, root", PAGE_4K, LEVEL_ROOT, USE_READ, zero},
    {"another table, level 2", PAGE_4K, 2, USE_READ, other_tables},
    {"another table, level 3", PAGE_4K, 3, USE_READ, other_tables},
    {"another table, level 4", PAGE_4K, 4, USE_READ, other_tables},
    {"another table, root", PAGE_4K, LEVEL_ROOT, USE_READ, other_tables},
    {"2 MiB leaf where a table was", PAGE_4K, 2, USE_READ, huge_page},
    {"table where a 2 MiB leaf was", PAGE_2M, 2, USE_READ, other_tables},
};

static const struct change changes_1g[] = {
    {"another frame, 1 GiB", PAGE_1G, 3, USE_READ, other_frame},
    {"fewer rights, 1 GiB", PAGE_1G, 3, USE_WRITE, read_only},
    {"absent 1 GiB page", PAGE_1G, 3, USE_READ, absent},
    {"1 GiB leaf where a table was", PAGE_4K, 3, USE_READ, huge_page},
    {"table where a 1 GiB leaf was", PAGE_1G, 3, USE_READ, other_tables},
};

static const struct change changes_no_execute[] = {
    {"no-execute, leaf", PAGE_4K, 1, USE_FETCH, no_execute},
    {"no-execute, 2 MiB", PAGE_2M, 2, USE_FETCH, no_execute},
    {"no-execute, level 3", PAGE_4K, 3, USE_FETCH, no_execute},
    {"no-execute, root", PAGE_4K, LEVEL_ROOT, USE_FETCH, no_execute},
};

static void reload_cr3(virt_addr page)
{
    (void)page;
    cr3_write(cr3_read());
}

/* Uses a page, changes an entry, and uses it again, before and after `drop`; and back again. */
static void check_change(struct test *test, const struct change *change,
                         void (*drop)(virt_addr page))
{
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct live_space space = live_space_enter(&frames);
    unsigned level = live_level(&space, change->level);
    virt_addr page = live_space_map(test, &space, &frames, change->size, 0);
    struct page_entry *entry = live_entry(&space, page, level);
    struct seen before = live_expected(&space, page, change->use);

    CHECK_SEEN(live_use(page, change->use), before);
    uint64_t bits = page_entry_load(entry).bits;
    page_entry_store(entry, (struct page_entry){change->change(bits, page, level)});
    struct seen after = live_expected(&space, page, change->use);
    CHECK(!seen_equal(before, after));
    CHECK_OLD_OR_NEW(change->name, live_use(page, change->use), before, after);
    drop(page);
    CHECK_SEEN(live_use(page, change->use), after);

    page_entry_store(entry, (struct page_entry){bits});
    CHECK_OLD_OR_NEW("and back", live_use(page, change->use), after, before);
    drop(page);
    CHECK_SEEN(live_use(page, change->use), before);
}

TEST_EACH(stale_translation, may_be_used_until_invlpg_and_never_after, changes)
{
    check_change(test, row, mm_port_flush_page);
}

TEST_EACH(stale_translation, may_be_used_until_cr3_is_loaded_and_never_after, changes)
{
    check_change(test, row, reload_cr3);
}

TEST_EACH(stale_translation, of_a_1g_page_ends_with_invlpg, changes_1g,
          .requires = REQUIRES_PAGES_1G)
{
    check_change(test, row, mm_port_flush_page);
}

TEST_EACH(stale_translation, of_a_1g_page_ends_with_a_load_of_cr3, changes_1g,
          .requires = REQUIRES_PAGES_1G)
{
    check_change(test, row, reload_cr3);
}

TEST_EACH(stale_translation, that_allows_execution_ends_with_invlpg, changes_no_execute,
          .requires = REQUIRES_NO_EXECUTE)
{
    check_change(test, row, mm_port_flush_page);
}

TEST_EACH(stale_translation, that_allows_execution_ends_with_a_load_of_cr3, changes_no_execute,
          .requires = REQUIRES_NO_EXECUTE)
{
    check_change(test, row, reload_cr3);
}

/* 4.10.4.1: invlpg need not drop what is cached of other pages. */
TEST(stale_translation, of_one_page_may_outlive_invlpg_of_another)
{
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct live_space space = live_space_enter(&frames);
    virt_addr page = live_space_map(test, &space, &frames, PAGE_4K, 0);
    virt_addr other = virt_addr_add(page, page_size_bytes(PAGE_4K));
    struct page_entry *entry = live_entry(&space, page, 1);
    struct page_entry *other_entry = live_entry(&space, other, 1);

    page_entry_store(other_entry, page_entry_load(entry));
    struct seen before = live_expected(&space, page, USE_READ);
    CHECK_SEEN(live_use(page, USE_READ), before);
    CHECK_SEEN(live_use(other, USE_READ), before);
    page_entry_store(entry, (struct page_entry){other_frame(page_entry_load(entry).bits, page, 1)});
    page_entry_store(other_entry, page_entry_load(entry));
    struct seen after = live_expected(&space, page, USE_READ);
    mm_port_flush_page(page);
    CHECK_SEEN(live_use(page, USE_READ), after);
    CHECK_OLD_OR_NEW("the other page", live_use(other, USE_READ), before, after);
    mm_port_flush_page(other);
    CHECK_SEEN(live_use(other, USE_READ), after);
}

/* Which of its addresses invlpg is given makes no difference for a page. Several parts of it are
 * used before: the CPU may cache a huge page in parts. */
static void check_invlpg_inside(struct test *test, enum page_size size)
{
    const uint64_t bytes = page_size_bytes(size);
    const uint64_t offsets[] = {0, 1, bytes / 4, bytes / 2 + 0x123, bytes - 1};
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct live_space space = live_space_enter(&frames);
    virt_addr address = live_space_map(test, &space, &frames, size, 0);
    virt_addr page = live_page(&space, size);
    virt_addr second = virt_addr_of(address.value ^ (0x100000 & (bytes - 1)));
    struct page_entry *entry = live_entry(&space, page, (unsigned)size);
    uint64_t bits = page_entry_load(entry).bits;

    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        page_entry_store(entry, (struct page_entry){bits});
        CHECK_SEEN(live_use(address, USE_READ), live_expected(&space, address, USE_READ));
        CHECK_SEEN(live_use(second, USE_READ), live_expected(&space, second, USE_READ));
        page_entry_store(entry, (struct page_entry){0});
        mm_port_flush_page(virt_addr_add(page, offsets[i]));
        CHECK_SEEN(live_use(address, USE_READ), live_expected(&space, address, USE_READ));
        CHECK_SEEN(live_use(second, USE_READ), live_expected(&space, second, USE_READ));
    }
}

TEST(invlpg, drops_a_4k_page_by_any_address_inside)
{
    check_invlpg_inside(test, PAGE_4K);
}

TEST(invlpg, drops_a_2m_page_by_any_address_inside)
{
    check_invlpg_inside(test, PAGE_2M);
}

TEST(invlpg, drops_a_1g_page_by_any_address_inside, .requires = REQUIRES_PAGES_1G)
{
    check_invlpg_inside(test, PAGE_1G);
}

static void flush_page(void *address)
{
    mm_port_flush_page(virt_addr_of((uint64_t)address));
}

/* SDM volume 2, INVLPG: with an address that is not canonical it does nothing and does not fault.
 * Whether anything is mapped at one that is makes no difference. */
TEST(invlpg, does_no_harm_where_nothing_is_mapped_or_can_be)
{
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct live_space space = live_space_enter(&frames);
    virt_addr page = live_space_map(test, &space, &frames, PAGE_4K, 0);
    uint64_t first_bad = UINT64_C(1) << (level_shift(space.table.levels) + TABLE_INDEX_BITS - 1);
    const uint64_t addresses[] = {
        0, first_bad - 1, first_bad, ~first_bad, UINT64_C(1) << 63, UINT64_MAX,
        page.value ^ UINT64_C(1) << 63, page.value + 0x1000, page.value + level_bytes(4),
    };
    struct page_entry *entry = live_entry(&space, page, 1);
    struct seen before = live_expected(&space, page, USE_READ);

    CHECK_SEEN(live_use(page, USE_READ), before);
    page_entry_store(entry, (struct page_entry){other_frame(page_entry_load(entry).bits, page, 1)});
    struct seen after = live_expected(&space, page, USE_READ);
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        CHECK_NO_FAULT(flush_page, (void *)addresses[i]);
    }
    CHECK_OLD_OR_NEW("after invlpg of other addresses", live_use(page, USE_READ), before, after);
    mm_port_flush_page(page);
    CHECK_SEEN(live_use(page, USE_READ), after);
}
