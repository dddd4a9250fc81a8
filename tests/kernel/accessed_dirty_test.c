/* Accessed and dirty bits: when the CPU sets them, and that no operation loses them.
 *
 * Source: Intel SDM volume 3, 4.8 "Accessed and Dirty Flags", 4.10.4.2 "Recommended Invalidation".
 */
#include "tests/kernel/live_space.h"

#define MARKS (PAGE_ACCESSED | PAGE_DIRTY)

static uint64_t marks_of(const struct live_space *space, virt_addr page, unsigned level)
{
    return page_entry_load(live_entry(space, page, level)).bits & MARKS;
}

/* Leaves what is cached as it is. */
static void clear_marks(const struct live_space *space, virt_addr page, unsigned level,
                        uint64_t marks)
{
    struct page_entry *entry = live_entry(space, page, level);

    page_entry_store(entry, (struct page_entry){page_entry_load(entry).bits & ~marks});
}

/* A page that is mapped and whose entries have neither bit, with nothing cached of it. */
static virt_addr map_unmarked(struct test *test, struct live_space *space,
                              struct test_frames *frames, enum page_size size, uint64_t flags)
{
    *space = live_space_enter(frames);
    virt_addr page = live_space_map(test, space, frames, size, flags);

    for (unsigned level = (unsigned)size; level <= space->table.levels; level++) {
        clear_marks(space, page, level, MARKS);
    }
    mm_port_flush_page(page);
    return page;
}

struct row {
    const char *name;
    enum page_size size;
    enum use use;
};

static const struct row rows[] = {
    {"4 KiB, read", PAGE_4K, USE_READ},     {"2 MiB, read", PAGE_2M, USE_READ},
    {"4 KiB, write", PAGE_4K, USE_WRITE},   {"2 MiB, write", PAGE_2M, USE_WRITE},
    {"4 KiB, execute", PAGE_4K, USE_FETCH}, {"2 MiB, execute", PAGE_2M, USE_FETCH},
};

static const struct row rows_1g[] = {
    {"1 GiB, read", PAGE_1G, USE_READ},
    {"1 GiB, write", PAGE_1G, USE_WRITE},
    {"1 GiB, execute", PAGE_1G, USE_FETCH},
};

static void check_marks_set(struct test *test, const struct live_space *space, virt_addr page,
                            const struct row *row)
{
    uint64_t leaf_marks = PAGE_ACCESSED | (row->use == USE_WRITE ? PAGE_DIRTY : 0);

    CHECK_EQUAL(live_use(page, row->use).vector, 0);
    for (unsigned level = (unsigned)row->size; level <= space->table.levels; level++) {
        CHECK_FLAGS_EQUAL(page_flags_of(marks_of(space, page, level)),
                          page_flags_of(level == (unsigned)row->size ? leaf_marks : PAGE_ACCESSED));
    }
}

/* And again, after each of the entries alone has lost its bits: invlpg also drops what is cached
 * of the tables. */
static void check_use_marks(struct test *test, const struct row *row)
{
    struct live_space space;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    virt_addr page = map_unmarked(test, &space, &frames, row->size, 0);

    check_marks_set(test, &space, page, row);
    for (unsigned level = (unsigned)row->size; level <= space.table.levels; level++) {
        clear_marks(&space, page, level, MARKS);
        mm_port_flush_page(page);
        check_marks_set(test, &space, page, row);
    }
}

TEST_EACH(accessed, is_set_at_every_level_by_a_use_and_dirty_in_the_leaf_by_a_write, rows)
{
    check_use_marks(test, row);
}

TEST_EACH(accessed, is_set_at_every_level_above_a_1g_page, rows_1g, .requires = REQUIRES_PAGES_1G)
{
    check_use_marks(test, row);
}

