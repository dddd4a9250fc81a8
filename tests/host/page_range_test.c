/* Ranges: what they are mapped with, what they cost, how they end. */
#include "mm/page_range.h"

#include "testing/test.h"
#include "tests/host/world_check.h"
#include "tests/host/world_operations.h"

static struct page_range range_of(virt_addr start, uint64_t bytes)
{
    return page_range_of(start, bytes >> PAGE_SHIFT);
}

/* Checks that [start, start + bytes) translates to the memory from `frame` on: at some addresses of
 * each page. */
static void check_mapped(struct test *test, struct world *world, virt_addr start, uint64_t bytes,
                         uint64_t frame)
{
    for (uint64_t offset = 0; offset < bytes;) {
        struct soft_walk walk = soft_mmu_walk(&world->mmu, start.value + offset);
        uint64_t step = walk.fault == SOFT_TRANSLATED ? level_bytes(walk.level) : 0x1000;

        REQUIRE_EQUAL(walk.fault, SOFT_TRANSLATED);
        REQUIRE_EQUAL(walk.physical, frame + offset);
        walk = soft_mmu_walk(&world->mmu, start.value + offset + step - 1);
        REQUIRE_EQUAL(walk.physical, frame + offset + step - 1);
        offset += step;
    }
}

/* Ranges with what they are made of. */
static const struct {
    uint64_t offset; /* of the start in the first GiB */
    uint64_t bytes;
    uint64_t frame;
    enum range_pages pages;
    unsigned leaves;
    unsigned tables_below; /* level 3: of levels 1 and 2 */
} shapes[] = {
    {0, 0x1000, 0x5000, RANGE_PAGES_4K, 1, 2},
    {0x1ff000, 0x2000, 0x5000, RANGE_PAGES_4K, 2, 3},
    {0x1ff000, 0x2000, 0x5000, RANGE_PAGES_LARGEST, 2, 3},
    {0, 0x200000, 0x200000, RANGE_PAGES_4K, 512, 2},
    {0, 0x200000, 0x200000, RANGE_PAGES_2M, 1, 1},
    {0, 0x200000, 0x200000, RANGE_PAGES_LARGEST, 1, 1},
    {0, 0x200000, 0x201000, RANGE_PAGES_LARGEST, 512, 2},
    {0x1000, 0x5ff000, 0x1000, RANGE_PAGES_LARGEST, 511 + 2, 2},
    {0x1000, 0x600000, 0x1000, RANGE_PAGES_LARGEST, 511 + 2 + 1, 3},
    {0x3fe00000, 0x400000, 0x40000000, RANGE_PAGES_2M, 2, 2},
    {0x3ffff000, 0x2000, 0x40000000, RANGE_PAGES_4K, 2, 4},
    {0, GIBIBYTE, GIBIBYTE, RANGE_PAGES_2M, 512, 1},
    {0, GIBIBYTE, GIBIBYTE, RANGE_PAGES_1G, 1, 0},
    {0, GIBIBYTE, GIBIBYTE, RANGE_PAGES_LARGEST, 1, 0},
    {0, 3 * GIBIBYTE, 5 * GIBIBYTE, RANGE_PAGES_1G, 3, 0},
    {0x3fe00000, GIBIBYTE + 0x401000, 0x3fe00000, RANGE_PAGES_LARGEST, 1 + 1 + 1 + 1, 3},
    {0x3ffff000, GIBIBYTE + 0x1000, 0x7ffff000, RANGE_PAGES_LARGEST, 2, 2},
    {0x3ffff000, GIBIBYTE + 0x2000, 0x1ff000, RANGE_PAGES_LARGEST, 1 + 512 + 1, 5},
};

