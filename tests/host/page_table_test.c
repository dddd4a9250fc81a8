/* Mapping single pages: what it makes, what it refuses, and what a failure leaves behind. */
#include "mm/page_table.h"

#include "testing/test.h"
#include "tests/host/world_check.h"
#include "tests/host/world_operations.h"

static void maps_each_size(struct test *test, struct world *world)
{
    static const uint64_t flag_cases[] = {
        DATA,
        USER_CODE,
        USER_DATA,
        PAGE_PRESENT,
        DATA | PAGE_WRITE_THROUGH | PAGE_CACHE_DISABLE | PAGE_GLOBAL,
        DATA | PAGE_ACCESSED | PAGE_DIRTY,
        DATA | PAGE_SOFTWARE_LOW | PAGE_SOFTWARE_HIGH,
        DATA | PAGE_SOFTWARE_HIGH | PAGE_NO_EXECUTE,
    };
    for (unsigned size = PAGE_4K; size <= PAGE_1G; size++) {
        for (unsigned i = 0; i < sizeof flag_cases / sizeof flag_cases[0]; i++) {
            virt_addr page = world_page(world, 4 + i, 3, size < 3 ? 7 : 0, size < 2 ? 9 : 0);
            uint64_t frame = (UINT64_C(0xabcdefabc000) << 4) & ~(level_bytes(size) - 1);
            uint64_t flags = flag_cases[i];

            REQUIRE_EQUAL(map_page(world, page, frame, (enum page_size)size, flags), MAP_OK);
            world_check_page(test, world, page, size, frame,
                             leaf_flags((enum page_size)size, flags));
            world_check_page(test, world, virt_addr_add(page, level_bytes(size) - 1), size,
                             frame + level_bytes(size) - 1,
                             leaf_flags((enum page_size)size, flags));
            world_check_effective(test, world, page,
                                  flags & (PAGE_WRITABLE | PAGE_USER | PAGE_NO_EXECUTE));
            world_check_absent(test, world, virt_addr_add(page, level_bytes(size)));
            world_check_sound(test, world);
            REQUIRE_EQUAL(unmap_page(world, page, (enum page_size)size), PAGE_OK);
            CHECK_EQUAL(clean_up(world, page_range_of(page, 1)), world->table.levels - size);
            world_check_absent(test, world, page);
        }
    }
}

TEST(map_to, maps_a_page_of_each_size_with_exactly_the_flags_asked_for)
{
    world_for_each(test, maps_each_size);
}

static void takes_missing_tables(struct test *test, struct world *world)
{
    unsigned levels = world->table.levels;

    for (unsigned size = PAGE_4K; size <= PAGE_1G; size++) {
        uint64_t before = world->frames.in_use;
        virt_addr page = world_page(world, 3 + size, 1, 0, 0);

        REQUIRE_EQUAL(map_page(world, page, 0, (enum page_size)size, DATA), MAP_OK);
        CHECK_EQUAL(world->frames.in_use - before, levels - size);
        for (unsigned level = size; level < levels; level++) {
            virt_addr other = virt_addr_add(page, level_bytes(level));
            uint64_t with_sibling = world->frames.in_use;

            if (level == 4) {
                continue; /* the next page there is that of another size */
            }
            REQUIRE_EQUAL(map_page(world, other, 0, (enum page_size)size, DATA), MAP_OK);
            CHECK_EQUAL(world->frames.in_use - with_sibling, level - size);
        }
        CHECK_EQUAL(world_entry(world, page, levels) & ~PAGE_FRAME_MASK, DATA);
    }
}

TEST(map_to, takes_a_frame_for_each_table_that_is_missing_and_no_other)
{
    world_for_each(test, takes_missing_tables);
}

