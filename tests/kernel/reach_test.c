/* Where page tables are, and by which addresses they can be reached. */
#include "mm/address_space.h"

#include "kernel/cpu/registers.h"
#include "kernel/paging/layout.h"
#include "tests/kernel/support.h"

#define KIB UINT64_C(1024)
#define FAR_PAGE UINT64_C(0xdead0000000)

static uint64_t physical_word(const struct kernel *kernel, phys_addr table, unsigned index)
{
    return ((volatile uint64_t *)physical_byte(kernel, table))[index];
}

static struct table_access all_memory(const struct kernel *kernel)
{
    return table_access_linear(kernel->boot_info->physical_memory_offset, phys_addr_of(0),
                               memory_map_ram_end(&kernel->boot_info->memory_map));
}

TEST(reach, finds_the_next_table_at_the_physical_address_in_each_entry_from_cr3_down)
{
    struct kernel *kernel = test->subject;
    virt_addr code = virt_addr_of((uint64_t)page_table_translate);
    phys_addr frame = phys_addr_of(cr3_read() & CR3_FRAME_MASK);

    for (unsigned level = kernel->page_table.levels; level >= 1; level--) {
        uint64_t entry = physical_word(kernel, frame, virt_addr_index(code, level));
        REQUIRE((entry & PAGE_PRESENT) != 0);
        frame = phys_addr_of(entry & PAGE_FRAME_MASK);
    }
    CHECK_EQUAL(frame.value | (code.value & 0xfff),
                page_table_translate(&kernel->page_table, code).address.value);
    CHECK_EQUAL(*physical_byte(kernel, phys_addr_of(frame.value | (code.value & 0xfff))),
                *(volatile uint8_t *)code.value);
}

/* A space of its own in which page `page` is mapped to a new frame; it is active afterwards. */
static phys_addr enter_space(struct test *test, struct test_frames *frames, uint64_t page)
{
    struct kernel *kernel = test->subject;
    struct address_space own = {.table = kernel->page_table};
    struct address_space space;
    phys_addr frame;

    own.table.access = all_memory(kernel);
    test_frames_init(frames, test, TEST_FRAMES_MAX);
    REQUIRE(frame_source_allocate(&frames->source, 0, &frame));
    REQUIRE_EQUAL(address_space_create(&space, &own, 0, &frames->source), ADDRESS_SPACE_OK);
    REQUIRE_EQUAL(address_space_flush(&space, page_table_map_to(&space.table, virt_addr_of(page),
                                                                frame, PAGE_4K, data_flags(kernel),
                                                                &frames->source)),
                  MAP_OK);
    test_tree(space.table.root, space.table.levels);
    address_space_switch(&own, &space);
    return frame;
}

TEST(reach, of_virtual_4_kib_is_not_of_physical_4_kib_when_mapped_elsewhere)
{
    struct kernel *kernel = test->subject;
    struct test_frames frames;
    phys_addr frame = enter_space(test, &frames, 4 * KIB);
    volatile uint64_t *virtual_4_kib = mm_port_pointer(virt_addr_of(4 * KIB));
    uint64_t physical_before = physical_word(kernel, phys_addr_of(4 * KIB), 0);

    *virtual_4_kib = ~physical_before;
    CHECK_EQUAL(physical_word(kernel, phys_addr_of(4 * KIB), 0), physical_before);
    CHECK_EQUAL(physical_word(kernel, frame, 0), ~physical_before);
}

struct identity_check {
    struct test *test;
    const struct kernel *kernel;
};

static bool check_identity(void *context, const struct visited_entry *entry)
{
    const struct identity_check *check = context;
    struct test *test = check->test;

    if (!entry->leaf && !entry->recursive) {
        phys_addr frame = page_entry_table(entry->entry);
        volatile uint64_t *words = mm_port_pointer(virt_addr_of(frame.value));
        REQUIRE(frame.value < LAYOUT_IDENTITY_END);
        for (unsigned index = 0; index < TABLE_ENTRY_COUNT; index++) {
            uint64_t marks = PAGE_ACCESSED | PAGE_DIRTY; /* reading sets them */
            CHECK_EQUAL(words[index] & ~marks, physical_word(check->kernel, frame, index) & ~marks);
        }
    }
    return true;
}

TEST(reach, by_identity_shows_each_table_at_its_physical_address)
{
    struct kernel *kernel = test->subject;
    struct identity_check check = {test, kernel};

    page_table_visit(&kernel->page_table, check_identity, &check);
}

TEST(reach, by_identity_refuses_frames_that_a_file_mapped_at_1008_kib_hides)
{
    struct kernel *kernel = test->subject;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct page_table table = test_table(&frames, test_levels_first(kernel));
    const struct frame_range hidden = {phys_addr_of(1012 * KIB), 100};
    struct range_source hidden_frames;
    uint64_t checksum = tree_checksum(&table);

    range_source_init(&hidden_frames, &hidden, 1);
    /* The pages from 1008 KiB on show the file: tables can be in frames below that only. */
    table.access = all_memory(kernel);
    table.access.linear.end = phys_addr_of(1008 * KIB);
    CHECK(access_reaches(&table.access, ACCESS_LINEAR, phys_addr_of(1004 * KIB)));
    CHECK_EQUAL(tlb_flush_ignore(page_table_map_to(&table, virt_addr_of(FAR_PAGE), phys_addr_of(0),
                                                   PAGE_4K, data_flags(kernel),
                                                   &hidden_frames.source)),
                MAP_FRAME_UNREACHABLE);
    table.access = all_memory(kernel);
    CHECK_EQUAL(tree_checksum(&table), checksum);
    CHECK_EQUAL(range_source_position(&hidden_frames).value, 1012 * KIB);
}

