/* Looking at whole trees, and recursive access from every place in the root. */
#include "mm/page_tree.h"

#include "testing/test.h"
#include "tests/host/world_check.h"
#include "tests/host/world_operations.h"

enum { VISITED_MAX = 64 };

/* What a visit showed, without what belongs to the access. */
struct seen {
    struct world *world;
    struct visited_entry entries[VISITED_MAX];
    unsigned count;
    unsigned recursive_count;
    unsigned stop_at_level; /* tables that such entries name are left out */
};

static bool note(void *context, const struct visited_entry *entry)
{
    struct seen *seen = context;
    unsigned levels = seen->world->table.levels;

    seen->recursive_count += entry->recursive ? 1 : 0;
    if (entry->recursive || seen->world->hidden[virt_addr_index(entry->start, levels)]) {
        return entry->recursive;
    }
    /* A visit may use the tables for itself. */
    (void)page_table_translate(&seen->world->table, world_page(seen->world, 300, 9, 9, 9));
    if (seen->count < VISITED_MAX) {
        seen->entries[seen->count++] = *entry;
    }
    return entry->level != seen->stop_at_level;
}

/* What a survey by the software MMU shows must be what was seen. */
static void note_survey(void *context, const struct soft_entry *entry)
{
    struct seen *expected = context;

    if (expected->count < VISITED_MAX) {
        expected->entries[expected->count++] = (struct visited_entry){
            .start = virt_addr_of(entry->start),
            .level = entry->level,
            .entry = {entry->bits},
            .leaf = entry->leaf,
        };
    }
}

static void map_some(struct test *test, struct world *world)
{
    REQUIRE_EQUAL(map_page(world, world_page(world, 4, 4, 4, 4), 0x1000, PAGE_4K, DATA), MAP_OK);
    REQUIRE_EQUAL(map_page(world, world_page(world, 4, 4, 4, 511), 0, PAGE_4K, USER_DATA), MAP_OK);
    REQUIRE_EQUAL(map_page(world, world_page(world, 4, 4, 5, 0), 0, PAGE_2M, DATA), MAP_OK);
    REQUIRE_EQUAL(map_page(world, world_page(world, 4, 511, 0, 0), 0, PAGE_1G, DATA), MAP_OK);
    REQUIRE_EQUAL(map_page(world, world_page(world, 300, 0, 0, 0), 0, PAGE_4K, DATA), MAP_OK);
    REQUIRE_EQUAL(map_page(world, world_page(world, 511, 511, 511, 511), 0, PAGE_4K, DATA), MAP_OK);
}

static void visits_in_order(struct test *test, struct world *world)
{
    struct seen seen = {.world = world};
    struct seen expected = {.world = world};
    struct soft_survey survey = {
        .hidden = world->hidden, .visit = note_survey, .context = &expected};

    map_some(test, world);
    page_table_visit(&world->table, note, &seen);
    soft_mmu_survey(&world->mmu, &survey);
    REQUIRE_EQUAL(seen.count, expected.count);
    for (unsigned i = 0; i < seen.count; i++) {
        CHECK_EQUAL(seen.entries[i].start.value, expected.entries[i].start.value);
        CHECK_EQUAL(seen.entries[i].level, expected.entries[i].level);
        CHECK_EQUAL(seen.entries[i].entry.bits, expected.entries[i].entry.bits);
        CHECK_EQUAL(seen.entries[i].leaf, expected.entries[i].leaf);
        CHECK(!seen.entries[i].recursive);
    }
    CHECK_EQUAL(seen.recursive_count, world->shape.kind == ACCESS_RECURSIVE ? 1 : 0);
    seen = (struct seen){.world = world, .stop_at_level = 3};
    page_table_visit(&world->table, note, &seen);
    for (unsigned i = 0; i < seen.count; i++) {
        CHECK(seen.entries[i].level >= 3);
    }
    CHECK_EQUAL(seen.count, (world->table.levels - 2) * 3 + 1);
}