/* Arguments that are refused whatever is mapped. */
static const struct {
    uint64_t page; /* added to a good one */
    uint64_t frame;
    unsigned size;
    uint64_t flags;
    enum map_result result;
} bad_arguments[] = {
    {0, 0, 0, DATA, MAP_BAD_SIZE},
    {0, 0, 4, DATA, MAP_BAD_SIZE},
    {0, 0, 1000, DATA, MAP_BAD_SIZE},
    {1, 0, PAGE_4K, DATA, MAP_MISALIGNED},
    {0x800, 0, PAGE_4K, DATA, MAP_MISALIGNED},
    {0x1000, 0, PAGE_2M, DATA, MAP_MISALIGNED},
    {0x100000, 0, PAGE_2M, DATA, MAP_MISALIGNED},
    {0x200000, 0, PAGE_1G, DATA, MAP_MISALIGNED},
    {0x20000000, 0, PAGE_1G, DATA, MAP_MISALIGNED},
    {0, 0x800, PAGE_4K, DATA, MAP_MISALIGNED},
    {0, 0x1000, PAGE_2M, DATA, MAP_MISALIGNED},
    {0, 0x100000, PAGE_2M, DATA, MAP_MISALIGNED},
    {0, 0x20000000, PAGE_1G, DATA, MAP_MISALIGNED},
    {UINT64_C(1) << 57, 0, PAGE_4K, DATA, MAP_NOT_CANONICAL},
    {UINT64_C(1) << 63, 0, PAGE_1G, DATA, MAP_NOT_CANONICAL},
    {0, UINT64_C(1) << 52, PAGE_4K, DATA, MAP_BAD_ADDRESS},
    {0, UINT64_C(1) << 63, PAGE_2M, DATA, MAP_BAD_ADDRESS},
    {0, UINT64_C(0xfff) << 52, PAGE_1G, DATA, MAP_BAD_ADDRESS},
    {0, 0, PAGE_4K, 0, MAP_BAD_FLAGS},
    {0, 0, PAGE_2M, PAGE_WRITABLE, MAP_BAD_FLAGS},
    {0, 0, PAGE_4K, DATA | 0x1000, MAP_BAD_FLAGS},
    {0, 0, PAGE_2M, DATA | 0x2000, MAP_BAD_FLAGS},
    {0, 0, PAGE_2M, DATA | 0x100000, MAP_BAD_FLAGS},
    {0, 0, PAGE_1G, DATA | 0x200000, MAP_BAD_FLAGS},
    {0, 0, PAGE_1G, DATA | 0x20000000, MAP_BAD_FLAGS},
    {0, 0, PAGE_4K, DATA | UINT64_C(1) << 51, MAP_BAD_FLAGS},
    {0, 0, PAGE_1G, DATA | UINT64_C(1) << 40, MAP_BAD_FLAGS},
};

static void refuses_bad_arguments(struct test *test, struct world *world)
{
    virt_addr good = world_page(world, 4, 0, 0, 0);

    for (unsigned i = 0; i < sizeof bad_arguments / sizeof bad_arguments[0]; i++) {
        enum page_size size = (enum page_size)bad_arguments[i].size;
        virt_addr page = virt_addr_add(good, bad_arguments[i].page);
        struct world_snapshot *before = world_snapshot_take(world);

        CHECK_EQUAL(map_page(world, page, bad_arguments[i].frame, size, bad_arguments[i].flags),
                    bad_arguments[i].result);
        CHECK_EQUAL(
            map_page_with(world, page, bad_arguments[i].frame, size, bad_arguments[i].flags, DATA),
            bad_arguments[i].result);
        world_snapshot_check(test, world, before);
    }
}

TEST(map_to, names_what_is_wrong_with_its_arguments_and_changes_nothing)
{
    world_for_each(test, refuses_bad_arguments);
}

TEST(map_to, knows_canonical_addresses_by_the_number_of_levels)
{
    for (unsigned i = 0; i < world_shape_count; i++) {
        struct world *world = world_make(&world_shapes[i]);
        bool four = world->table.levels == 4;
        virt_addr beyond_four = virt_addr_of(UINT64_C(0x800000000000));
        virt_addr before_upper_four = virt_addr_of(UINT64_C(0xffff7fffffe00000));

        if (world->shape.kind == ACCESS_TEMPORARY && !four) {
            beyond_four = virt_addr_of(UINT64_C(1) << 50);
        }
        CHECK_EQUAL(map_page(world, beyond_four, 0, PAGE_4K, DATA),
                    four ? MAP_NOT_CANONICAL : MAP_OK);
        CHECK_EQUAL(map_page(world, before_upper_four, 0, PAGE_2M, DATA),
                    four ? MAP_NOT_CANONICAL : MAP_OK);
        CHECK_EQUAL(map_page(world, virt_addr_of(UINT64_C(0x0100000000000000)), 0, PAGE_4K, DATA),
                    MAP_NOT_CANONICAL);
        CHECK_EQUAL(map_page(world, virt_addr_of(UINT64_C(0xfefffffffffff000)), 0, PAGE_4K, DATA),
                    MAP_NOT_CANONICAL);
        world_finish(test, world);
    }
}

