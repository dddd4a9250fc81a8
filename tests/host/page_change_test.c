/* Operations on a page that is mapped: translate, unmap, new flags; and on the tables above it. */
#include "mm/page_table.h"

#include "testing/test.h"
#include "tests/host/world_check.h"
#include "tests/host/world_operations.h"

#define ALL_MARKS (PAGE_ACCESSED | PAGE_DIRTY)

/* Arguments that are refused by every operation on one page. */
static const struct {
    uint64_t page; /* added to a good one */
    unsigned size;
    enum page_result result;
} bad_pages[] = {
    {0, 0, PAGE_BAD_SIZE},
    {0, 4, PAGE_BAD_SIZE},
    {0, 77, PAGE_BAD_SIZE},
    {1, PAGE_4K, PAGE_MISALIGNED},
    {0xfff, PAGE_4K, PAGE_MISALIGNED},
    {0x1000, PAGE_2M, PAGE_MISALIGNED},
    {0x1ff000, PAGE_2M, PAGE_MISALIGNED},
    {0x200000, PAGE_1G, PAGE_MISALIGNED},
    {UINT64_C(1) << 58, PAGE_4K, PAGE_NOT_CANONICAL},
    {UINT64_C(1) << 63, PAGE_2M, PAGE_NOT_CANONICAL},
    {UINT64_C(0x7f) << 57, PAGE_1G, PAGE_NOT_CANONICAL},
};

/* As an update_result. */
static enum update_result update_result_for(enum page_result result)
{
    static const enum update_result results[] = {
        [PAGE_OK] = UPDATE_OK,
        [PAGE_NOT_MAPPED] = UPDATE_NOT_MAPPED,
        [PAGE_INSIDE_HUGE_PAGE] = UPDATE_INSIDE_HUGE_PAGE,
        [PAGE_OVER_TABLE] = UPDATE_OVER_TABLE,
        [PAGE_MISALIGNED] = UPDATE_MISALIGNED,
        [PAGE_NOT_CANONICAL] = UPDATE_NOT_CANONICAL,
        [PAGE_BAD_SIZE] = UPDATE_BAD_SIZE,
    };
    return results[result];
}

/* Checks what each operation on one page says, and that none that fails changes anything. */
static void check_refused(struct test *test, struct world *world, virt_addr page,
                          enum page_size size, enum page_result result)
{
    struct world_snapshot *before = world_snapshot_take(world);
    struct unmap_outcome unmapped = page_table_unmap(&world->table, page, size);
    struct update_outcome updated = page_table_update_flags(
        &world->table, page, size, page_flags_of(USER_DATA), ACCESSED_DIRTY_KEEP);

    CHECK_EQUAL(page_table_translate_page(&world->table, page, size).result, result);
    CHECK_EQUAL(unmapped.flush.page_count, 0);
    CHECK_EQUAL(tlb_flush_now(unmapped), result);
    CHECK_EQUAL(updated.flush.page_count, 0);
    CHECK_EQUAL(tlb_flush_now(updated), update_result_for(result));
    world_snapshot_check(test, world, before);
}

static void refuses_bad_pages(struct test *test, struct world *world)
{
    virt_addr good = world_page(world, 4, 0, 0, 0);

    for (unsigned i = 0; i < sizeof bad_pages / sizeof bad_pages[0]; i++) {
        check_refused(test, world, virt_addr_add(good, bad_pages[i].page),
                      (enum page_size)bad_pages[i].size, bad_pages[i].result);
    }
}

TEST(page, operations_name_what_is_wrong_with_their_arguments)
{
    world_for_each(test, refuses_bad_pages);
}

/* A page of each size is mapped; what does each operation on another size say? */
static void tells_sizes_apart(struct test *test, struct world *world)
{
    for (unsigned mapped = PAGE_4K; mapped <= PAGE_1G; mapped++) {
        virt_addr place = world_page(world, 3 + mapped, 1, 0, 0);
        virt_addr elsewhere = world_page(world, 200 + mapped, 1, 0, 0);

        REQUIRE_EQUAL(map_page(world, place, 0, (enum page_size)mapped, DATA), MAP_OK);
        world_touch(world, place);
        for (unsigned size = PAGE_4K; size <= PAGE_1G; size++) {
            enum page_size other = (enum page_size)size;

            if (size != mapped) {
                check_refused(test, world, place, other,
                              size < mapped ? PAGE_INSIDE_HUGE_PAGE : PAGE_OVER_TABLE);
            }
            check_refused(test, world, virt_addr_add(place, GIBIBYTE), other, PAGE_NOT_MAPPED);
            check_refused(test, world, elsewhere, other, PAGE_NOT_MAPPED);
        }
        /* Tables that are left over count as nothing. */
        REQUIRE_EQUAL(unmap_page(world, place, (enum page_size)mapped), PAGE_OK);
        for (unsigned size = PAGE_4K; size <= PAGE_1G; size++) {
            check_refused(test, world, place, (enum page_size)size, PAGE_NOT_MAPPED);
        }
    }
}

