/* Tables that are taken out of live trees: after the flush the CPU reads them no more, so that
 * their frames can be used for something else.
 *
 * Source: Intel SDM volume 3, 4.10.3 "Paging-Structure Caches", 4.10.4.1 "Operations that
 * Invalidate TLBs and Paging-Structure Caches", 4.10.4.2 "Recommended Invalidation".
 */
#include "kernel/cpu/registers.h"
#include "tests/kernel/live_space.h"

/* Makes a frame look like a table whose entries all lead to `next`: whoever takes it for one, by
 * whatever index, is misled. */
static void fill_with_entries(const struct kernel *kernel, phys_addr frame, phys_addr next)
{
    volatile uint64_t *words = (volatile uint64_t *)physical_byte(kernel, frame);

    for (unsigned index = 0; index < TABLE_ENTRY_COUNT; index++) {
        words[index] = next.value | PAGE_PRESENT | PAGE_WRITABLE;
    }
}

/* The table of `level` on the way to `page`. */
static phys_addr table_of(const struct live_space *space, virt_addr page, unsigned level)
{
    return page_entry_table(page_entry_load(live_entry(space, page, level + 1)));
}

static void flush_mapped_page(virt_addr page)
{
    mm_port_flush_page(page);
}

/* The last byte that an entry of level 2 covers: nothing is mapped there. */
static void flush_end_of_table(virt_addr page)
{
    mm_port_flush_page(virt_addr_of(page.value | (level_bytes(2) - 1)));
}

static void reload_cr3(virt_addr page)
{
    (void)page;
    cr3_write(cr3_read());
}

static const struct unlinking {
    const char *name;
    unsigned level; /* of the entry that named the table */
    void (*flush)(virt_addr page);
} unlinkings[] = {
    {"level 2, invlpg of a page", 2, flush_mapped_page},
    {"level 2, invlpg of a gap", 2, flush_end_of_table},
    {"level 2, CR3", 2, reload_cr3},
    {"level 3, invlpg of a page", 3, flush_mapped_page},
    {"level 3, invlpg of a gap", 3, flush_end_of_table},
    {"level 3, CR3", 3, reload_cr3},
    {"level 4, invlpg of a page", 4, flush_mapped_page},
    {"level 4, invlpg of a gap", 4, flush_end_of_table},
    {"level 4, CR3", 4, reload_cr3},
    {"root, invlpg of a page", LEVEL_ROOT, flush_mapped_page},
    {"root, invlpg of a gap", LEVEL_ROOT, flush_end_of_table},
    {"root, CR3", LEVEL_ROOT, reload_cr3},
};

/* A page makes the CPU cache the tables. Of the next one, the gap, nothing is cached while they are
 * linked: only by way of a cached table can it be reached. */
static void check_unlinked(struct test *test, const struct unlinking *unlinking, bool flushed)
{
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct live_space space = live_space_enter(&frames);
    virt_addr page = live_space_map(test, &space, &frames, PAGE_4K, 0);
    virt_addr gap = virt_addr_add(page, page_size_bytes(PAGE_4K));
    unsigned level = live_level(&space, unlinking->level);
    struct page_entry *entry = live_entry(&space, page, level);
    struct page_entry linked = page_entry_load(entry);
    phys_addr table = table_of(&space, page, 1);

    CHECK_EQUAL(live_use(page, USE_READ).vector, 0);
    page_entry_store(entry, (struct page_entry){0});
    fill_with_entries(frames.kernel, table, data_frame(1));
    if (flushed) {
        unlinking->flush(page);
    }
    struct seen absent = live_expected(&space, gap, USE_READ);
    struct seen seen = live_use(gap, USE_READ);
    mm_port_flush_page(page);
    CHECK_SEEN(live_use(page, USE_READ), live_expected(&space, page, USE_READ));

    page_entry_store(entry, linked);
    struct seen misled = live_expected(&space, gap, USE_READ);
    CHECK(!seen_equal(absent, misled));
    if (flushed) {
        CHECK_SEEN(seen, absent);
    } else {
        CHECK_OLD_OR_NEW(unlinking->name, seen, misled, absent);
    }
}

TEST_EACH(unlinked_table, may_be_read_until_an_address_that_it_covered_is_flushed, unlinkings)
{
    check_unlinked(test, row, false);
}

TEST_EACH(unlinked_table, is_not_read_after_an_address_that_it_covered_is_flushed, unlinkings)
{
    check_unlinked(test, row, true);
}

/* A source that looks at a page whenever a frame comes back: then the CPU must know the tables as
 * they are, or it could use the frame as a table while its next owner writes to it. */
struct watching_source {
    struct frame_source source;
    struct frame_source *inner;
    struct test *test;
    const struct live_space *space;
    virt_addr page;
    unsigned freed_count;
};

static bool watching_allocate(struct frame_source *source, unsigned order, phys_addr *frame)
{
    struct watching_source *watching = (struct watching_source *)source;

    return frame_source_allocate(watching->inner, order, frame);
}

