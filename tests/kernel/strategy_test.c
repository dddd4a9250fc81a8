/* The five ways to reach tables take the tutorial's whole path, from one table: look at the tables,
 * translate, map where the tables exist, fail for lack of frames, map with new tables. And what a
 * way cannot do is a result of its own. */
#include "kernel/paging/strategy.h"

#include "kernel/cpu/registers.h"
#include "kernel/layout/image.h"
#include "kernel/layout/layout.h"
#include "mm/address_space.h"
#include "tests/kernel/support.h"

#define VGA_PAGE virt_addr_of(VGA_TEXT_FRAME)
#define FAR_PAGE virt_addr_of(UINT64_C(0xdeadbeaf000))
#define SCRATCH_PAGE virt_addr_of(UINT64_C(0x1000))

enum { RECURSIVE_SLOT = 3, FIRST_TEMPORARY_SLOT = 100 };

/* Whether a space that is not active can be made, and tables be put into any frame. */
static const struct way {
    const char *name;
    enum access_strategy strategy;
    enum address_space_result other_space;
    enum map_result frame_out_of_window;
} ways[] = {
    {"offset", STRATEGY_OFFSET, ADDRESS_SPACE_OK, MAP_OK},
    {"fixed", STRATEGY_FIXED, ADDRESS_SPACE_FRAME_UNREACHABLE, MAP_FRAME_UNREACHABLE},
    {"identity", STRATEGY_IDENTITY, ADDRESS_SPACE_FRAME_UNREACHABLE, MAP_FRAME_UNREACHABLE},
    {"temporary", STRATEGY_TEMPORARY, ADDRESS_SPACE_OK, MAP_OK},
    {"recursive", STRATEGY_RECURSIVE, ADDRESS_SPACE_RECURSIVE, MAP_OK},
};

/* A space that the CPU uses, with an upper half like the kernel's, the first 2 MiB mapped as the
 * kernel has them, and what a way needs to reach tables. */
struct world {
    struct test_frames frames;
    struct address_space space;  /* reached in the way that is tested */
    struct page_table by_memory; /* the same tables, as physical memory shows them */
    phys_addr frame;             /* what pages are mapped to: memory of the test's own */
};

static uint64_t identity_bytes(void)
{
    return LAYOUT_IDENTITY_END - page_size_bytes(PAGE_4K);
}

static void map_own(struct test *test, struct world *world, virt_addr page, phys_addr frame,
                    uint64_t bytes)
{
    REQUIRE_EQUAL(tlb_flush_ignore(page_table_map_range(
                      &world->by_memory, page_range_of(page, bytes >> PAGE_SHIFT), frame,
                      RANGE_PAGES_4K, data_flags(test->subject), &world->frames.source)),
                  MAP_OK);
}

/* A window that shows the first 2 MiB but for page 0. */
static struct table_access window_at(struct test *test, struct world *world, uint64_t base)
{
    uint64_t first = page_size_bytes(PAGE_4K);
    phys_addr root = world->by_memory.root;

    if (base != 0) {
        map_own(test, world, virt_addr_of(base + first), phys_addr_of(first), identity_bytes());
    }
    if (root.value >= LAYOUT_IDENTITY_END) {
        SKIP("no free frame in the first 2 MiB, which the window shows");
    }
    return table_access_linear(base, phys_addr_of(first), phys_addr_of(LAYOUT_IDENTITY_END));
}

static struct table_access access_of(struct test *test, struct world *world,
                                     enum access_strategy strategy)
{
    const struct kernel *kernel = test->subject;
    phys_addr root = world->by_memory.root;
    struct page_entry *level_1;

    switch (strategy) {
    case STRATEGY_FIXED:
        return window_at(test, world, LAYOUT_FIXED_OFFSET);
    case STRATEGY_IDENTITY:
        return window_at(test, world, LAYOUT_IDENTITY);
    case STRATEGY_TEMPORARY:
        /* The level-1 table of the page below maps itself with its last entry. */
        map_own(test, world, virt_addr_of(LAYOUT_FIXED_OFFSET), root, page_size_bytes(PAGE_4K));
        level_1 = entry_of(&world->by_memory, virt_addr_of(LAYOUT_FIXED_OFFSET), 1);
        level_1[TABLE_ENTRY_COUNT - 1].bits =
            page_entry_table(*entry_of(&world->by_memory, virt_addr_of(LAYOUT_FIXED_OFFSET), 2))
                .value |
            data_flags(kernel).bits;
        return table_access_temporary(
            virt_addr_of(LAYOUT_FIXED_OFFSET + level_bytes(2) - level_bytes(1)),
            virt_addr_of(LAYOUT_FIXED_OFFSET), FIRST_TEMPORARY_SLOT);
    case STRATEGY_RECURSIVE:
        REQUIRE_EQUAL(page_table_link_recursive(&world->by_memory, RECURSIVE_SLOT), MAP_OK);
        return table_access_recursive(RECURSIVE_SLOT, SCRATCH_PAGE);
    default:
        return physical_access(kernel);
    }
}

static void enter(struct test *test, struct world *world, enum access_strategy strategy)
{
    struct kernel *kernel = test->subject;
    struct address_space own = {.table = kernel->page_table};

    own.table.access = physical_access(kernel);
    test_frames_init(&world->frames, test, TEST_FRAMES_MAX);
    REQUIRE_EQUAL(address_space_create(&world->space, &own, 0, &world->frames.source),
                  ADDRESS_SPACE_OK);
    test_tree(world->space.table.root, world->space.table.levels);
    world->by_memory = world->space.table;
    map_own(test, world, virt_addr_of(page_size_bytes(PAGE_4K)),
            phys_addr_of(page_size_bytes(PAGE_4K)), identity_bytes());
    world->space.table.access = access_of(test, world, strategy);
    world->space.table.access.slot_flags = data_flags(kernel);
    address_space_switch(&own, &world->space);
    world->by_memory.active = true;
    REQUIRE(frame_source_allocate(&world->frames.source, 0, &world->frame));
}