static void maps_ranges(struct test *test, struct world *world)
{
    unsigned levels = world->table.levels;
    uint64_t flags = USER_DATA | PAGE_GLOBAL | PAGE_SOFTWARE_HIGH;

    for (unsigned i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        virt_addr start = virt_addr_add(world_page(world, 300, 4, 0, 0), shapes[i].offset);
        struct page_range range = range_of(start, shapes[i].bytes);
        phys_addr frame = phys_addr_of(shapes[i].frame);
        struct mapping_plan plan = mapping_plan(range, frame, shapes[i].pages, levels, true);
        struct frames_needed needed = page_table_frames_needed(
            &world->table, range, frame, shapes[i].pages, page_flags_of(flags));

        CHECK_EQUAL(needed.result, MAP_OK);
        CHECK_EQUAL(needed.count, shapes[i].tables_below + levels - 3);
        CHECK_EQUAL(plan.result, MAP_OK);
        CHECK_EQUAL(plan.table_count, needed.count + 1);
        CHECK_EQUAL(plan.leaf_count, shapes[i].leaves);
        world->frames.limit = needed.count;
        struct map_outcome outcome =
            page_table_map_range(&world->table, range, frame, shapes[i].pages, page_flags_of(flags),
                                 &world->frames.source);
        CHECK_EQUAL(outcome.flush.page_count, 0);
        REQUIRE_EQUAL(tlb_flush_now(outcome), MAP_OK);
        CHECK_EQUAL(world->frames.limit, 0);
        CHECK_EQUAL(world_leaf_count(world), shapes[i].leaves);
        check_mapped(test, world, start, shapes[i].bytes, shapes[i].frame);
        world_check_effective(test, world, start, USER_DATA & ~PAGE_PRESENT);
        world_check_absent(test, world, virt_addr_add(start, shapes[i].bytes));
        world_check_absent(test, world, virt_addr_of(start.value - 1));
        world_check_sound(test, world);
        struct range_outcome unmapped = page_table_unmap_range(&world->table, range);
        CHECK_EQUAL(unmapped.leaf_count, shapes[i].leaves);
        CHECK_EQUAL(tlb_flush_now(unmapped), RANGE_OK);
        CHECK_EQUAL(world_leaf_count(world), 0);
        CHECK_EQUAL(clean_up(world, range), needed.count);
        world_check_sound(test, world);
    }
}

TEST(map_range, maps_with_the_pages_and_the_tables_that_were_planned)
{
    world_for_each(test, maps_ranges);
}

static const struct {
    uint64_t start; /* added to the start of a GiB */
    uint64_t page_count;
    uint64_t frame;
    unsigned pages;
    uint64_t flags;
    enum map_result result;
} bad_ranges[] = {
    {0, 1, 0, 4, DATA, MAP_BAD_SIZE},
    {0, 1, 0, 99, DATA, MAP_BAD_SIZE},
    {UINT64_C(1) << 62, 1, 0, RANGE_PAGES_4K, DATA, MAP_NOT_CANONICAL},
    {0, UINT64_C(1) << 52, 0, RANGE_PAGES_4K, DATA, MAP_NOT_CANONICAL},
    {0, UINT64_MAX, 0, RANGE_PAGES_LARGEST, DATA, MAP_NOT_CANONICAL},
    {0, UINT64_C(1) << 45, 0, RANGE_PAGES_LARGEST, DATA, MAP_NOT_CANONICAL},
    {0x800, 1, 0, RANGE_PAGES_4K, DATA, MAP_MISALIGNED},
    {0x800, 1, 0, RANGE_PAGES_LARGEST, DATA, MAP_MISALIGNED},
    {0, 1, 0x800, RANGE_PAGES_LARGEST, DATA, MAP_MISALIGNED},
    {0x1000, 512, 0, RANGE_PAGES_2M, DATA, MAP_MISALIGNED},
    {0, 513, 0, RANGE_PAGES_2M, DATA, MAP_MISALIGNED},
    {0, 512, 0x1000, RANGE_PAGES_2M, DATA, MAP_MISALIGNED},
    {0, 512, 0, RANGE_PAGES_1G, DATA, MAP_MISALIGNED},
    {0, 1, UINT64_C(1) << 52, RANGE_PAGES_4K, DATA, MAP_BAD_ADDRESS},
    {0, 2, (UINT64_C(1) << 52) - 0x1000, RANGE_PAGES_4K, DATA, MAP_BAD_ADDRESS},
    {0, 2, UINT64_MAX - 0xfff, RANGE_PAGES_4K, DATA, MAP_BAD_ADDRESS},
    {0, 0, UINT64_C(1) << 60, RANGE_PAGES_4K, DATA, MAP_BAD_ADDRESS},
    {0, 1, 0, RANGE_PAGES_4K, PAGE_WRITABLE, MAP_BAD_FLAGS},
    {0, 1, 0, RANGE_PAGES_4K, DATA | 0x1000, MAP_BAD_FLAGS},
    {0, 1, 0, RANGE_PAGES_LARGEST, DATA | PAGE_PAT_4K, MAP_BAD_FLAGS},
    {0, 1, 0, RANGE_PAGES_LARGEST, DATA | PAGE_PAT_HUGE, MAP_BAD_FLAGS},
    {0, 512, 0, RANGE_PAGES_2M, DATA | 0x2000, MAP_BAD_FLAGS},
};