static enum frame_free_result watching_free(struct frame_source *source, unsigned order,
                                            phys_addr frame)
{
    struct watching_source *watching = (struct watching_source *)source;
    struct test *test = watching->test;

    watching->freed_count++;
    CHECK_SEEN(live_use(watching->page, USE_READ),
               live_expected(watching->space, watching->page, USE_READ));
    return frame_source_free(watching->inner, order, frame);
}

/* Not the 2 MiB that the data pages are in. */
static phys_addr other_huge_frame(void)
{
    uint64_t bytes = page_size_bytes(PAGE_2M);

    return phys_addr_of(align_down(data_frame(1).value, bytes) ^ bytes);
}

/* Each takes one table or more out of the tree. The page is used before, and not flushed when it
 * is unmapped: the operation flushes all by itself. */
static void clean_up(struct test *test, const struct live_space *space, struct frame_source *frames,
                     virt_addr page)
{
    CHECK_EQUAL(live_use(page, USE_READ).vector, 0);
    CHECK_EQUAL(tlb_flush_ignore(page_table_unmap(&space->table, page, PAGE_4K)), PAGE_OK);
    CHECK_EQUAL(tlb_flush_now(page_table_clean_up(&space->table, page_range_of(page, 1), frames)),
                RANGE_OK);
}

static void replace_by_huge_page(struct test *test, const struct live_space *space,
                                 struct frame_source *frames, virt_addr page)
{
    phys_addr frame = other_huge_frame();

    CHECK_EQUAL(live_use(page, USE_READ).vector, 0);
    CHECK_EQUAL(tlb_flush_ignore(page_table_unmap(&space->table, page, PAGE_4K)), PAGE_OK);
    CHECK_EQUAL(tlb_flush_now(page_table_map_to(&space->table, live_huge_page(page), frame, PAGE_2M,
                                                page_flags_of(PAGE_PRESENT), frames)),
                MAP_OK);
}

static void map_range_with_huge_page(struct test *test, const struct live_space *space,
                                     struct frame_source *frames, virt_addr page)
{
    phys_addr frame = other_huge_frame();

    CHECK_EQUAL(live_use(page, USE_READ).vector, 0);
    CHECK_EQUAL(tlb_flush_ignore(page_table_unmap(&space->table, page, PAGE_4K)), PAGE_OK);
    CHECK_EQUAL(tlb_flush_now(page_table_map_range(
                    &space->table, page_range_of(live_huge_page(page), TABLE_ENTRY_COUNT), frame,
                    RANGE_PAGES_2M, page_flags_of(PAGE_PRESENT), frames)),
                MAP_OK);
}

/* The leaves are changed unseen to what the table, but not the cached translation, has. */
static void merge(struct test *test, const struct live_space *space, struct frame_source *frames,
                  virt_addr page)
{
    phys_addr frame = other_huge_frame();

    CHECK_EQUAL(live_use(page, USE_READ).vector, 0);
    for (uint64_t index = 0; index < TABLE_ENTRY_COUNT; index++) {
        virt_addr small = virt_addr_add(live_huge_page(page), index << PAGE_SHIFT);
        page_entry_store(live_entry(space, small, 1),
                         (struct page_entry){(frame.value + (index << PAGE_SHIFT)) | PAGE_PRESENT});
    }
    CHECK_EQUAL(
        tlb_flush_now(page_table_merge(&space->table, live_huge_page(page), PAGE_2M, frames)),
        MERGE_OK);
}

static const struct {
    const char *name;
    void (*run)(struct test *test, const struct live_space *space, struct frame_source *frames,
                virt_addr page);
    bool to_the_root; /* takes out the tables of all levels */
} removals[] = {
    {"clean_up", clean_up, true},
    {"map_to of a huge page", replace_by_huge_page, false},
    {"map_range with a huge page", map_range_with_huge_page, false},
    {"merge", merge, false},
};

TEST_EACH(removed_table, is_out_of_use_before_its_frame_is_given_back, removals)
{
    phys_addr tables[PAGING_LEVELS_MAX + 1];
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct live_space space = live_space_enter(&frames);
    virt_addr page = live_space_map(test, &space, &frames, PAGE_4K, 0);
    virt_addr gap = virt_addr_add(page, page_size_bytes(PAGE_4K));
    unsigned removed = row->to_the_root ? space.table.levels - 1 : 1;
    struct watching_source watching = {
        .source = {.allocate = watching_allocate, .free = watching_free},
        .inner = &frames.source,
        .test = test,
        .space = &space,
        .page = page,
    };

    for (unsigned level = 1; level <= removed; level++) {
        tables[level] = table_of(&space, page, level);
    }
    row->run(test, &space, &watching.source, page);
    CHECK_EQUAL(watching.freed_count, removed);
    for (unsigned level = 1; level <= removed; level++) {
        fill_with_entries(frames.kernel, tables[level],
                          level == 1 ? data_frame(1) : tables[level - 1]);
    }
    CHECK_SEEN(live_use(gap, USE_READ), live_expected(&space, gap, USE_READ));
    CHECK_SEEN(live_use(page, USE_READ), live_expected(&space, page, USE_READ));
}
