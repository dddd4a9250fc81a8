/* Operations that run out of frames at every point: all of memory is then as it was before. */
#include "mm/page_range.h"

#include "testing/test.h"
#include "tests/host/world_check.h"
#include "tests/host/world_operations.h"

/* Something that takes frames. */
struct attempt {
    const char *text;
    void (*prepare)(struct world *world); /* or NULL */
    struct map_outcome (*run)(struct world *world);
    /* What `run` takes, for a number of levels. */
    unsigned needed_with_4;
    unsigned needed_with_5;
    unsigned given_back;
};

static struct frame_source *frames_of(struct world *world)
{
    return &world->frames.source;
}

static virt_addr the_page(const struct world *world)
{
    return world_page(world, 300, 1, 0, 0);
}

static struct map_outcome map_4k(struct world *world)
{
    return page_table_map_to(&world->table, virt_addr_add(the_page(world), 0x1000),
                             phys_addr_of(0x1000), PAGE_4K, page_flags_of(USER_DATA),
                             frames_of(world));
}

static struct map_outcome map_2m(struct world *world)
{
    return page_table_map_to(&world->table, the_page(world), phys_addr_of(TWO_MIBIBYTES), PAGE_2M,
                             page_flags_of(USER_DATA), frames_of(world));
}

static struct map_outcome map_1g(struct world *world)
{
    return page_table_map_to(&world->table, the_page(world), phys_addr_of(GIBIBYTE), PAGE_1G,
                             page_flags_of(USER_DATA), frames_of(world));
}

static struct map_outcome map_with_table_flags(struct world *world)
{
    return page_table_map_to_with_table_flags(
        &world->table, the_page(world), phys_addr_of(0x1000), PAGE_4K, page_flags_of(DATA),
        page_flags_of(USER_DATA | PAGE_SOFTWARE_LOW), frames_of(world));
}

static struct map_outcome identity_map(struct world *world)
{
    /* Behind the entries of the root that may be hidden. */
    phys_addr frame = phys_addr_of(UINT64_C(5) << level_shift(world->table.levels));

    if (!virt_addr_is_canonical(virt_addr_of(frame.value), world->table.levels) ||
        frame.value >> 52 != 0) {
        frame = phys_addr_of(UINT64_C(9) << 48);
    }
    return page_table_identity_map(&world->table, frame, PAGE_4K, page_flags_of(DATA),
                                   frames_of(world));
}

/* A neighbour below whose tables the page comes, with tables that have to be widened. */
static void map_kernel_neighbour(struct world *world)
{
    (void)map_page(world, virt_addr_add(the_page(world), GIBIBYTE - TWO_MIBIBYTES), 0, PAGE_2M,
                   DATA);
}

static struct map_outcome map_range_of_mixed_pages(struct world *world)
{
    virt_addr start = virt_addr_add(the_page(world), TWO_MIBIBYTES - 0x2000);

    return page_table_map_range(&world->table, page_range_of(start, 2 + 512 * 512 + 1),
                                phys_addr_of(start.value & (GIBIBYTE - 1)), RANGE_PAGES_LARGEST,
                                page_flags_of(USER_DATA), frames_of(world));
}

static struct map_outcome map_range_of_small_pages(struct world *world)
{
    return page_table_map_range(
        &world->table, page_range_of(virt_addr_add(the_page(world), 0x1ff000), 512 * 3 + 2),
        phys_addr_of(0x7000), RANGE_PAGES_4K, page_flags_of(USER_DATA), frames_of(world));
}

/* Leaves tables behind in the range, one of which a huge page replaces. */
static void leave_empty_tables(struct world *world)
{
    virt_addr inside = virt_addr_add(the_page(world), 5 * TWO_MIBIBYTES);

    (void)map_page(world, inside, 0, PAGE_4K, DATA);
    (void)unmap_page(world, inside, PAGE_4K);
}

static void map_huge(struct world *world)
{
    (void)map_1g(world);
}

static void map_large(struct world *world)
{
    (void)map_2m(world);
}