static void refuses_bad_ranges(struct test *test, struct world *world)
{
    for (unsigned i = 0; i < sizeof bad_ranges / sizeof bad_ranges[0]; i++) {
        virt_addr start = virt_addr_add(world_page(world, 4, 0, 0, 0), bad_ranges[i].start);
        struct page_range range = page_range_of(start, bad_ranges[i].page_count);
        enum range_pages pages = (enum range_pages)bad_ranges[i].pages;
        struct world_snapshot *before = world_snapshot_take(world);

        CHECK_EQUAL(map_range(world, range, bad_ranges[i].frame, pages, bad_ranges[i].flags),
                    bad_ranges[i].result);
        CHECK_EQUAL(page_table_frames_needed(&world->table, range,
                                             phys_addr_of(bad_ranges[i].frame), pages,
                                             page_flags_of(bad_ranges[i].flags))
                        .result,
                    bad_ranges[i].result);
        world_snapshot_check(test, world, before);
    }
}

TEST(map_range, names_what_is_wrong_with_its_arguments_and_changes_nothing)
{
    world_for_each(test, refuses_bad_ranges);
}

static void is_all_or_nothing(struct test *test, struct world *world)
{
    virt_addr start = world_page(world, 4, 4, 0, 0);
    static const struct {
        uint64_t offset; /* of a page that is mapped in the range */
        enum page_size size;
        enum range_pages pages;
        enum map_result result;
    } cases[] = {
        {0x5ff000, PAGE_4K, RANGE_PAGES_4K, MAP_ALREADY_MAPPED},
        {0x400000, PAGE_2M, RANGE_PAGES_4K, MAP_INSIDE_HUGE_PAGE},
        {0x400000, PAGE_2M, RANGE_PAGES_2M, MAP_ALREADY_MAPPED},
        {0x5ff000, PAGE_4K, RANGE_PAGES_2M, MAP_OVER_TABLE},
        {0x5ff000, PAGE_4K, RANGE_PAGES_LARGEST, MAP_OVER_TABLE},
        {0, PAGE_4K, RANGE_PAGES_4K, MAP_ALREADY_MAPPED},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        virt_addr mapped = virt_addr_add(start, cases[i].offset);
        struct world_snapshot *before;

        REQUIRE_EQUAL(map_page(world, mapped, 0, cases[i].size, DATA), MAP_OK);
        before = world_snapshot_take(world);
        CHECK_EQUAL(map_range(world, range_of(start, 0x600000), 0, cases[i].pages, USER_DATA),
                    cases[i].result);
        world_snapshot_check(test, world, before);
        CHECK_EQUAL(world->frames.limit, UINT64_MAX);
        REQUIRE_EQUAL(unmap_page(world, mapped, cases[i].size), PAGE_OK);
        (void)clean_up(world, range_of(start, 0x600000));
    }
    /* A huge page above all of it. */
    REQUIRE_EQUAL(map_page(world, start, 0, PAGE_1G, DATA), MAP_OK);
    CHECK_EQUAL(map_range(world, range_of(start, 0x600000), 0, RANGE_PAGES_4K, DATA),
                MAP_INSIDE_HUGE_PAGE);
    CHECK_EQUAL(map_range(world, range_of(virt_addr_of(start.value - 0x1000), 0x2000), 0x1000,
                          RANGE_PAGES_LARGEST, DATA),
                MAP_INSIDE_HUGE_PAGE);
}