TEST(map_to, asks_for_features_that_are_there_only)
{
    struct world_shape shape = {.kind = ACCESS_LINEAR, .levels = 4};

    for (unsigned with = 0; with < 4; with++) {
        shape.features = (struct paging_features){
            .physical_bits = 40, .no_execute = (with & 1) != 0, .pages_1g = (with & 2) != 0};
        struct world *world = world_make(&shape);
        virt_addr page = world_page(world, 4, 0, 0, 0);

        CHECK_EQUAL(map_page(world, page, 0, PAGE_4K, DATA | PAGE_NO_EXECUTE),
                    (with & 1) != 0 ? MAP_OK : MAP_FEATURE_ABSENT);
        CHECK_EQUAL(map_page(world, virt_addr_add(page, GIBIBYTE), 0, PAGE_1G, DATA),
                    (with & 2) != 0 ? MAP_OK : MAP_FEATURE_ABSENT);
        CHECK_EQUAL(map_page(world, virt_addr_add(page, 2 * GIBIBYTE), 0, PAGE_2M, DATA), MAP_OK);
        CHECK_EQUAL(map_page_with(world, virt_addr_add(page, 4 * GIBIBYTE), 0, PAGE_4K, DATA,
                                  DATA | PAGE_NO_EXECUTE),
                    (with & 1) != 0 ? MAP_OK : MAP_FEATURE_ABSENT);
        world_finish(test, world);
    }
}

TEST(map_to, takes_any_frame_that_the_cpu_can_address_and_no_other)
{
    struct world_shape shape = {.kind = ACCESS_LINEAR, .levels = 4};

    for (unsigned bits = 32; bits <= 52; bits++) {
        shape.features =
            (struct paging_features){.physical_bits = bits, .no_execute = true, .pages_1g = true};
        struct world *world = world_make(&shape);
        uint64_t end = UINT64_C(1) << bits;
        virt_addr page = world_page(world, 4, 0, 0, 0);

        for (unsigned size = PAGE_4K; size <= PAGE_1G; size++) {
            enum page_size page_size = (enum page_size)size;
            virt_addr at = virt_addr_add(page, size * GIBIBYTE);
            CHECK_EQUAL(map_page(world, at, end, page_size, DATA), MAP_BAD_ADDRESS);
            CHECK_EQUAL(map_page(world, at, end - level_bytes(size), page_size, DATA), MAP_OK);
            world_check_page(test, world, at, size, end - level_bytes(size),
                             leaf_flags(page_size, DATA));
        }
        world_finish(test, world);
    }
}

/* A page of each size is mapped; what does mapping a page of another size there say? */
static void refuses_used_places(struct test *test, struct world *world)
{
    for (unsigned mapped = PAGE_4K; mapped <= PAGE_1G; mapped++) {
        virt_addr place = world_page(world, 3 + mapped, 1, 0, 0);

        REQUIRE_EQUAL(map_page(world, place, 0, (enum page_size)mapped, DATA), MAP_OK);
        for (unsigned size = PAGE_4K; size <= PAGE_1G; size++) {
            struct world_snapshot *before = world_snapshot_take(world);
            enum map_result expected = size == mapped  ? MAP_ALREADY_MAPPED
                                       : size < mapped ? MAP_INSIDE_HUGE_PAGE
                                                       : MAP_OVER_TABLE;

            CHECK_EQUAL(map_page(world, place, 0, (enum page_size)size, USER_DATA), expected);
            if (size < mapped) {
                virt_addr last = virt_addr_add(place, level_bytes(mapped) - level_bytes(size));
                CHECK_EQUAL(map_page(world, last, 0, (enum page_size)size, USER_DATA), expected);
            }
            world_snapshot_check(test, world, before);
        }
    }
}

TEST(map_to, refuses_a_place_that_is_in_use_and_says_by_what)
{
    world_for_each(test, refuses_used_places);
}