static struct map_outcome split_outcome_of(struct split_outcome outcome)
{
    return (struct map_outcome){
        .result = outcome.result == SPLIT_OK         ? MAP_OK
                  : outcome.result == SPLIT_NO_FRAME ? MAP_NO_FRAME
                                                     : MAP_BAD_SIZE,
        .flush = outcome.flush,
    };
}

static struct map_outcome split_1g(struct world *world)
{
    return split_outcome_of(
        page_table_split(&world->table, the_page(world), PAGE_1G, frames_of(world)));
}

static struct map_outcome split_2m(struct world *world)
{
    return split_outcome_of(
        page_table_split(&world->table, the_page(world), PAGE_2M, frames_of(world)));
}

static const struct attempt attempts[] = {
    {"map 4k", NULL, map_4k, 3, 4, 0},
    {"map 2m", NULL, map_2m, 2, 3, 0},
    {"map 1g", NULL, map_1g, 1, 2, 0},
    {"map 4k beside a neighbour", map_kernel_neighbour, map_4k, 1, 1, 0},
    {"map with table flags", NULL, map_with_table_flags, 3, 4, 0},
    {"map with table flags beside a neighbour", map_kernel_neighbour, map_with_table_flags, 1, 1,
     0},
    {"identity map", NULL, identity_map, 3, 4, 0},
    {"map a range of mixed pages", NULL, map_range_of_mixed_pages, 5, 6, 0},
    {"map a range of mixed pages over empty tables", leave_empty_tables, map_range_of_mixed_pages,
     3, 3, 1},
    {"map a range of small pages", NULL, map_range_of_small_pages, 7, 8, 0},
    {"map a range of small pages beside a neighbour", map_kernel_neighbour,
     map_range_of_small_pages, 5, 5, 0},
    {"split 1g", map_huge, split_1g, 1, 1, 0},
    {"split 2m", map_large, split_2m, 1, 1, 0},
};

/* One attempt with `limit` frames. */
static void try_with(struct test *test, const struct world_shape *shape,
                     const struct attempt *attempt, unsigned needed, unsigned limit)
{
    struct world *world = world_make(shape);
    bool failed_before = test->failed;
    struct world_snapshot *before;
    struct map_outcome outcome;
    uint64_t in_use;

    if (attempt->prepare != NULL) {
        attempt->prepare(world);
    }
    world_touch(world, the_page(world));
    world->frames.limit = limit;
    in_use = world->frames.in_use;
    before = world_snapshot_take(world);
    outcome = attempt->run(world);
    if (limit < needed) {
        CHECK_EQUAL(outcome.flush.page_count, 0);
        CHECK_EQUAL(tlb_flush_now(outcome), MAP_NO_FRAME);
        world_snapshot_check(test, world, before);
    } else {
        CHECK_EQUAL(tlb_flush_now(outcome), MAP_OK);
        CHECK_EQUAL(world->frames.in_use + attempt->given_back - in_use, needed);
        CHECK_EQUAL(world->frames.limit, attempt->given_back);
        world_snapshot_free(before);
    }
    if (test->failed && !failed_before) {
        output_text(test->output, "#   while: ");
        output_text(test->output, attempt->text);
        output_text(test->output, "\n");
    }
    world_finish(test, world);
}

static void try_every_limit(struct test *test, enum access_kind kind)
{
    for (unsigned i = 0; i < world_shape_count; i++) {
        const struct world_shape *shape = &world_shapes[i];

        for (unsigned j = 0; shape->kind == kind && j < sizeof attempts / sizeof attempts[0]; j++) {
            unsigned needed =
                shape->levels == 5 ? attempts[j].needed_with_5 : attempts[j].needed_with_4;

            for (unsigned limit = 0; limit <= needed; limit++) {
                try_with(test, shape, &attempts[j], needed, limit);
            }
        }
    }
}

TEST(failure, for_want_of_frames_changes_nothing_with_linear_access)
{
    try_every_limit(test, ACCESS_LINEAR);
}

TEST(failure, for_want_of_frames_changes_nothing_with_temporary_access)
{
    try_every_limit(test, ACCESS_TEMPORARY);
}

TEST(failure, for_want_of_frames_changes_nothing_with_recursive_access)
{
    try_every_limit(test, ACCESS_RECURSIVE);
}