TEST(page, operations_say_what_is_there_instead_of_the_page)
{
    world_for_each(test, tells_sizes_apart);
}

static void unmaps_each_size(struct test *test, struct world *world)
{
    for (unsigned size = PAGE_4K; size <= PAGE_1G; size++) {
        virt_addr page = world_page(world, 4, 7, size < 3 ? 5 : 0, size < 2 ? 3 : 0);
        uint64_t frame = UINT64_C(0x8000000000000) + level_bytes(size);
        uint64_t in_use;

        REQUIRE_EQUAL(
            map_page(world, page, frame, (enum page_size)size, USER_DATA | PAGE_SOFTWARE_HIGH),
            MAP_OK);
        CHECK_EQUAL(
            page_table_translate_page(&world->table, page, (enum page_size)size).frame.value,
            frame);
        world_touch(world, page);
        world_touch(world, virt_addr_add(page, level_bytes(size) - 1));
        in_use = world->frames.in_use;
        struct unmap_outcome outcome = page_table_unmap(&world->table, page, (enum page_size)size);
        CHECK_EQUAL(outcome.frame.value, frame);
        CHECK_EQUAL(outcome.flush.start.value, page.value);
        CHECK_EQUAL(outcome.flush.page_count, 1);
        CHECK_EQUAL(world->cpu.flushes_owed, 1);
        REQUIRE_EQUAL(tlb_flush_now(outcome), PAGE_OK);
        CHECK_EQUAL(world_entry(world, page, size), 0);
        CHECK_EQUAL(world->frames.in_use, in_use);
        world_check_absent(test, world, page);
        world_check_sound(test, world);
        REQUIRE_EQUAL(clean_up(world, page_range_of(page, 1)), world->table.levels - size);
    }
}

TEST(unmap, gives_the_frame_and_leaves_the_tables)
{
    world_for_each(test, unmaps_each_size);
}

static void updates_flags(struct test *test, struct world *world)
{
    static const struct {
        uint64_t before;
        uint64_t flags;
        enum accessed_dirty accessed_dirty;
        uint64_t after;
    } cases[] = {
        {DATA, USER_CODE, ACCESSED_DIRTY_KEEP, USER_CODE},
        {DATA, USER_CODE, ACCESSED_DIRTY_REPLACE, USER_CODE},
        {DATA | ALL_MARKS, USER_CODE, ACCESSED_DIRTY_KEEP, USER_CODE | ALL_MARKS},
        {DATA | ALL_MARKS, USER_CODE, ACCESSED_DIRTY_REPLACE, USER_CODE},
        {DATA | PAGE_DIRTY, DATA | PAGE_ACCESSED, ACCESSED_DIRTY_KEEP, DATA | ALL_MARKS},
        {DATA | PAGE_DIRTY, DATA | PAGE_ACCESSED, ACCESSED_DIRTY_REPLACE, DATA | PAGE_ACCESSED},
        {DATA | PAGE_SOFTWARE_HIGH | PAGE_SOFTWARE_LOW | PAGE_GLOBAL, DATA, ACCESSED_DIRTY_KEEP,
         DATA},
        {DATA, DATA | PAGE_SOFTWARE_HIGH | UINT64_C(0xf) << 59, ACCESSED_DIRTY_KEEP,
         DATA | PAGE_SOFTWARE_HIGH | UINT64_C(0xf) << 59},
        {DATA | PAGE_NO_EXECUTE, DATA, ACCESSED_DIRTY_KEEP, DATA},
        {DATA | PAGE_WRITE_THROUGH | PAGE_CACHE_DISABLE, DATA, ACCESSED_DIRTY_REPLACE, DATA},
    };
    for (unsigned size = PAGE_4K; size <= PAGE_1G; size++) {
        enum page_size page_size = (enum page_size)size;
        uint64_t frame = UINT64_C(0xf0000000000) + level_bytes(size);
        uint64_t pat = size == PAGE_4K ? PAGE_PAT_4K : PAGE_PAT_HUGE;
        virt_addr page = world_page(world, 4, size, 0, 0);

        REQUIRE_EQUAL(map_page(world, page, frame, page_size, DATA), MAP_OK);
        for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            REQUIRE_EQUAL(
                update_page(world, page, page_size, cases[i].before, ACCESSED_DIRTY_REPLACE),
                UPDATE_OK);
            world_touch(world, page);
            REQUIRE_EQUAL(
                update_page(world, page, page_size, cases[i].flags, cases[i].accessed_dirty),
                UPDATE_OK);
            world_check_page(test, world, page, size, frame, leaf_flags(page_size, cases[i].after));
            world_check_sound(test, world);
        }
        REQUIRE_EQUAL(update_page(world, page, page_size, DATA | pat, ACCESSED_DIRTY_KEEP),
                      UPDATE_OK);
        world_check_page(test, world, page, size, frame, leaf_flags(page_size, DATA | pat));
        REQUIRE_EQUAL(update_page(world, page, page_size, DATA, ACCESSED_DIRTY_KEEP), UPDATE_OK);
        world_check_page(test, world, page, size, frame, leaf_flags(page_size, DATA));
    }
}