static void maps_at_the_ends(struct test *test, struct world *world)
{
    uint64_t half = UINT64_C(1) << (level_shift(world->table.levels) + 8);
    uint64_t memory_end = UINT64_C(1) << 52;

    for (unsigned size = PAGE_4K; size <= PAGE_1G; size++) {
        uint64_t bytes = level_bytes(size);
        const uint64_t starts[] = {half - bytes, -half, -bytes};

        for (unsigned i = 0; i < 3; i++) {
            virt_addr page = virt_addr_of(starts[i]);

            if (world->hidden[virt_addr_index(page, world->table.levels)]) {
                continue;
            }
            REQUIRE_EQUAL(map_page(world, page, memory_end - bytes, (enum page_size)size, DATA),
                          MAP_OK);
            world_check_page(test, world, virt_addr_add(page, bytes - 1), size, memory_end - 1,
                             leaf_flags((enum page_size)size, DATA));
            CHECK_EQUAL(unmap_page(world, page, (enum page_size)size), PAGE_OK);
            CHECK_EQUAL(clean_up(world, page_range_of(page, 1)), world->table.levels - size);
        }
    }
}

TEST(map_to, maps_the_first_and_last_pages_of_both_halves_to_the_last_frame)
{
    world_for_each(test, maps_at_the_ends);
}

static void keeps_pat_and_ps_apart(struct test *test, struct world *world)
{
    virt_addr small = world_page(world, 4, 0, 0, 0);
    virt_addr large = world_page(world, 5, 0, 0, 0);
    virt_addr huge = world_page(world, 6, 0, 0, 0);

    REQUIRE_EQUAL(map_page(world, small, 0x5000, PAGE_4K, DATA | PAGE_PAT_4K), MAP_OK);
    world_check_page(test, world, small, 1, 0x5000, DATA | PAGE_PAT_4K);
    REQUIRE_EQUAL(map_page(world, large, 0x600000, PAGE_2M, DATA | PAGE_PAT_HUGE), MAP_OK);
    world_check_page(test, world, large, 2, 0x600000, DATA | PAGE_PAT_HUGE | PAGE_HUGE);
    REQUIRE_EQUAL(map_page(world, huge, GIBIBYTE, PAGE_1G, DATA | PAGE_PAT_HUGE | PAGE_HUGE),
                  MAP_OK);
    world_check_page(test, world, huge, 3, GIBIBYTE, DATA | PAGE_PAT_HUGE | PAGE_HUGE);
}

TEST(map_to, takes_bit_7_for_pat_in_small_pages_and_bit_12_in_large_ones)
{
    world_for_each(test, keeps_pat_and_ps_apart);
}

static void widens_parents(struct test *test, struct world *world)
{
    unsigned levels = world->table.levels;
    virt_addr kernel = world_page(world, 4, 1, 1, 1);
    virt_addr user = world_page(world, 4, 1, 1, 2);

    REQUIRE_EQUAL(map_page(world, kernel, 0, PAGE_4K, DATA), MAP_OK);
    world_touch(world, kernel);
    struct map_outcome refused = page_table_map_to(&world->table, kernel, phys_addr_of(0), PAGE_4K,
                                                   page_flags_of(USER_DATA), &world->frames.source);
    CHECK_EQUAL(refused.flush.page_count, 0);
    CHECK_EQUAL(tlb_flush_now(refused), MAP_ALREADY_MAPPED);
    for (unsigned level = 2; level <= levels; level++) {
        CHECK_EQUAL(world_entry(world, kernel, level) & ~PAGE_FRAME_MASK, DATA);
    }
    struct map_outcome mapped = page_table_map_to(&world->table, user, phys_addr_of(0), PAGE_4K,
                                                  page_flags_of(USER_DATA), &world->frames.source);
    CHECK_EQUAL(mapped.flush.page_count, TLB_FLUSH_ALL);
    CHECK_EQUAL(tlb_flush_now(mapped), MAP_OK);
    for (unsigned level = 2; level <= levels; level++) {
        CHECK_EQUAL(world_entry(world, kernel, level) & ~PAGE_FRAME_MASK, DATA | PAGE_USER);
    }
    world_check_effective(test, world, user, USER_DATA & ~PAGE_PRESENT);
    world_check_effective(test, world, kernel, PAGE_WRITABLE);
    world_check_page(test, world, kernel, 1, 0, DATA);
}