TEST(map_range, changes_nothing_when_something_is_mapped_in_the_range)
{
    world_for_each(test, is_all_or_nothing);
}

static void takes_an_empty_range(struct test *test, struct world *world)
{
    virt_addr start = world_page(world, 511, 511, 511, 511);
    struct page_range empty = page_range_of(start, 0);
    struct world_snapshot *before = world_snapshot_take(world);

    CHECK_EQUAL(map_range(world, empty, 0, RANGE_PAGES_4K, DATA), MAP_OK);
    CHECK_EQUAL(map_range(world, empty, 0, RANGE_PAGES_LARGEST, DATA), MAP_OK);
    CHECK_EQUAL(page_table_frames_needed(&world->table, empty, phys_addr_of(0), RANGE_PAGES_4K,
                                         page_flags_of(DATA))
                    .count,
                0);
    CHECK_EQUAL(unmap_range(world, empty), RANGE_OK);
    CHECK_EQUAL(protect_range(world, empty, DATA), RANGE_OK);
    CHECK_EQUAL(clean_up(world, empty), 0);
    world_snapshot_check(test, world, before);
}

TEST(range, may_be_empty)
{
    world_for_each(test, takes_an_empty_range);
}

static void ends_where_space_ends(struct test *test, struct world *world)
{
    unsigned levels = world->table.levels;
    const struct page_range halves[] = {page_range_lower_half(levels),
                                        page_range_upper_half(levels)};

    for (unsigned half = 0; half < 2; half++) {
        uint64_t end = halves[half].start.value + (halves[half].page_count << PAGE_SHIFT);
        virt_addr start = virt_addr_of(end - GIBIBYTE - TWO_MIBIBYTES - 0x1000);
        struct page_range range = page_range_of(start, 512 * 512 + 512 + 1);
        struct page_range across = page_range_of(start, range.page_count + 1);
        uint64_t frame = (UINT64_C(1) << 52) - (range.page_count << PAGE_SHIFT);

        if (world->hidden[virt_addr_index(start, levels)]) {
            continue;
        }
        CHECK_EQUAL(map_range(world, across, 0, RANGE_PAGES_4K, DATA), MAP_NOT_CANONICAL);
        CHECK_EQUAL(unmap_range(world, across), RANGE_NOT_CANONICAL);
        CHECK_EQUAL(protect_range(world, across, DATA), RANGE_NOT_CANONICAL);
        CHECK_EQUAL(clean_up(world, across), UINT64_MAX);
        REQUIRE_EQUAL(map_range(world, range, frame, RANGE_PAGES_LARGEST, DATA), MAP_OK);
        check_mapped(test, world, start, range.page_count << PAGE_SHIFT, frame);
        CHECK_EQUAL(world_leaf_count(world), 3);
        world_touch(world, virt_addr_of(end - 1));
        CHECK_EQUAL(protect_range(world, range, USER_CODE), RANGE_OK);
        world_check_effective(test, world, virt_addr_of(end - 1), PAGE_USER);
        world_check_sound(test, world);
        CHECK_EQUAL(unmap_range(world, range), RANGE_OK);
        CHECK_EQUAL(clean_up(world, range), levels - 1);
        CHECK_EQUAL(map_range(world, page_range_of(virt_addr_of(end - 0x1000), 1), 0,
                              RANGE_PAGES_LARGEST, DATA),
                    MAP_OK);
        world_check_page(test, world, virt_addr_of(end - 1), 1, 0xfff, DATA);
        CHECK_EQUAL(unmap_range(world, page_range_of(virt_addr_of(end - 0x1000), 1)), RANGE_OK);
        CHECK_EQUAL(clean_up(world, halves[half]), levels - 1);
    }
}