TEST(visit, shows_every_entry_in_order_and_leaves_out_what_it_is_told_to)
{
    world_for_each(test, visits_in_order);
}

static void counts_tables(struct test *test, struct world *world)
{
    uint64_t own = page_table_tables_used(&world->table);

    CHECK_EQUAL(own, world->hidden[0] || world->shape.kind == ACCESS_RECURSIVE
                         ? world->table.levels - 1
                         : 0);
    map_some(test, world);
    CHECK_EQUAL(page_table_tables_used(&world->table) - own, world_table_count(world));
    CHECK_EQUAL(page_table_tables_used(&world->table) - own, world->frames.in_use);
}

TEST(tables_used, counts_the_tables_below_the_root)
{
    world_for_each(test, counts_tables);
}

static void lists_paths(struct test *test, struct world *world)
{
    static const uint64_t offsets[] = {0, 0x4000, 0x5000, 0x1fffff, 0x200000, 0x3fffff, 0x400000};
    unsigned levels = world->table.levels;
    virt_addr start = world_page(world, 4, 4, 4, 0);

    map_some(test, world);
    for (unsigned i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        virt_addr address = virt_addr_add(start, offsets[i]);
        struct soft_walk walk = soft_mmu_walk(&world->mmu, address.value);
        struct path_entry path[PAGING_LEVELS_MAX];
        unsigned count = page_table_path(&world->table, address, path);

        REQUIRE_EQUAL(count, walk.step_count);
        for (unsigned step = 0; step < count; step++) {
            CHECK_EQUAL(path[step].level, levels - step);
            CHECK_EQUAL(path[step].index, walk.steps[step].at % 4096 / 8);
            CHECK_EQUAL(path[step].entry.bits, walk.steps[step].bits);
            CHECK_EQUAL(path[step].leaf, step == count - 1 && walk.fault == SOFT_TRANSLATED);
        }
    }
    struct path_entry path[PAGING_LEVELS_MAX];
    CHECK_EQUAL(page_table_path(&world->table, virt_addr_of(UINT64_C(1) << 60), path), 0);
}

TEST(path, lists_the_entries_that_a_translation_reads)
{
    world_for_each(test, lists_paths);
}