TEST(map_to, widens_tables_on_the_way_when_it_succeeds_and_then_asks_for_a_full_flush)
{
    world_for_each(test, widens_parents);
}

static void asks_for_no_flush(struct test *test, struct world *world)
{
    struct map_outcome outcome =
        page_table_map_to(&world->table, world_page(world, 4, 1, 1, 1), phys_addr_of(0), PAGE_4K,
                          page_flags_of(USER_DATA), &world->frames.source);

    CHECK_EQUAL(outcome.flush.page_count, 0);
    CHECK_EQUAL(tlb_flush_ignore(outcome), MAP_OK);
    outcome = page_table_map_to(&world->table, world_page(world, 4, 1, 1, 2), phys_addr_of(0),
                                PAGE_4K, page_flags_of(DATA), &world->frames.source);
    CHECK_EQUAL(outcome.flush.page_count, 0);
    CHECK_EQUAL(tlb_flush_ignore(outcome), MAP_OK);
    CHECK_EQUAL(world->cpu.full_flush_count, 0);
}

TEST(map_to, of_a_new_page_asks_for_no_flush)
{
    world_for_each(test, asks_for_no_flush);
}

static void takes_table_flags(struct test *test, struct world *world)
{
    unsigned levels = world->table.levels;
    uint64_t all = PAGE_PRESENT | PAGE_WRITABLE | PAGE_WRITE_THROUGH | PAGE_CACHE_DISABLE |
                   PAGE_ACCESSED | PAGE_NO_EXECUTE | PAGE_SOFTWARE_LOW | PAGE_SOFTWARE_HIGH;
    virt_addr page = world_page(world, 4, 1, 1, 1);
    virt_addr other = world_page(world, 4, 1, 2, 1);

    REQUIRE_EQUAL(map_page_with(world, page, 0, PAGE_4K, USER_DATA, all), MAP_OK);
    for (unsigned level = 2; level <= levels; level++) {
        CHECK_EQUAL(world_entry(world, page, level) & ~PAGE_FRAME_MASK, all);
    }
    world_check_effective(test, world, page, PAGE_WRITABLE | PAGE_NO_EXECUTE);
    /* Existing ones are widened, never narrowed, and get nothing else. */
    REQUIRE_EQUAL(map_page_with(world, other, 0, PAGE_4K, USER_CODE,
                                USER_CODE | PAGE_WRITABLE | PAGE_SOFTWARE_LOW),
                  MAP_OK);
    for (unsigned level = 3; level <= levels; level++) {
        CHECK_EQUAL(world_entry(world, other, level) & ~PAGE_FRAME_MASK, all | PAGE_USER);
    }
    CHECK_EQUAL(world_entry(world, other, 2) & ~PAGE_FRAME_MASK,
                USER_CODE | PAGE_WRITABLE | PAGE_SOFTWARE_LOW);
}

TEST(map_to_with_table_flags, gives_new_tables_its_flags_and_widens_the_others)
{
    world_for_each(test, takes_table_flags);
}

static void refuses_table_flags(struct test *test, struct world *world)
{
    static const uint64_t bad[] = {0,
                                   PAGE_WRITABLE,
                                   DATA | PAGE_HUGE,
                                   DATA | PAGE_DIRTY,
                                   DATA | PAGE_GLOBAL,
                                   DATA | 0x1000,
                                   DATA | UINT64_C(1) << 51,
                                   DATA | UINT64_C(1) << 59,
                                   DATA | UINT64_C(1) << 62};
    virt_addr page = world_page(world, 4, 1, 1, 1);
    bool recursive = world->shape.kind == ACCESS_RECURSIVE;

    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct world_snapshot *before = world_snapshot_take(world);
        CHECK_EQUAL(map_page_with(world, page, 0, PAGE_4K, DATA, bad[i]), MAP_BAD_FLAGS);
        world_snapshot_check(test, world, before);
    }
    CHECK_EQUAL(map_page_with(world, page, 0, PAGE_4K, DATA, PAGE_PRESENT),
                recursive ? MAP_BAD_FLAGS : MAP_OK);
    if (!recursive) {
        world_check_effective(test, world, page, 0);
    }
}

TEST(map_to_with_table_flags, refuses_what_no_table_can_have)
{
    world_for_each(test, refuses_table_flags);
}