TEST(range, may_end_with_either_half_of_the_address_space_and_not_go_on)
{
    world_for_each(test, ends_where_space_ends);
}

static void fills_around(struct test *test, struct world *world)
{
    virt_addr start = world_page(world, 4, 4, 0, 0);
    virt_addr neighbour = virt_addr_of(start.value - 0x1000);
    virt_addr behind = virt_addr_add(start, 0x601000);

    REQUIRE_EQUAL(map_page(world, neighbour, 0x1000, PAGE_4K, DATA), MAP_OK);
    REQUIRE_EQUAL(map_page(world, behind, 0x2000, PAGE_4K, DATA), MAP_OK);
    world_touch(world, neighbour);
    world_touch(world, behind);
    struct map_outcome outcome =
        page_table_map_range(&world->table, range_of(start, 0x601000), phys_addr_of(0x7000),
                             RANGE_PAGES_4K, page_flags_of(USER_DATA), &world->frames.source);
    CHECK_EQUAL(outcome.flush.page_count, TLB_FLUSH_ALL);
    REQUIRE_EQUAL(tlb_flush_now(outcome), MAP_OK);
    check_mapped(test, world, start, 0x601000, 0x7000);
    world_check_page(test, world, neighbour, 1, 0x1000, DATA);
    world_check_page(test, world, behind, 1, 0x2000, DATA);
    world_check_effective(test, world, neighbour, PAGE_WRITABLE);
    world_check_effective(test, world, virt_addr_add(start, 0x600000), USER_DATA & ~PAGE_PRESENT);
}

TEST(map_range, leaves_neighbours_alone_and_widens_tables_that_it_shares_with_them)
{
    world_for_each(test, fills_around);
}

/* 4 KiB, 2 MiB and 1 GiB pages with holes between them. */
static void map_mixture(struct test *test, struct world *world, virt_addr start)
{
    REQUIRE_EQUAL(map_page(world, virt_addr_add(start, 0x1000), 0x1000, PAGE_4K,
                           DATA | PAGE_PAT_4K | PAGE_ACCESSED),
                  MAP_OK);
    REQUIRE_EQUAL(map_page(world, virt_addr_add(start, 0x1ff000), 0, PAGE_4K, DATA | PAGE_DIRTY),
                  MAP_OK);
    REQUIRE_EQUAL(map_page(world, virt_addr_add(start, 0x600000), 0x600000, PAGE_2M,
                           DATA | PAGE_PAT_HUGE | PAGE_DIRTY | PAGE_SOFTWARE_LOW),
                  MAP_OK);
    REQUIRE_EQUAL(
        map_page(world, virt_addr_add(start, GIBIBYTE), GIBIBYTE, PAGE_1G, DATA | PAGE_ACCESSED),
        MAP_OK);
    world_touch(world, virt_addr_add(start, 0x1000));
    world_touch(world, virt_addr_add(start, 0x1ff000));
    world_touch(world, virt_addr_add(start, 0x6ff000));
    world_touch(world, virt_addr_add(start, GIBIBYTE + 0x12345));
}