static void look(struct test *test, const struct world *world, virt_addr address)
{
    struct path_entry path[PAGING_LEVELS_MAX];
    phys_addr table = phys_addr_of(cr3_read() & CR3_FRAME_MASK);
    unsigned count = page_table_path(&world->space.table, address, path);

    CHECK_ADDRESS_EQUAL(table, world->space.table.root);
    for (unsigned i = 0; i < count; i++) {
        uint64_t entry =
            *physical_entry(test->subject, table, virt_addr_index(address, path[i].level));
        uint64_t marks = PAGE_ACCESSED | PAGE_DIRTY;
        CHECK_EQUAL(path[i].entry.bits & ~marks, entry & ~marks);
        table = phys_addr_of(entry & PAGE_FRAME_MASK);
    }
}

static enum map_result map(struct test *test, struct world *world, virt_addr page,
                           struct frame_source *frames)
{
    return address_space_flush(&world->space,
                               page_table_map_to(&world->space.table, page, world->frame, PAGE_4K,
                                                 data_flags(test->subject), frames));
}

/* Writes the tutorial's word where it does, through the page. */
static void check_shows_frame(struct test *test, const struct world *world, virt_addr page)
{
    volatile uint64_t *word = mm_port_pointer(virt_addr_add(page, 8 * 400));
    volatile uint64_t *in_memory = physical_entry(test->subject, world->frame, 400);

    *in_memory = 0;
    *word = UINT64_C(0xf021f077f065f04e);
    CHECK_EQUAL(*in_memory, UINT64_C(0xf021f077f065f04e));
}

TEST_EACH(every_access, looks_translates_and_maps_as_the_tutorial_does, ways, .tags = "fresh")
{
    const virt_addr code = virt_addr_of((uint64_t)page_table_translate);
    struct world world;
    enter(test, &world, row->strategy);
    const struct page_table *table = &world.space.table;

    look(test, &world, VGA_PAGE);
    look(test, &world, code);
    look(test, &world, virt_addr_of((uint64_t)&world));
    look(test, &world, FAR_PAGE);
    CHECK_TRANSLATES(table, VGA_PAGE, phys_addr_of(VGA_TEXT_FRAME));
    CHECK_TRANSLATES(table, code, image_physical((void *)code.value));
    CHECK_TRANSLATES(table, virt_addr_of(LAYOUT_PHYSICAL_MEMORY), phys_addr_of(0));
    CHECK_NOT_MAPPED(table, virt_addr_of(0));

    unsigned in_use = world.frames.in_use;
    REQUIRE_EQUAL(map(test, &world, virt_addr_of(0), frame_source_empty()), MAP_OK);
    check_shows_frame(test, &world, virt_addr_of(0));
    uint64_t checksum = tree_checksum(&world.by_memory);
    CHECK_EQUAL(map(test, &world, FAR_PAGE, frame_source_empty()), MAP_NO_FRAME);
    world.frames.limit = in_use + 2;
    CHECK_EQUAL(map(test, &world, FAR_PAGE, &world.frames.source), MAP_NO_FRAME);
    CHECK_EQUAL(world.frames.in_use, in_use);
    CHECK_EQUAL(tree_checksum(&world.by_memory), checksum);

    world.frames.limit = in_use + 3;
    REQUIRE_EQUAL(map(test, &world, FAR_PAGE, &world.frames.source), MAP_OK);
    CHECK_EQUAL(world.frames.in_use, in_use + 3);
    check_shows_frame(test, &world, FAR_PAGE);
    look(test, &world, FAR_PAGE);
    CHECK_TRANSLATES(&world.by_memory, FAR_PAGE, world.frame);
}

TEST_EACH(every_access, says_by_its_own_result_what_it_cannot_reach, ways, .tags = "fresh")
{
    struct world world;
    enter(test, &world, row->strategy);
    struct page_table *table = &world.space.table;
    struct address_space other;
    struct range_source frames;
    struct frame_range last = {.frame_count = 1};

    /* A frame that a window does not show: it is the first one after it. */
    REQUIRE(frame_source_allocate(&world.frames.source, 0, &last.start));
    if (access_strategy_has_window(row->strategy)) {
        table->access.linear.end = last.start;
    }
    uint64_t checksum = tree_checksum(&world.by_memory);
    range_source_init(&frames, &last, 1);
    CHECK_EQUAL(address_space_create(&other, &world.space, 0, &frames.source), row->other_space);
    if (row->other_space != ADDRESS_SPACE_OK) {
        CHECK_EQUAL(range_source_position(&frames).value, last.start.value);
    }
    /* The level-1 table of page 2 MiB is missing, and no other. */
    range_source_init(&frames, &last, 1);
    CHECK_EQUAL(map(test, &world, virt_addr_of(LAYOUT_IDENTITY_END), &frames.source),
                row->frame_out_of_window);
    if (row->frame_out_of_window == MAP_OK) {
        check_shows_frame(test, &world, virt_addr_of(LAYOUT_IDENTITY_END));
    } else {
        CHECK_EQUAL(range_source_position(&frames).value, last.start.value);
        CHECK_EQUAL(tree_checksum(&world.by_memory), checksum);
        CHECK_EQUAL(frame_source_free(&world.frames.source, 0, last.start), FRAME_FREE_OK);
    }
}
