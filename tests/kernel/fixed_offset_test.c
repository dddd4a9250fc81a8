/* Tables at a fixed offset, as the tutorial has it: each table of a space is mapped in that space
 * at 10 TiB + its physical address, and nothing else is mapped there. */
#include "mm/address_space.h"

#include "kernel/layout/layout.h"
#include "tests/kernel/support.h"

#define WINDOW LAYOUT_FIXED_OFFSET
#define WINDOW_BYTES (UINT64_C(1) << 40)
#define FAR_PAGE UINT64_C(0xdead0000000)

/* A window in a space of its own, for tables that are made later. */
struct window_source {
    struct frame_source source;
    struct test_frames *frames;
    struct page_table *home; /* where the window is mapped */
    unsigned mapped_count;
};

static virt_addr in_window(phys_addr frame)
{
    return virt_addr_of(WINDOW + frame.value);
}

static enum map_result map_in_window(const struct page_table *table, struct test_frames *frames,
                                     phys_addr frame)
{
    return tlb_flush_now(page_table_map_to(table, in_window(frame), frame, PAGE_4K,
                                           data_flags(frames->kernel), &frames->source));
}

static bool window_allocate(struct frame_source *source, unsigned order, phys_addr *frame)
{
    struct window_source *window = (struct window_source *)source;

    if (!frame_source_allocate(&window->frames->source, order, frame)) {
        return false;
    }
    window->mapped_count++;
    return map_in_window(window->home, window->frames, *frame) == MAP_OK;
}

static bool count_window_page(void *context, const struct visited_entry *entry)
{
    unsigned *count = context;

    *count +=
        entry->leaf && entry->start.value >= WINDOW && entry->start.value < WINDOW + WINDOW_BYTES
            ? 1
            : 0;
    return entry->level > 1;
}

/* The kernel's space as physical memory shows it. */
static struct address_space kernel_space(const struct kernel *kernel)
{
    struct address_space space = {.table = kernel->page_table};

    space.table.access = physical_access(kernel);
    return space;
}

static struct address_space new_space(struct test *test, struct test_frames *frames)
{
    struct address_space own = kernel_space(test->subject);
    struct address_space space;

    REQUIRE_EQUAL(address_space_create(&space, &own, 0, &frames->source), ADDRESS_SPACE_OK);
    test_tree(space.table.root, space.table.levels);
    return space;
}

TEST(reach, by_fixed_offset_takes_one_new_mapping_for_each_new_table_and_nothing_else)
{
    struct kernel *kernel = test->subject;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct address_space own = kernel_space(kernel);
    struct address_space space = new_space(test, &frames);
    struct window_source window = {
        .source = {.allocate = window_allocate}, .frames = &frames, .home = &space.table};
    struct page_table table = kernel->page_table;

    address_space_switch(&own, &space);
    REQUIRE(frame_source_allocate(&window.source, 0, &table.root));
    table.active = false;
    table.access = table_access_linear(WINDOW, phys_addr_of(0), phys_addr_of(WINDOW_BYTES));
    mm_port_zero_table(mm_port_pointer(in_window(table.root)));

    static const uint64_t pages[] = {0x803fe00000, 0x803fe02000, 0x803fdfd000, FAR_PAGE};
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        unsigned count = 0;
        REQUIRE_EQUAL(tlb_flush_ignore(page_table_map_to(&table, virt_addr_of(pages[i]),
                                                         phys_addr_of(0xb8000), PAGE_4K,
                                                         data_flags(kernel), &window.source)),
                      MAP_OK);
        page_table_visit(&space.table, count_window_page, &count);
        CHECK_EQUAL(count, 1 + page_table_tables_used(&table));
        CHECK_EQUAL(count, window.mapped_count);
    }
}

/* The frames of the tables of a space, root first: many where memory is mapped in small pages. */
enum { TABLES_MAX = 1024 };
static struct table_list {
    phys_addr frames[TABLES_MAX];
    unsigned count;
} list;