/* What is cached says that the bits are set, so the CPU need not look. */
TEST_EACH(accessed, and_dirty_may_stay_clear_until_the_flush, rows)
{
    struct live_space space;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    virt_addr page = map_unmarked(test, &space, &frames, row->size, 0);

    for (uint64_t mark = PAGE_ACCESSED; mark <= PAGE_DIRTY; mark <<= 1) {
        check_marks_set(test, &space, page, row);
        uint64_t set = marks_of(&space, page, (unsigned)row->size);
        clear_marks(&space, page, (unsigned)row->size, mark);
        CHECK_EQUAL(live_use(page, row->use).vector, 0);
        uint64_t now = marks_of(&space, page, (unsigned)row->size);
        CHECK_EQUAL(now & ~mark, set & ~mark);
        CHECK_EQUAL(now & ~set, 0);
        live_note(test, mark == PAGE_DIRTY ? "dirty" : "accessed",
                  (set & mark) == 0   ? "was not set"
                  : (now & mark) == 0 ? "stays clear"
                                      : "set again");
        mm_port_flush_page(page);
        check_marks_set(test, &space, page, row);
    }
}

/* A page is cached as not dirty by a read: the write that follows has to mark it nevertheless. */
TEST(dirty, is_set_by_a_write_to_a_page_that_was_cached_when_clean)
{
    struct live_space space;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    virt_addr page = map_unmarked(test, &space, &frames, PAGE_4K, 0);

    CHECK_EQUAL(live_use(page, USE_READ).vector, 0);
    CHECK_EQUAL(marks_of(&space, page, 1), PAGE_ACCESSED);
    CHECK_EQUAL(live_use(page, USE_WRITE).vector, 0);
    CHECK_EQUAL(marks_of(&space, page, 1), MARKS);
}

/* A bit may be set for an access that the CPU thinks of and does not do, but not dirty. */
TEST(dirty, is_not_set_by_a_write_to_the_next_page_or_one_that_faults)
{
    struct live_space space;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    virt_addr page = map_unmarked(test, &space, &frames, PAGE_4K, 0);
    virt_addr next = virt_addr_add(page, page_size_bytes(PAGE_4K));
    struct page_entry *leaf = live_entry(&space, page, 1);
    struct page_entry *next_leaf = live_entry(&space, next, 1);

    page_entry_store(next_leaf, (struct page_entry){page_entry_load(leaf).bits});
    page_entry_store(leaf, (struct page_entry){page_entry_load(leaf).bits & ~PAGE_WRITABLE});
    CHECK_SEEN(live_use(page, USE_WRITE), live_expected(&space, page, USE_WRITE));
    CHECK_EQUAL(marks_of(&space, page, 1) & PAGE_DIRTY, 0);
    live_note(test, "accessed, after the fault", marks_of(&space, page, 1) == 0 ? "clear" : "set");
    CHECK_EQUAL(live_use(next, USE_WRITE).vector, 0);
    CHECK_EQUAL(marks_of(&space, next, 1), MARKS);
    CHECK_EQUAL(marks_of(&space, page, 1) & PAGE_DIRTY, 0);
}

static uint64_t exchange(struct page_entry *entry, uint64_t bits)
{
    return __atomic_exchange_n(&entry->bits, bits, __ATOMIC_SEQ_CST);
}