TEST(update_flags, replaces_all_flags_but_accessed_and_dirty_unless_asked_to)
{
    world_for_each(test, updates_flags);
}

static void widens_for_update(struct test *test, struct world *world)
{
    virt_addr page = world_page(world, 4, 1, 1, 1);
    virt_addr neighbour = world_page(world, 4, 1, 1, 2);
    struct update_outcome outcome;

    REQUIRE_EQUAL(map_page(world, page, 0, PAGE_4K, DATA), MAP_OK);
    REQUIRE_EQUAL(map_page(world, neighbour, 0, PAGE_4K, DATA), MAP_OK);
    world_touch(world, neighbour);
    outcome = page_table_update_flags(&world->table, page, PAGE_4K, page_flags_of(PAGE_PRESENT),
                                      ACCESSED_DIRTY_KEEP);
    CHECK_EQUAL(outcome.flush.page_count, 1);
    CHECK_EQUAL(outcome.flush.start.value, page.value);
    CHECK_EQUAL(tlb_flush_now(outcome), UPDATE_OK);
    world_check_effective(test, world, page, 0);
    outcome = page_table_update_flags(&world->table, page, PAGE_4K, page_flags_of(USER_DATA),
                                      ACCESSED_DIRTY_KEEP);
    CHECK_EQUAL(outcome.flush.page_count, TLB_FLUSH_ALL);
    CHECK_EQUAL(tlb_flush_now(outcome), UPDATE_OK);
    world_check_effective(test, world, page, USER_DATA & ~PAGE_PRESENT);
    world_check_effective(test, world, neighbour, PAGE_WRITABLE);
}

TEST(update_flags, widens_tables_on_the_way_and_flushes_everything_only_then)
{
    world_for_each(test, widens_for_update);
}

static void refuses_bad_flags(struct test *test, struct world *world)
{
    virt_addr page = world_page(world, 4, 1, 0, 0);

    for (unsigned size = PAGE_4K; size <= PAGE_1G; size++) {
        virt_addr at = virt_addr_add(page, size * GIBIBYTE);
        const uint64_t bad[] = {0, PAGE_WRITABLE, DATA | 0x2000, DATA | UINT64_C(1) << 45,
                                DATA | (size == PAGE_4K ? 0x1000 : 0x4000)};

        REQUIRE_EQUAL(map_page(world, at, 0, (enum page_size)size, DATA), MAP_OK);
        for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            struct world_snapshot *before = world_snapshot_take(world);
            CHECK_EQUAL(update_page(world, at, (enum page_size)size, bad[i], ACCESSED_DIRTY_KEEP),
                        UPDATE_BAD_FLAGS);
            world_snapshot_check(test, world, before);
        }
    }
}

TEST(update_flags, refuses_what_no_leaf_of_the_size_can_have)
{
    world_for_each(test, refuses_bad_flags);
}