TEST(reach, of_any_frame_lets_another_space_be_edited_without_a_switch)
{
    struct kernel *kernel = test->subject;
    struct address_space own = {.table = kernel->page_table};
    struct address_space other;
    struct test_frames frames;
    uint64_t cr3 = cr3_read();

    own.table.access = all_memory(kernel);
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    REQUIRE_EQUAL(address_space_create(&other, &own, 0, &frames.source), ADDRESS_SPACE_OK);
    test_tree(other.table.root, other.table.levels);
    REQUIRE_EQUAL(address_space_flush(&other, page_table_map_to(&other.table,
                                                                virt_addr_of(FAR_PAGE),
                                                                phys_addr_of(0x5000), PAGE_4K,
                                                                data_flags(kernel),
                                                                &frames.source)),
                  MAP_OK);
    CHECK_TRANSLATES(&other.table, virt_addr_of(FAR_PAGE), phys_addr_of(0x5000));
    CHECK_NOT_MAPPED(&own.table, virt_addr_of(FAR_PAGE));
    CHECK_EQUAL(cr3_read(), cr3);
}

/* The fixed-offset strategy as the tutorial describes it: each new table gets a mapping of its own
 * at 10 TiB + its physical address. */
struct window_source {
    struct frame_source source;
    struct test_frames *frames;
    struct page_table *kernel_table; /* where the window is mapped */
    unsigned mapped_count;
};

#define WINDOW (LAYOUT_FIXED_OFFSET + (UINT64_C(1) << 40))

static bool window_allocate(struct frame_source *source, unsigned order, phys_addr *frame)
{
    struct window_source *window = (struct window_source *)source;
    struct kernel *kernel = window->frames->kernel;

    if (!frame_source_allocate(&window->frames->source, order, frame)) {
        return false;
    }
    window->mapped_count++;
    return tlb_flush_now(page_table_map_to(window->kernel_table,
                                           virt_addr_of(WINDOW + frame->value), *frame, PAGE_4K,
                                           data_flags(kernel), &window->frames->source)) == MAP_OK;
}

static bool count_leaf(void *context, const struct visited_entry *entry)
{
    unsigned *count = context;

    *count += entry->leaf && entry->start.value >= WINDOW &&
                      entry->start.value < WINDOW + (UINT64_C(1) << 40)
                  ? 1
                  : 0;
    return entry->level > 1;
}

TEST(reach, by_fixed_offset_takes_one_new_mapping_for_each_new_table_and_nothing_else)
{
    struct kernel *kernel = test->subject;
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    /* The window is in a space of the test's own, so that nothing is left of it. */
    struct address_space own = {.table = kernel->page_table};
    struct address_space space;
    own.table.access = all_memory(kernel);
    REQUIRE_EQUAL(address_space_create(&space, &own, 0, &frames.source), ADDRESS_SPACE_OK);
    test_tree(space.table.root, space.table.levels);
    address_space_switch(&own, &space);

    struct window_source window = {
        .source = {.allocate = window_allocate},
        .frames = &frames,
        .kernel_table = &space.table,
    };
    phys_addr root;
    REQUIRE(frame_source_allocate(&window.source, 0, &root));
    struct page_table table = kernel->page_table;
    table.root = root;
    table.active = false;
    table.access = table_access_linear(WINDOW, phys_addr_of(0), phys_addr_of(UINT64_C(1) << 40));
    mm_port_zero_table(mm_port_pointer(virt_addr_of(WINDOW + root.value)));

    static const uint64_t pages[] = {0x803fe00000, 0x803fe02000, 0x803fdfd000, FAR_PAGE};
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        unsigned in_window = 0;
        REQUIRE_EQUAL(tlb_flush_ignore(page_table_map_to(&table, virt_addr_of(pages[i]),
                                                         phys_addr_of(0xb8000), PAGE_4K,
                                                         data_flags(kernel), &window.source)),
                      MAP_OK);
        page_table_visit(&space.table, count_leaf, &in_window);
        CHECK_EQUAL(in_window, 1 + page_table_tables_used(&table));
        CHECK_EQUAL(in_window, window.mapped_count);
    }
}

TEST(reach, by_fixed_offset_refuses_a_space_whose_root_is_outside_of_the_window)
{
    struct kernel *kernel = test->subject;
    struct address_space own = {.table = kernel->page_table};
    struct address_space other;
    struct test_frames frames;

    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    own.table.access = table_access_linear(LAYOUT_FIXED_OFFSET, phys_addr_of(0), phys_addr_of(4096));
    CHECK_EQUAL(address_space_create(&other, &own, 0, &frames.source),
                ADDRESS_SPACE_FRAME_UNREACHABLE);
    CHECK_EQUAL(frames.in_use, 0);
}