static void protects_mixture(struct test *test, struct world *world)
{
    virt_addr start = world_page(world, 4, 4, 0, 0);
    virt_addr outside = virt_addr_of(start.value - 0x1000);
    uint64_t flags = PAGE_PRESENT | PAGE_USER | PAGE_NO_EXECUTE | PAGE_SOFTWARE_HIGH;

    REQUIRE_EQUAL(map_page(world, outside, 0, PAGE_4K, DATA), MAP_OK);
    map_mixture(test, world, start);
    world_touch(world, outside);
    struct range_outcome outcome = page_table_protect_range(
        &world->table, range_of(start, 2 * GIBIBYTE), page_flags_of(flags));
    CHECK_EQUAL(outcome.leaf_count, 4);
    CHECK_EQUAL(outcome.flush.page_count, TLB_FLUSH_ALL);
    REQUIRE_EQUAL(tlb_flush_now(outcome), RANGE_OK);
    world_check_page(test, world, virt_addr_add(start, 0x1000), 1, 0x1000,
                     flags | PAGE_PAT_4K | PAGE_ACCESSED);
    world_check_page(test, world, virt_addr_add(start, 0x1ff000), 1, 0, flags | PAGE_DIRTY);
    world_check_page(test, world, virt_addr_add(start, 0x600000), 2, 0x600000,
                     flags | PAGE_HUGE | PAGE_PAT_HUGE | PAGE_DIRTY);
    world_check_page(test, world, virt_addr_add(start, GIBIBYTE), 3, GIBIBYTE,
                     flags | PAGE_HUGE | PAGE_ACCESSED);
    world_check_effective(test, world, virt_addr_add(start, 0x1000), PAGE_USER | PAGE_NO_EXECUTE);
    world_check_page(test, world, outside, 1, 0, DATA);
    world_check_absent(test, world, start);
}

TEST(protect_range, changes_pages_of_any_size_and_keeps_pat_accessed_and_dirty)
{
    world_for_each(test, protects_mixture);
}

static void widens_no_more_than_needed(struct test *test, struct world *world)
{
    unsigned levels = world->table.levels;
    virt_addr page = world_page(world, 4, 4, 0, 0);
    virt_addr other = virt_addr_add(page, 0x1000);

    REQUIRE_EQUAL(map_page(world, page, 0, PAGE_4K, DATA), MAP_OK);
    struct world_snapshot *before = world_snapshot_take(world);
    struct range_outcome outcome = page_table_protect_range(
        &world->table, page_range_of(other, 1000), page_flags_of(USER_DATA));
    CHECK_EQUAL(outcome.leaf_count, 0);
    CHECK_EQUAL(outcome.flush.page_count, 0);
    CHECK_EQUAL(tlb_flush_now(outcome), RANGE_OK);
    world_snapshot_check(test, world, before);

    REQUIRE_EQUAL(map_page(world, other, 0, PAGE_4K, DATA), MAP_OK);
    world_touch(world, page);
    outcome = page_table_protect_range(&world->table, page_range_of(other, 1),
                                       page_flags_of(PAGE_PRESENT));
    CHECK_EQUAL(outcome.flush.page_count, 1);
    CHECK_EQUAL(outcome.flush.start.value, other.value);
    CHECK_EQUAL(tlb_flush_now(outcome), RANGE_OK);
    outcome =
        page_table_protect_range(&world->table, page_range_of(other, 1), page_flags_of(USER_DATA));
    CHECK_EQUAL(outcome.flush.page_count, TLB_FLUSH_ALL);
    CHECK_EQUAL(tlb_flush_now(outcome), RANGE_OK);
    for (unsigned level = 2; level <= levels; level++) {
        CHECK_EQUAL(world_entry(world, other, level) & ~PAGE_FRAME_MASK, DATA | PAGE_USER);
    }
    world_check_effective(test, world, page, PAGE_WRITABLE);
}

TEST(protect_range, widens_tables_above_pages_that_it_changes_and_flushes_everything_only_then)
{
    world_for_each(test, widens_no_more_than_needed);
}