static bool add_table(void *context, const struct visited_entry *entry)
{
    (void)context;
    if (!entry->leaf && !entry->recursive && list.count < TABLES_MAX) {
        list.frames[list.count++] = page_entry_table(entry->entry);
    }
    return true;
}

static void list_tables(const struct page_table *table)
{
    list.frames[0] = table->root;
    list.count = 1;
    page_table_visit(table, add_table, NULL);
}

/* Maps every table of the space in its own window: also those that the window itself takes. Leaves
 * them in the list. */
static void show_tables(struct test *test, const struct address_space *space,
                        struct test_frames *frames)
{
    unsigned shown_count;

    list_tables(&space->table);
    do {
        REQUIRE_LESS(list.count, TABLES_MAX);
        shown_count = list.count;
        for (unsigned i = 0; i < shown_count; i++) {
            enum map_result result = map_in_window(&space->table, frames, list.frames[i]);
            REQUIRE(result == MAP_OK || result == MAP_ALREADY_MAPPED);
        }
        list_tables(&space->table);
    } while (list.count > shown_count);
}

TEST(reach, by_fixed_offset_shows_every_table_of_a_space_at_10_tib_and_nothing_else)
{
    struct kernel *kernel = test->subject;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct address_space own = kernel_space(kernel);
    struct address_space space = new_space(test, &frames);
    unsigned count = 0;
    phys_addr other;

    show_tables(test, &space, &frames);
    CHECK_EQUAL(WINDOW, UINT64_C(10) << 40);
    page_table_visit(&space.table, count_window_page, &count);
    CHECK_EQUAL(count, list.count);
    REQUIRE(frame_source_allocate(&frames.source, 0, &other));
    address_space_switch(&own, &space);
    for (unsigned i = 0; i < list.count; i++) {
        volatile uint64_t *entries = mm_port_pointer(in_window(list.frames[i]));
        for (unsigned index = 0; index < TABLE_ENTRY_COUNT; index++) {
            uint64_t marks = PAGE_ACCESSED | PAGE_DIRTY; /* reading sets them */
            CHECK_EQUAL(entries[index] & ~marks,
                        *physical_entry(kernel, list.frames[i], index) & ~marks);
        }
    }
    CHECK_PAGE_FAULT(in_window(other), 0, read_at, mm_port_pointer(in_window(other)));
    space.table.access = table_access_linear(WINDOW, phys_addr_of(0), phys_addr_of(WINDOW_BYTES));
    CHECK_TRANSLATES(&space.table, in_window(space.table.root), space.table.root);
    CHECK_EQUAL(frame_source_free(&frames.source, 0, other), FRAME_FREE_OK);
}

TEST(reach, by_fixed_offset_faults_at_the_tables_of_another_space)
{
    struct kernel *kernel = test->subject;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct address_space own = kernel_space(kernel);
    struct address_space spaces[2] = {new_space(test, &frames), new_space(test, &frames)};

    show_tables(test, &spaces[0], &frames);
    show_tables(test, &spaces[1], &frames);
    for (unsigned i = 0; i < 2; i++) {
        virt_addr own_root = in_window(spaces[i].table.root);
        virt_addr other_root = in_window(spaces[1 - i].table.root);

        address_space_switch(i == 0 ? &own : &spaces[0], &spaces[i]);
        CHECK_NO_FAULT(read_at, mm_port_pointer(own_root));
        CHECK_PAGE_FAULT(other_root, 0, read_at, mm_port_pointer(other_root));
    }
}

TEST(reach, by_fixed_offset_refuses_a_space_whose_root_is_outside_of_the_window)
{
    struct kernel *kernel = test->subject;
    struct address_space own = {.table = kernel->page_table};
    struct address_space other;
    struct test_frames frames;

    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    own.table.access = table_access_linear(WINDOW, phys_addr_of(0), phys_addr_of(4096));
    CHECK_EQUAL(address_space_create(&other, &own, 0, &frames.source),
                ADDRESS_SPACE_FRAME_UNREACHABLE);
    CHECK_EQUAL(frames.in_use, 0);
}