/* A source that gives good frames, then one out of reach. */
static void make_last_frame_unreachable(struct world *world, unsigned good_frames)
{
    uint64_t last = world->frames.frame_count - 1;
    phys_addr start = phys_addr_of(world->memory.ram_start);

    world->table.access.linear.end = phys_addr_add(start, last << PAGE_SHIFT);
    test_frames_put_next(&world->frames, world->table.access.linear.end);
    for (unsigned frame = 0; frame < good_frames; frame++) {
        test_frames_put_next(&world->frames, phys_addr_add(start, (20 + frame) << PAGE_SHIFT));
    }
}

TEST(failure, for_a_frame_out_of_reach_changes_nothing)
{
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned j = 0; j < sizeof attempts / sizeof attempts[0]; j++) {
            unsigned needed =
                world_shapes[i].levels == 5 ? attempts[j].needed_with_5 : attempts[j].needed_with_4;

            for (unsigned good_frames = 0; good_frames < needed; good_frames++) {
                struct world *world = world_make(&world_shapes[i]);
                struct world_snapshot *before;

                if (attempts[j].prepare != NULL) {
                    attempts[j].prepare(world);
                }
                make_last_frame_unreachable(world, good_frames);
                before = world_snapshot_take(world);
                enum map_result result = tlb_flush_now(attempts[j].run(world));
                CHECK(result == MAP_FRAME_UNREACHABLE || result == MAP_BAD_SIZE /* split */);
                world_snapshot_check(test, world, before);
                world_finish(test, world);
            }
        }
    }
}

TEST(failure, for_a_frame_before_the_window_changes_nothing)
{
    for (unsigned i = 0; i < 2; i++) {
        struct world *world = world_make(&world_shapes[i]);
        phys_addr first = phys_addr_of(world->memory.ram_start);
        virt_addr page = world_page(world, 4, 0, 0, 0);

        world->table.access.linear.first = phys_addr_add(first, 0x1000);
        test_frames_put_next(&world->frames, first);
        struct world_snapshot *before = world_snapshot_take(world);
        CHECK_EQUAL(map_page(world, page, 0, PAGE_1G, DATA), MAP_FRAME_UNREACHABLE);
        CHECK_EQUAL(map_range(world, page_range_of(page, 1), 0, RANGE_PAGES_4K, DATA),
                    MAP_FRAME_UNREACHABLE);
        world_snapshot_check(test, world, before);
        world_finish(test, world);
    }
}

TEST(failure, of_a_split_for_a_frame_out_of_reach_says_so)
{
    for (unsigned i = 0; i < 2; i++) {
        struct world *world = world_make(&world_shapes[i]);

        map_huge(world);
        make_last_frame_unreachable(world, 0);
        CHECK_EQUAL(split_page(world, the_page(world), PAGE_1G), SPLIT_FRAME_UNREACHABLE);
        make_last_frame_unreachable(world, 1);
        CHECK_EQUAL(split_page(world, the_page(world), PAGE_1G), SPLIT_OK);
        world_finish(test, world);
    }
}

static void maps_without_a_source(struct test *test, struct world *world)
{
    virt_addr page = world_page(world, 4, 0, 0, 0);
    virt_addr next = virt_addr_add(page, 0x1000);

    CHECK_EQUAL(tlb_flush_now(page_table_map_to(&world->table, page, phys_addr_of(0), PAGE_4K,
                                                page_flags_of(DATA), frame_source_empty())),
                MAP_NO_FRAME);
    REQUIRE_EQUAL(map_page(world, page, 0, PAGE_4K, DATA), MAP_OK);
    CHECK_EQUAL(tlb_flush_now(page_table_map_to(&world->table, next, phys_addr_of(0), PAGE_4K,
                                                page_flags_of(DATA), frame_source_empty())),
                MAP_OK);
    CHECK_EQUAL(tlb_flush_now(page_table_map_range(
                    &world->table, page_range_of(virt_addr_add(next, 0x1000), 510), phys_addr_of(0),
                    RANGE_PAGES_4K, page_flags_of(DATA), frame_source_empty())),
                MAP_OK);
}

TEST(failure, does_not_come_of_an_empty_source_when_no_table_is_missing)
{
    world_for_each(test, maps_without_a_source);
}