TEST(update_flags, asks_for_features_that_are_there_only)
{
    struct world_shape shape = {
        .kind = ACCESS_LINEAR, .levels = 4, .features = {.physical_bits = 40}};
    struct world *world = world_make(&shape);
    virt_addr page = world_page(world, 4, 1, 0, 0);

    REQUIRE_EQUAL(map_page(world, page, 0, PAGE_4K, DATA), MAP_OK);
    CHECK_EQUAL(update_page(world, page, PAGE_4K, USER_DATA, ACCESSED_DIRTY_KEEP),
                UPDATE_FEATURE_ABSENT);
    CHECK_EQUAL(update_page(world, page, PAGE_1G, DATA, ACCESSED_DIRTY_KEEP),
                UPDATE_FEATURE_ABSENT);
    CHECK_EQUAL(update_table(world, page, 2, DATA | PAGE_NO_EXECUTE), UPDATE_FEATURE_ABSENT);
    CHECK_EQUAL(protect_range(world, page_range_of(page, 1), DATA | PAGE_NO_EXECUTE),
                RANGE_FEATURE_ABSENT);
    CHECK_EQUAL(map_range(world, page_range_of(virt_addr_add(page, GIBIBYTE), 512 * 512), 0,
                          RANGE_PAGES_1G, DATA),
                MAP_FEATURE_ABSENT);
    CHECK_EQUAL(map_range(world, page_range_of(virt_addr_add(page, GIBIBYTE), 1), 0, RANGE_PAGES_4K,
                          DATA | PAGE_NO_EXECUTE),
                MAP_FEATURE_ABSENT);
    CHECK_EQUAL(merge_page(world, page, PAGE_1G), MERGE_FEATURE_ABSENT);
    world_check_page(test, world, page, 1, 0, DATA);
    world_finish(test, world);
}

static void updates_tables(struct test *test, struct world *world)
{
    unsigned levels = world->table.levels;
    virt_addr page = world_page(world, 4, 1, 1, 1);
    virt_addr inside = virt_addr_add(page, 0x123);
    uint64_t flags = DATA | PAGE_NO_EXECUTE | PAGE_SOFTWARE_HIGH | PAGE_WRITE_THROUGH;

    REQUIRE_EQUAL(map_page_with(world, page, 0, PAGE_4K, USER_DATA & ~PAGE_NO_EXECUTE,
                                DATA | PAGE_USER | PAGE_ACCESSED),
                  MAP_OK);
    for (unsigned level = 2; level <= levels; level++) {
        uint64_t table = world_entry(world, page, level) & PAGE_FRAME_MASK;

        world_touch(world, page);
        struct update_outcome outcome =
            page_table_update_table_flags(&world->table, inside, level, page_flags_of(flags));
        CHECK_EQUAL(outcome.flush.page_count, TLB_FLUSH_ALL);
        CHECK_EQUAL(tlb_flush_now(outcome), UPDATE_OK);
        CHECK_EQUAL(world_entry(world, page, level), table | flags | PAGE_ACCESSED);
        world_check_effective(test, world, page, PAGE_WRITABLE | PAGE_NO_EXECUTE);
        world_check_sound(test, world);
        REQUIRE_EQUAL(update_table(world, page, level, DATA | PAGE_USER), UPDATE_OK);
        world_check_effective(test, world, page, PAGE_WRITABLE | PAGE_USER);
    }
    world_check_page(test, world, page, 1, 0, DATA | PAGE_USER);
}

TEST(update_table_flags, replaces_the_flags_of_one_entry_on_the_way_and_flushes_everything)
{
    world_for_each(test, updates_tables);
}

static void refuses_table_updates(struct test *test, struct world *world)
{
    unsigned levels = world->table.levels;
    virt_addr small = world_page(world, 4, 1, 1, 1);
    virt_addr huge = world_page(world, 4, 2, 0, 0);
    virt_addr none = world_page(world, 5, 0, 0, 0);
    struct world_snapshot *before;

    REQUIRE_EQUAL(map_page(world, small, 0, PAGE_4K, DATA), MAP_OK);
    REQUIRE_EQUAL(map_page(world, huge, 0, PAGE_1G, DATA), MAP_OK);
    before = world_snapshot_take(world);
    CHECK_EQUAL(update_table(world, small, 0, DATA), UPDATE_BAD_SIZE);
    CHECK_EQUAL(update_table(world, small, 1, DATA), UPDATE_BAD_SIZE);
    CHECK_EQUAL(update_table(world, small, levels + 1, DATA), UPDATE_BAD_SIZE);
    CHECK_EQUAL(update_table(world, virt_addr_of(UINT64_C(1) << 60), 2, DATA),
                UPDATE_NOT_CANONICAL);
    CHECK_EQUAL(update_table(world, small, 2, PAGE_WRITABLE), UPDATE_BAD_FLAGS);
    CHECK_EQUAL(update_table(world, small, 3, DATA | PAGE_HUGE), UPDATE_BAD_FLAGS);
    CHECK_EQUAL(update_table(world, small, 2, DATA | PAGE_GLOBAL), UPDATE_BAD_FLAGS);
    CHECK_EQUAL(update_table(world, small, 2, DATA | 0x1000), UPDATE_BAD_FLAGS);
    CHECK_EQUAL(update_table(world, huge, 2, DATA), UPDATE_INSIDE_HUGE_PAGE);
    CHECK_EQUAL(update_table(world, huge, 3, DATA), UPDATE_INSIDE_HUGE_PAGE);
    for (unsigned level = 2; level <= levels; level++) {
        CHECK_EQUAL(update_table(world, none, level, DATA), UPDATE_NOT_MAPPED);
    }
    CHECK_EQUAL(update_table(world, virt_addr_add(small, TWO_MIBIBYTES), 2, DATA),
                UPDATE_NOT_MAPPED);
    world_snapshot_check(test, world, before);
}

