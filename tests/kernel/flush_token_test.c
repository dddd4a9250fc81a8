/* The token of each operation on live tables covers all that the operation has made stale. */
#include "mm/address_space.h"
#include "tests/kernel/live_space.h"

/* A change of the tables that translate a page, and the page's size. */
struct operation {
    const char *name;
    enum page_size size;
    enum use use;
    struct tlb_flush (*run)(struct test *test, const struct live_space *space,
                            struct test_frames *frames, virt_addr page);
};

static const page_flags read_only = {PAGE_PRESENT};

static struct tlb_flush unmap_4k(struct test *test, const struct live_space *space,
                                 struct test_frames *frames, virt_addr page)
{
    struct unmap_outcome outcome = page_table_unmap(&space->table, page, PAGE_4K);

    (void)frames;
    CHECK_EQUAL(outcome.result, PAGE_OK);
    return outcome.flush;
}

static struct tlb_flush unmap_2m(struct test *test, const struct live_space *space,
                                 struct test_frames *frames, virt_addr page)
{
    struct unmap_outcome outcome = page_table_unmap(&space->table, live_huge_page(page), PAGE_2M);

    (void)frames;
    CHECK_EQUAL(outcome.result, PAGE_OK);
    return outcome.flush;
}

static struct tlb_flush make_read_only(struct test *test, const struct live_space *space,
                                       struct test_frames *frames, virt_addr page)
{
    struct update_outcome outcome =
        page_table_update_flags(&space->table, page, PAGE_4K, read_only, ACCESSED_DIRTY_KEEP);

    (void)frames;
    CHECK_EQUAL(outcome.result, UPDATE_OK);
    return outcome.flush;
}

static struct tlb_flush unmap_range(struct test *test, const struct live_space *space,
                                    struct test_frames *frames, virt_addr page)
{
    struct range_outcome outcome =
        page_table_unmap_range(&space->table, page_range_of(virt_addr_of(page.value - 0x3000), 4));

    (void)frames;
    CHECK_EQUAL(outcome.result, RANGE_OK);
    return outcome.flush;
}

static struct tlb_flush unmap_long_range(struct test *test, const struct live_space *space,
                                         struct test_frames *frames, virt_addr page)
{
    struct range_outcome outcome = page_table_unmap_range(
        &space->table,
        page_range_of(virt_addr_of(align_down(page.value, level_bytes(3))), 1 << 18));

    (void)frames;
    CHECK_EQUAL(outcome.result, RANGE_OK);
    return outcome.flush;
}

static struct tlb_flush protect_range(struct test *test, const struct live_space *space,
                                      struct test_frames *frames, virt_addr page)
{
    struct range_outcome outcome = page_table_protect_range(
        &space->table, page_range_of(virt_addr_of(page.value - 0x3000), 4), read_only);

    (void)frames;
    CHECK_EQUAL(outcome.result, RANGE_OK);
    return outcome.flush;
}

/* Recursive access needs tables that are writable, so it is told to keep what there is. */
static struct tlb_flush make_table_read_only(struct test *test, const struct live_space *space,
                                             struct test_frames *frames, virt_addr page)
{
    bool may = space->table.access.kind != ACCESS_RECURSIVE;
    struct update_outcome outcome = page_table_update_table_flags(
        &space->table, page, 3, page_flags_of(PAGE_PRESENT | (may ? 0 : PAGE_WRITABLE)));

    (void)frames;
    CHECK_EQUAL(outcome.result, UPDATE_OK);
    return outcome.flush;
}

/* Afterwards the page has an entry of its own, which is then made read-only. */
static struct tlb_flush split_and_protect(struct test *test, const struct live_space *space,
                                          struct test_frames *frames, virt_addr page)
{
    virt_addr huge = live_huge_page(page);

    CHECK_EQUAL(tlb_flush_now(page_table_split(&space->table, huge, PAGE_2M, &frames->source)),
                SPLIT_OK);
    CHECK_SEEN(live_use(page, USE_WRITE), live_expected(space, page, USE_WRITE));
    return make_read_only(test, space, frames, page);
}

/* The merge gives the table back, which poisons it: the page must not be reached through it. */
static struct tlb_flush merge_and_unmap(struct test *test, const struct live_space *space,
                                        struct test_frames *frames, virt_addr page)
{
    virt_addr huge = live_huge_page(page);

    CHECK_EQUAL(tlb_flush_now(page_table_split(&space->table, huge, PAGE_2M, &frames->source)),
                SPLIT_OK);
    CHECK_SEEN(live_use(page, USE_READ), live_expected(space, page, USE_READ));
    CHECK_EQUAL(tlb_flush_now(page_table_merge(&space->table, huge, PAGE_2M, &frames->source)),
                MERGE_OK);
    CHECK_SEEN(live_use(page, USE_READ), live_expected(space, page, USE_READ));
    return unmap_2m(test, space, frames, page);
}