static bool replace(struct page_entry *entry, uint64_t *expected, uint64_t bits)
{
    return __atomic_compare_exchange_n(&entry->bits, expected, bits, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

/* The write comes between the load and the store of an update. A plain store would overwrite the
 * bit that it sets; a compare-exchange fails and is done again with it. */
TEST(dirty, set_in_the_middle_of_an_update_is_not_lost_by_compare_exchange)
{
    struct live_space space;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    virt_addr page = map_unmarked(test, &space, &frames, PAGE_4K, 0);
    struct page_entry *leaf = live_entry(&space, page, 1);
    uint64_t bits = page_entry_load(leaf).bits;

    CHECK_EQUAL(live_use(page, USE_WRITE).vector, 0);
    CHECK(!replace(leaf, &bits, bits & ~PAGE_WRITABLE));
    CHECK_EQUAL(bits & MARKS, MARKS);
    CHECK(replace(leaf, &bits, bits & ~PAGE_WRITABLE));
    mm_port_flush_page(page);
    CHECK_EQUAL(marks_of(&space, page, 1), MARKS);
    CHECK_SEEN(live_use(page, USE_WRITE), live_expected(&space, page, USE_WRITE));
    CHECK_EQUAL(live_expected(&space, page, USE_WRITE).vector, EXCEPTION_PAGE_FAULT);
}

/* Once a leaf is absent and flushed, what the exchange returned is all that will be known of it. */
TEST(dirty, is_final_when_the_leaf_is_taken_out_and_flushed)
{
    struct live_space space;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    virt_addr page = map_unmarked(test, &space, &frames, PAGE_4K, 0);
    struct page_entry *leaf = live_entry(&space, page, 1);
    uint64_t bits = page_entry_load(leaf).bits;

    CHECK_EQUAL(live_use(page, USE_WRITE).vector, 0);
    CHECK_EQUAL(exchange(leaf, bits & ~PAGE_PRESENT), bits | MARKS);
    mm_port_flush_page(page);
    for (enum use use = USE_READ; use <= USE_FETCH; use++) {
        CHECK_SEEN(live_use(page, use), live_expected(&space, page, use));
        CHECK_EQUAL(page_entry_load(leaf).bits, bits & ~PAGE_PRESENT);
    }
    page_entry_store(leaf, (struct page_entry){bits});
}

/* The bits of whatever leaf maps the page. */
static uint64_t leaf_marks(const struct live_space *space, virt_addr page)
{
    return page_table_translate(&space->raw, page).flags.bits & MARKS;
}

/* Operations that change an entry on the way to a page without being asked for these bits. */
struct operation {
    const char *name;
    enum page_size size;
    void (*run)(struct test *test, const struct live_space *space, struct test_frames *frames,
                virt_addr page);
};

static void update_flags(struct test *test, const struct live_space *space,
                         struct test_frames *frames, virt_addr page)
{
    (void)frames;
    CHECK_EQUAL(
        tlb_flush_now(page_table_update_flags(&space->table, page, PAGE_4K,
                                              page_flags_of(PAGE_PRESENT), ACCESSED_DIRTY_KEEP)),
        UPDATE_OK);
}

static void update_flags_to_user(struct test *test, const struct live_space *space,
                                 struct test_frames *frames, virt_addr page)
{
    (void)frames;
    CHECK_EQUAL(tlb_flush_now(page_table_update_flags(
                    &space->table, live_huge_page(page), PAGE_2M,
                    page_flags_of(PAGE_PRESENT | PAGE_USER | PAGE_WRITABLE), ACCESSED_DIRTY_KEEP)),
                UPDATE_OK);
}

static void protect_range(struct test *test, const struct live_space *space,
                          struct test_frames *frames, virt_addr page)
{
    struct page_range range = page_range_of(live_huge_page(page), 512);

    (void)frames;
    CHECK_EQUAL(
        tlb_flush_now(page_table_protect_range(&space->table, range, page_flags_of(PAGE_PRESENT))),
        RANGE_OK);
}

static void split(struct test *test, const struct live_space *space, struct test_frames *frames,
                  virt_addr page)
{
    CHECK_EQUAL(tlb_flush_now(page_table_split(&space->table, live_huge_page(page), PAGE_2M,
                                               &frames->source)),
                SPLIT_OK);
}

static void merge(struct test *test, const struct live_space *space, struct test_frames *frames,
                  virt_addr page)
{
    CHECK_EQUAL(tlb_flush_now(page_table_merge(&space->table, live_huge_page(page), PAGE_2M,
                                               &frames->source)),
                MERGE_OK);
}

static void split_and_merge(struct test *test, const struct live_space *space,
                            struct test_frames *frames, virt_addr page)
{
    split(test, space, frames, page);
    merge(test, space, frames, page);
}

static const struct operation operations[] = {
    {"update_flags", PAGE_4K, update_flags},
    {"update_flags of 2 MiB", PAGE_2M, update_flags_to_user},
    {"protect_range", PAGE_4K, protect_range},
    {"protect_range of 2 MiB", PAGE_2M, protect_range},
    {"split", PAGE_2M, split},
    {"split and merge", PAGE_2M, split_and_merge},
};

/* Accessed may come by itself: the CPU may think of an access. */
TEST_EACH(accessed, and_dirty_stay_as_they_are_when_something_else_is_changed, operations)
{
    static const uint64_t marks[] = {0, PAGE_ACCESSED, MARKS};

    for (unsigned used = 0; used < 3; used++) {
        struct live_space space;
        struct test_frames frames;
        test_frames_init(&frames, test, TEST_FRAMES_MAX);
        virt_addr page = map_unmarked(test, &space, &frames, row->size, 0);

        if (used > 0) {
            CHECK_EQUAL(live_use(page, used == 1 ? USE_READ : USE_WRITE).vector, 0);
        }
        row->run(test, &space, &frames, page);
        CHECK_FLAGS_EQUAL(page_flags_of(leaf_marks(&space, page) & (marks[used] | PAGE_DIRTY)),
                          page_flags_of(marks[used]));
    }
}

/* One written page makes the merged one dirty; when it is split, all are. */
TEST(dirty, goes_from_one_small_page_to_the_huge_one_and_back_to_all)
{
    struct live_space space;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    virt_addr page = map_unmarked(test, &space, &frames, PAGE_2M, 0);
    virt_addr first = live_huge_page(page);

    split(test, &space, &frames, page);
    CHECK_EQUAL(live_use(page, USE_WRITE).vector, 0);
    for (uint64_t part = 0; part < TABLE_ENTRY_COUNT; part++) {
        virt_addr small = virt_addr_add(first, part << PAGE_SHIFT);
        CHECK_EQUAL(leaf_marks(&space, small) & PAGE_DIRTY,
                    small.value == page.value ? PAGE_DIRTY : 0);
    }
    merge(test, &space, &frames, page);
    CHECK_EQUAL(leaf_marks(&space, first), MARKS);
    split(test, &space, &frames, page);
    for (uint64_t part = 0; part < TABLE_ENTRY_COUNT; part++) {
        CHECK_EQUAL(leaf_marks(&space, virt_addr_add(first, part << PAGE_SHIFT)), MARKS);
    }
}

/* What a collector of dirty pages does: look, clear, flush, and look again later. */
TEST(dirty, tells_which_pages_were_written_since_it_was_cleared_and_flushed)
{
    enum { PAGES = 5, ROUNDS = 1 << PAGES };
    struct live_space space;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    virt_addr first = map_unmarked(test, &space, &frames, PAGE_4K, 0);

    for (uint64_t i = 1; i < PAGES; i++) {
        page_entry_store(live_entry(&space, virt_addr_add(first, i << PAGE_SHIFT), 1),
                         page_entry_load(live_entry(&space, first, 1)));
    }
    for (unsigned written = 0; written < ROUNDS; written++) {
        for (uint64_t i = 0; i < PAGES; i++) {
            virt_addr page = virt_addr_add(first, i << PAGE_SHIFT);
            enum use use = (written >> i & 1) != 0 ? USE_WRITE : USE_READ;
            CHECK_EQUAL(live_use(page, use).vector, 0);
        }
        for (uint64_t i = 0; i < PAGES; i++) {
            virt_addr page = virt_addr_add(first, i << PAGE_SHIFT);
            CHECK_EQUAL((leaf_marks(&space, page) & PAGE_DIRTY) != 0, (written >> i & 1) != 0);
            CHECK_EQUAL(tlb_flush_now(page_table_update_flags(
                            &space.table, page, PAGE_4K,
                            page_flags_of(PAGE_PRESENT | PAGE_WRITABLE), ACCESSED_DIRTY_REPLACE)),
                        UPDATE_OK);
        }
    }
}