TEST(update_table_flags, says_why_there_is_no_such_table)
{
    world_for_each(test, refuses_table_updates);
}

/* Every combination of what the levels allow. */
static void ands_over_the_levels(struct test *test, struct world *world)
{
    virt_addr page = world_page(world, 300, 2, 3, 4);
    unsigned levels = world->table.levels;
    bool recursive = world->shape.kind == ACCESS_RECURSIVE;

    REQUIRE_EQUAL(map_page(world, page, 0x7000, PAGE_4K, DATA | PAGE_USER), MAP_OK);
    for (unsigned level = 1; level <= levels; level++) {
        for (unsigned without = 0; without < 8; without++) {
            uint64_t flags = PAGE_PRESENT | ((without & 1) != 0 ? 0 : PAGE_WRITABLE) |
                             ((without & 2) != 0 ? 0 : PAGE_USER) |
                             ((without & 4) != 0 ? PAGE_NO_EXECUTE : 0);

            if (recursive && level > 1 && (without & 1) != 0) {
                CHECK_EQUAL(update_table(world, page, level, flags), UPDATE_BAD_FLAGS);
                continue;
            }
            world_touch(world, page);
            if (level == 1) {
                CHECK_EQUAL(update_page(world, page, PAGE_4K, flags, ACCESSED_DIRTY_KEEP),
                            UPDATE_OK);
            } else {
                CHECK_EQUAL(update_table(world, page, level, flags), UPDATE_OK);
            }
            world_check_effective(test, world, page, flags & ~PAGE_PRESENT);
            world_check_sound(test, world);
        }
        CHECK_EQUAL(
            level == 1 ? update_page(world, page, PAGE_4K, DATA | PAGE_USER, ACCESSED_DIRTY_REPLACE)
                       : update_table(world, page, level, DATA | PAGE_USER),
            UPDATE_OK);
    }
}

TEST(translate, allows_what_all_levels_allow)
{
    world_for_each(test, ands_over_the_levels);
}

static void says_where_it_ends(struct test *test, struct world *world)
{
    unsigned levels = world->table.levels;
    virt_addr page = world_page(world, 4, 4, 4, 4);

    CHECK_EQUAL(page_table_translate(&world->table, page).level, levels);
    world_check_absent(test, world, page);
    for (unsigned size = PAGE_1G; size >= PAGE_4K; size--) {
        virt_addr beside =
            virt_addr_of((page.value ^ level_bytes(size)) & ~(level_bytes(size) - 1));

        REQUIRE_EQUAL(map_page(world, beside, 0, (enum page_size)size, DATA), MAP_OK);
        CHECK_EQUAL(page_table_translate(&world->table, page).level, size);
        world_check_absent(test, world, page);
    }
    CHECK_EQUAL(page_table_translate(&world->table, virt_addr_of(UINT64_C(1) << 63)).result,
                TRANSLATE_NOT_CANONICAL);
    CHECK_EQUAL(page_table_translate(&world->table, virt_addr_of(UINT64_C(1) << 57)).result,
                TRANSLATE_NOT_CANONICAL);
    CHECK_EQUAL(page_table_translate(&world->table, virt_addr_of(UINT64_C(1) << 47)).result,
                levels == 4 ? TRANSLATE_NOT_CANONICAL : TRANSLATE_NOT_MAPPED);
}

TEST(translate, says_at_which_level_nothing_is_mapped)
{
    /* In a tree of its own: what temporary access maps is in the way. */
    for (unsigned i = 0; i < world_shape_count; i++) {
        struct world_shape shape = world_shapes[i];
        struct world *world;

        shape.own_window = true;
        world = world_make(&shape);
        says_where_it_ends(test, world);
        world_finish(test, world);
    }
}