static struct tlb_flush replace_by_huge_page(struct test *test, const struct live_space *space,
                                             struct test_frames *frames, virt_addr page)
{
    virt_addr huge = live_huge_page(page);
    phys_addr frame = phys_addr_of(align_down(data_frame(0).value, level_bytes(2)));

    CHECK_EQUAL(tlb_flush_now(page_table_unmap(&space->table, page, PAGE_4K)), PAGE_OK);
    struct map_outcome outcome =
        page_table_map_to(&space->table, huge, frame, PAGE_2M, read_only, &frames->source);
    CHECK_EQUAL(outcome.result, MAP_OK);
    return outcome.flush;
}

static const struct operation operations[] = {
    {"unmap, 4 KiB", PAGE_4K, USE_READ, unmap_4k},
    {"unmap, 2 MiB, by its start", PAGE_2M, USE_READ, unmap_2m},
    {"update_flags", PAGE_4K, USE_WRITE, make_read_only},
    {"unmap_range", PAGE_4K, USE_READ, unmap_range},
    {"unmap_range of 1 GiB", PAGE_4K, USE_READ, unmap_long_range},
    {"unmap_range of a huge page", PAGE_2M, USE_READ, unmap_long_range},
    {"protect_range", PAGE_4K, USE_WRITE, protect_range},
    {"update_table_flags", PAGE_4K, USE_WRITE, make_table_read_only},
    {"split", PAGE_2M, USE_WRITE, split_and_protect},
    {"merge", PAGE_2M, USE_READ, merge_and_unmap},
    {"map_to over an empty table", PAGE_4K, USE_READ, replace_by_huge_page},
};

static void apply(const struct live_space *space, struct tlb_flush flush)
{
    (void)space;
    tlb_flush_apply(flush);
}

static void apply_in_batch(const struct live_space *space, struct tlb_flush flush)
{
    struct tlb_batch batch = {.page_count = 0};

    (void)space;
    tlb_batch_add(&batch, flush);
    tlb_batch_flush(&batch);
}

static void apply_to_space(const struct live_space *space, struct tlb_flush flush)
{
    struct address_space active = {.table = space->table};

    address_space_flush_token(&active, flush);
}

static void check_operation(struct test *test, const struct operation *operation,
                            void (*consume)(const struct live_space *, struct tlb_flush))
{
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct live_space space = live_space_enter(&frames);
    virt_addr page = live_space_map(test, &space, &frames, operation->size, 0);

    CHECK_SEEN(live_use(page, operation->use), live_expected(&space, page, operation->use));
    consume(&space, operation->run(test, &space, &frames, page));
    CHECK_SEEN(live_use(page, operation->use), live_expected(&space, page, operation->use));
}

TEST_EACH(flush_token, covers_what_the_operation_made_stale, operations)
{
    check_operation(test, row, apply);
}

TEST_EACH(flush_token, covers_it_in_a_batch, operations)
{
    check_operation(test, row, apply_in_batch);
}

TEST_EACH(flush_token, covers_it_through_the_address_space, operations)
{
    check_operation(test, row, apply_to_space);
}

/* More pages than a batch takes one by one. */
TEST(flush_token, in_a_full_batch_still_covers_every_page)
{
    enum { PAGES = TLB_FLUSH_PAGES_MAX + 8 };
    struct tlb_batch batch = {.page_count = 0};
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct live_space space = live_space_enter(&frames);
    virt_addr first = live_space_map(test, &space, &frames, PAGE_4K, 0);

    for (uint64_t i = 1; i < PAGES; i++) {
        page_entry_store(live_entry(&space, virt_addr_add(first, i << PAGE_SHIFT), 1),
                         page_entry_load(live_entry(&space, first, 1)));
    }
    for (uint64_t i = 0; i < PAGES; i++) {
        virt_addr page = virt_addr_add(first, i << PAGE_SHIFT);
        CHECK_SEEN(live_use(page, USE_READ), live_expected(&space, page, USE_READ));
        CHECK_EQUAL(tlb_flush_later(&batch, page_table_unmap(&space.table, page, PAGE_4K)),
                    PAGE_OK);
    }
    tlb_batch_flush(&batch);
    for (uint64_t i = 0; i < PAGES; i++) {
        virt_addr page = virt_addr_add(first, i << PAGE_SHIFT);
        CHECK_SEEN(live_use(page, USE_READ), live_expected(&space, page, USE_READ));
    }
}