static void finds_places(struct test *test, struct world *world)
{
    virt_addr start = world_page(world, 4, 4, 0, 0);
    struct page_range two_gib = page_range_of(start, 512 * 512 * 2);
    virt_addr found;

    REQUIRE_EQUAL(map_page(world, virt_addr_add(start, 0x1000), 0, PAGE_4K, DATA), MAP_OK);
    REQUIRE_EQUAL(map_page(world, virt_addr_add(start, 0x5000), 0, PAGE_4K, DATA), MAP_OK);
    REQUIRE_EQUAL(map_page(world, virt_addr_add(start, TWO_MIBIBYTES), 0, PAGE_2M, DATA), MAP_OK);
    static const struct {
        uint64_t page_count;
        enum page_size alignment;
        uint64_t offset;
    } cases[] = {
        {1, PAGE_4K, 0},
        {2, PAGE_4K, 0x2000},
        {3, PAGE_4K, 0x2000},
        {4, PAGE_4K, 0x6000},
        {506, PAGE_4K, 0x6000},
        {507, PAGE_4K, 2 * TWO_MIBIBYTES},
        {1, PAGE_2M, 0},
        {2, PAGE_2M, 2 * TWO_MIBIBYTES},
        {1, PAGE_1G, 0},
        {2, PAGE_1G, GIBIBYTE},
        {512 * 512 * 2 - 1024, PAGE_4K, 2 * TWO_MIBIBYTES},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        found = virt_addr_of(0);
        CHECK(page_table_find_unmapped(&world->table, two_gib, cases[i].page_count,
                                       cases[i].alignment, &found));
        CHECK_EQUAL(found.value, start.value + cases[i].offset);
    }
    CHECK(!page_table_find_unmapped(&world->table, two_gib, 512 * 512 * 2 - 1023, PAGE_4K, &found));
    CHECK(!page_table_find_unmapped(&world->table, two_gib, 512 * 512 + 1, PAGE_1G, &found));
    CHECK(!page_table_find_unmapped(&world->table, two_gib, 0, PAGE_4K, &found));
    CHECK(!page_table_find_unmapped(&world->table, two_gib, UINT64_MAX, PAGE_4K, &found));
    CHECK(!page_table_find_unmapped(&world->table, two_gib, 1, (enum page_size)0, &found));
    CHECK(!page_table_find_unmapped(&world->table, two_gib, 1, (enum page_size)77, &found));
    CHECK(!page_table_find_unmapped(&world->table, page_range_of(start, UINT64_C(1) << 50), 1,
                                    PAGE_4K, &found));
    /* A start inside a page. */
    CHECK(!page_table_find_unmapped(&world->table, page_range_of(virt_addr_of(0x1001), 8), 1, PAGE_4K,
                                    &found));
    /* The last page of the address space. */
    virt_addr last = virt_addr_of(-UINT64_C(0x1000));
    CHECK(page_table_find_unmapped(&world->table, page_range_of(last, 1), 1, PAGE_4K, &found));
    CHECK_EQUAL(found.value, last.value);
    CHECK(!page_table_find_unmapped(&world->table, page_range_of(last, 1), 1, PAGE_2M, &found));
    REQUIRE_EQUAL(map_page(world, last, 0, PAGE_4K, DATA), MAP_OK);
    CHECK(!page_table_find_unmapped(&world->table, page_range_of(last, 1), 1, PAGE_4K, &found));
}

TEST(find_unmapped, finds_the_lowest_place_that_is_large_enough)
{
    world_for_each(test, finds_places);
}

/* What can be done with pages, in a tree with a recursive entry somewhere. */
static void use_tables(struct test *test, struct world *world)
{
    static const unsigned roots[] = {4, 100, 254, 257, 300, 509};

    for (unsigned i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        virt_addr page = world_page(world, roots[i], 511, 0, 0);
        struct page_range range = page_range_of(virt_addr_add(page, 0x1ff000), 514);

        REQUIRE_EQUAL(map_page(world, page, 0x1000, PAGE_4K, USER_DATA), MAP_OK);
        REQUIRE_EQUAL(map_range(world, range, 0x7000, RANGE_PAGES_4K, DATA), MAP_OK);
        REQUIRE_EQUAL(map_page(world, virt_addr_add(page, 4 * TWO_MIBIBYTES), 0, PAGE_2M, DATA),
                      MAP_OK);
        CHECK_EQUAL(split_page(world, virt_addr_add(page, 4 * TWO_MIBIBYTES), PAGE_2M), SPLIT_OK);
        world_check_page(test, world, page, 1, 0x1000, USER_DATA);
        world_check_page(test, world, range.start, 1, 0x7000, DATA);
        world_check_page(test, world, virt_addr_add(page, 5 * TWO_MIBIBYTES - 1), 1,
                         TWO_MIBIBYTES - 1, DATA);
        CHECK_EQUAL(merge_page(world, virt_addr_add(page, 4 * TWO_MIBIBYTES), PAGE_2M), MERGE_OK);
        world_check_sound(test, world);
    }
    for (unsigned i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        virt_addr page = world_page(world, roots[i], 511, 0, 0);

        CHECK_EQUAL(unmap_range(world, page_range_of(page, 512 * 512)), RANGE_OK);
    }
    CHECK_EQUAL(clean_up(world, page_range_lower_half(world->table.levels)) +
                    clean_up(world, page_range_upper_half(world->table.levels)),
                6 * (3 + 2 + world->table.levels - 4));
}