static void unmaps_mixture(struct test *test, struct world *world)
{
    virt_addr start = world_page(world, 4, 4, 0, 0);
    uint64_t tables;

    map_mixture(test, world, start);
    tables = world_table_count(world);
    struct range_outcome outcome = page_table_unmap_range(
        &world->table, range_of(virt_addr_add(start, 0x1ff000), 2 * GIBIBYTE - 0x1ff000));
    CHECK_EQUAL(outcome.leaf_count, 3);
    CHECK_EQUAL(outcome.flush.page_count, TLB_FLUSH_ALL);
    REQUIRE_EQUAL(tlb_flush_now(outcome), RANGE_OK);
    CHECK_EQUAL(world_leaf_count(world), 1);
    CHECK_EQUAL(world_table_count(world), tables);
    world_check_page(test, world, virt_addr_add(start, 0x1000), 1, 0x1000,
                     DATA | PAGE_PAT_4K | PAGE_ACCESSED);
    world_check_sound(test, world);
    outcome = page_table_unmap_range(&world->table, range_of(start, 0x3000));
    CHECK_EQUAL(outcome.leaf_count, 1);
    CHECK_EQUAL(outcome.flush.start.value, start.value);
    CHECK_EQUAL(outcome.flush.page_count, 3);
    REQUIRE_EQUAL(tlb_flush_now(outcome), RANGE_OK);
    outcome = page_table_unmap_range(&world->table, range_of(start, 2 * GIBIBYTE));
    CHECK_EQUAL(outcome.leaf_count, 0);
    CHECK_EQUAL(outcome.flush.page_count, 0);
    REQUIRE_EQUAL(tlb_flush_now(outcome), RANGE_OK);
}

TEST(unmap_range, skips_holes_and_asks_for_no_more_flushes_than_pages)
{
    world_for_each(test, unmaps_mixture);
}

static void refuses_cuts(struct test *test, struct world *world)
{
    virt_addr start = world_page(world, 4, 4, 0, 0);
    virt_addr huge = virt_addr_add(start, GIBIBYTE);
    static const struct {
        uint64_t offset; /* from the 1 GiB page; the range begins before it if negative */
        uint64_t bytes;
    } cuts[] = {
        {0, GIBIBYTE - 0x1000},      {0x1000, GIBIBYTE - 0x1000}, {-UINT64_C(0x1000), 0x2000},
        {GIBIBYTE - 0x1000, 0x2000}, {GIBIBYTE / 2, 0x1000},
    };
    struct world_snapshot *before;

    map_mixture(test, world, start);
    before = world_snapshot_take(world);
    for (unsigned i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        struct page_range range = range_of(virt_addr_add(huge, cuts[i].offset), cuts[i].bytes);

        CHECK_EQUAL(unmap_range(world, range), RANGE_INSIDE_HUGE_PAGE);
        CHECK_EQUAL(protect_range(world, range, USER_DATA), RANGE_INSIDE_HUGE_PAGE);
    }
    CHECK_EQUAL(unmap_range(world, range_of(start, 0x601000)), RANGE_INSIDE_HUGE_PAGE);
    CHECK_EQUAL(unmap_range(world, page_range_of(virt_addr_add(start, 1), 1)), RANGE_MISALIGNED);
    CHECK_EQUAL(protect_range(world, page_range_of(virt_addr_add(start, 0x800), 1), DATA),
                RANGE_MISALIGNED);
    CHECK_EQUAL(clean_up(world, page_range_of(virt_addr_add(start, 8), 1)), UINT64_MAX);
    CHECK_EQUAL(protect_range(world, range_of(start, 0x2000), PAGE_WRITABLE), RANGE_BAD_FLAGS);
    CHECK_EQUAL(protect_range(world, range_of(start, 0x2000), DATA | PAGE_PAT_4K), RANGE_BAD_FLAGS);
    CHECK_EQUAL(protect_range(world, range_of(start, 0x2000), DATA | PAGE_PAT_HUGE),
                RANGE_BAD_FLAGS);
    world_snapshot_check(test, world, before);
}

TEST(range, operations_refuse_to_cut_huge_pages_and_bad_arguments)
{
    world_for_each(test, refuses_cuts);
}