TEST(recursive, access_works_with_any_entry_of_the_root)
{
    static const unsigned slots[] = {0, 1, 3, 255, 256, 510, 511};

    for (unsigned levels = 4; levels <= 5; levels++) {
        for (unsigned i = 0; i < sizeof slots / sizeof slots[0]; i++) {
            struct world_shape shape = {
                .kind = ACCESS_RECURSIVE,
                .levels = levels,
                .recursive_slot = slots[i],
                .marks = i % 2 == 0,
            };
            struct world *world = world_make(&shape);

            use_tables(test, world);
            world_finish(test, world);
        }
    }
}

static void links_itself(struct test *test, struct world *world)
{
    unsigned levels = world->table.levels;
    uint64_t entry = world->table.root.value | DATA | PAGE_NO_EXECUTE;
    uint64_t root_at = world->table.root.value;

    REQUIRE_EQUAL(map_page(world, world_page(world, 4, 0, 0, 0), 0, PAGE_4K, DATA), MAP_OK);
    CHECK_EQUAL(page_table_link_recursive(&world->table, 4), MAP_ALREADY_MAPPED);
    CHECK_EQUAL(page_table_link_recursive(&world->table, 400), MAP_OK);
    CHECK_EQUAL(soft_mmu_read(&world->mmu, root_at + 8 * 400), entry);
    CHECK_EQUAL(page_table_link_recursive(&world->table, 400), MAP_ALREADY_MAPPED);
    /* What names the root is no empty table, and no smaller pages either. */
    virt_addr window = world_page(world, 400, 0, 0, 0);
    struct page_range range = page_range_of(window, 512);
    CHECK_EQUAL(clean_up(world, page_range_upper_half(levels)), 0);
    CHECK_EQUAL(unmap_range(world, page_range_of(window, 512 * 512 * 512)), RANGE_OK);
    CHECK_EQUAL(protect_range(world, page_range_of(window, 512 * 512 * 512), USER_CODE), RANGE_OK);
    CHECK_EQUAL(soft_mmu_read(&world->mmu, root_at + 8 * 400), entry);
    CHECK_EQUAL(clean_up(world, range), 0);
    soft_mmu_write(&world->mmu, root_at + 8 * 400, 0);
    host_cpu_flush_all();
}

TEST(link_recursive, makes_an_entry_that_names_the_root_and_that_nothing_takes_for_a_table)
{
    world_for_each(test, links_itself);
}

TEST(tree, of_a_large_range_has_as_many_tables_as_planned)
{
    static const struct {
        uint64_t gibibytes;
        enum range_pages pages;
        uint64_t table_count; /* below the root */
    } cases[] = {
        {32, RANGE_PAGES_2M, 33},
        {32, RANGE_PAGES_1G, 1},
        {32, RANGE_PAGES_LARGEST, 1},
        {8, RANGE_PAGES_4K, 4105},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world_shape shape = {
            .kind = ACCESS_LINEAR, .levels = 4, .frame_count = cases[i].table_count + 16};
        struct world *world = world_make(&shape);
        struct page_range range =
            page_range_of(virt_addr_of(0), cases[i].gibibytes * GIBIBYTE >> PAGE_SHIFT);
        struct mapping_plan plan = mapping_plan(range, phys_addr_of(0), cases[i].pages, 4, true);

        CHECK_EQUAL(plan.table_count - 1, cases[i].table_count);
        world->frames.limit = cases[i].table_count;
        REQUIRE_EQUAL(map_range(world, range, 0, cases[i].pages, DATA), MAP_OK);
        CHECK_EQUAL(world_table_count(world), cases[i].table_count);
        CHECK_EQUAL(world_leaf_count(world), plan.leaf_count);
        CHECK_EQUAL(page_table_tables_used(&world->table), cases[i].table_count);
        CHECK_EQUAL(unmap_range(world, range), RANGE_OK);
        CHECK_EQUAL(clean_up(world, range), cases[i].table_count);
        world_finish(test, world);
    }
}
