/* Address spaces: what they share, what they cost, and what the CPU remembers of them. */
#include "mm/address_space.h"

#include "testing/test.h"
#include "tests/host/world_check.h"
#include "tests/host/world_operations.h"

/* The world's tree as the kernel's space, with a page in each half. */
static struct address_space kernel_space(struct test *test, struct world *world)
{
    struct address_space kernel = {.table = world->table};

    REQUIRE_EQUAL(map_page(world, world_page(world, 4, 0, 0, 0), 0x1000, PAGE_4K, DATA), MAP_OK);
    REQUIRE_EQUAL(map_page(world, world_page(world, 300, 0, 0, 0), 0x2000, PAGE_4K, DATA), MAP_OK);
    return kernel;
}

/* The software MMU on another root. */
static struct soft_walk walk_in(const struct world *world, const struct address_space *space,
                                virt_addr address)
{
    struct soft_mmu mmu = world->mmu;

    mmu.root = space->table.root.value;
    return soft_mmu_walk(&mmu, address.value);
}

static enum map_result map_in_space(struct world *world, struct address_space *space,
                                    virt_addr page, uint64_t frame)
{
    return address_space_flush(space,
                               page_table_map_to(&space->table, page, phys_addr_of(frame), PAGE_4K,
                                                 page_flags_of(DATA), &world->frames.source));
}

/* The access kinds that reach tables of a space that is not active. */
static void for_each_kind(struct test *test, void (*body)(struct test *test, struct world *world))
{
    for (unsigned i = 0; i < world_shape_count; i++) {
        if (world_shapes[i].kind == ACCESS_LINEAR || world_shapes[i].own_window) {
            struct world *world = world_make(&world_shapes[i]);

            body(test, world);
            world_finish(test, world);
        }
    }
}

static void shares_upper_half(struct test *test, struct world *world)
{
    struct address_space kernel = kernel_space(test, world);
    virt_addr lower = world_page(world, 4, 0, 0, 0);
    virt_addr upper = world_page(world, 300, 0, 0, 0);
    uint64_t in_use = world->frames.in_use;
    struct address_space space;

    /* An entry by which the kernel's root names itself is not for others. */
    soft_mmu_write(&world->mmu, world->table.root.value + 8 * 510, world->table.root.value | DATA);
    REQUIRE_EQUAL(address_space_create(&space, &kernel, 5, &world->frames.source),
                  ADDRESS_SPACE_OK);
    CHECK_EQUAL(world->frames.in_use, in_use + 1);
    CHECK_EQUAL(space.pcid, 5);
    CHECK(!space.table.active);
    CHECK_EQUAL(space.table.levels, world->table.levels);
    CHECK_EQUAL(walk_in(world, &space, lower).fault, SOFT_NOT_PRESENT);
    CHECK_EQUAL(walk_in(world, &space, upper).physical, 0x2000);
    for (unsigned index = 0; index < TABLE_ENTRY_COUNT; index++) {
        uint64_t theirs = soft_mmu_read(&world->mmu, space.table.root.value + 8 * index);
        uint64_t ours = soft_mmu_read(&world->mmu, world->table.root.value + 8 * index);

        CHECK_EQUAL(theirs, index < 256 || index == 510 ? 0 : ours);
    }
    /* What is mapped below shared tables is seen in both; the lower half is private. */
    REQUIRE_EQUAL(map_in_space(world, &space, virt_addr_add(upper, 0x1000), 0x3000), MAP_OK);
    world_check_page(test, world, virt_addr_add(upper, 0x1000), 1, 0x3000, DATA);
    REQUIRE_EQUAL(map_in_space(world, &space, lower, 0x7000), MAP_OK);
    world_check_page(test, world, lower, 1, 0x1000, DATA);
    CHECK_EQUAL(walk_in(world, &space, lower).physical, 0x7000);
    CHECK_EQUAL(world->frames.in_use, in_use + world->table.levels);
    REQUIRE_EQUAL(address_space_destroy(&space, &world->frames.source), ADDRESS_SPACE_OK);
    CHECK_EQUAL(world->frames.in_use, in_use);
    world_check_page(test, world, upper, 1, 0x2000, DATA);
    soft_mmu_write(&world->mmu, world->table.root.value + 8 * 510, 0);
}

TEST(address_space, shares_the_upper_half_and_gives_all_of_the_lower_one_back)
{
    for_each_kind(test, shares_upper_half);
}

static void gives_back_every_shape(struct test *test, struct world *world)
{
    struct address_space kernel = kernel_space(test, world);
    uint64_t in_use = world->frames.in_use;
    struct address_space space;

    REQUIRE_EQUAL(address_space_create(&space, &kernel, 0, &world->frames.source),
                  ADDRESS_SPACE_OK);
    for (unsigned size = PAGE_4K; size <= PAGE_1G; size++) {
        virt_addr page = world_page(world, size == PAGE_1G ? 255 : size, 511, 0, 0);

        REQUIRE_EQUAL(
            address_space_flush(&space, page_table_map_to(&space.table, page, phys_addr_of(0),
                                                          (enum page_size)size, page_flags_of(DATA),
                                                          &world->frames.source)),
            MAP_OK);
    }
    REQUIRE_EQUAL(
        address_space_flush(
            &space,
            page_table_map_range(&space.table, page_range_of(world_page(world, 9, 9, 511, 9), 2000),
                                 phys_addr_of(0), RANGE_PAGES_4K, page_flags_of(DATA),
                                 &world->frames.source)),
        MAP_OK);
    REQUIRE_EQUAL(address_space_destroy(&space, &world->frames.source), ADDRESS_SPACE_OK);
    CHECK_EQUAL(world->frames.in_use, in_use);
}

TEST(address_space, loses_no_frame_when_it_is_destroyed)
{
    for_each_kind(test, gives_back_every_shape);
}

TEST(address_space, says_why_it_cannot_be_made_and_changes_nothing_then)
{
    for (unsigned i = 0; i < world_shape_count; i++) {
        struct world *world = world_make(&world_shapes[i]);
        struct address_space kernel = kernel_space(test, world);
        bool recursive = world->shape.kind == ACCESS_RECURSIVE;
        struct address_space space;
        struct world_snapshot *before;

        world->frames.limit = 0;
        before = world_snapshot_take(world);
        CHECK_EQUAL(address_space_create(&space, &kernel, 0, &world->frames.source),
                    recursive ? ADDRESS_SPACE_RECURSIVE : ADDRESS_SPACE_NO_FRAME);
        world_snapshot_check(test, world, before);
        world->frames.limit = 1;
        if (world->shape.kind == ACCESS_LINEAR) {
            kernel.table.access.linear.end = kernel.table.access.linear.first;
            before = world_snapshot_take(world);
            CHECK_EQUAL(address_space_create(&space, &kernel, 0, &world->frames.source),
                        ADDRESS_SPACE_FRAME_UNREACHABLE);
            world_snapshot_check(test, world, before);
        }
        world_finish(test, world);
    }
}

/* A kernel's space that the CPU uses, and another one. */
struct two_spaces {
    struct world *world;
    struct address_space kernel;
    struct address_space other;
    virt_addr page; /* 0x1000 in the kernel's space, 0x7000 in the other */
};

static struct two_spaces make_two(struct test *test, unsigned kernel_pcid, unsigned other_pcid)
{
    struct two_spaces two = {.world = world_make(&world_shapes[0])};

    two.page = world_page(two.world, 4, 0, 0, 0);
    two.kernel = kernel_space(test, two.world);
    two.kernel.pcid = kernel_pcid;
    two.world->cpu.tlb.pcid = (uint16_t)kernel_pcid;
    REQUIRE_EQUAL(
        address_space_create(&two.other, &two.kernel, other_pcid, &two.world->frames.source),
        ADDRESS_SPACE_OK);
    REQUIRE_EQUAL(map_in_space(two.world, &two.other, two.page, 0x7000), MAP_OK);
    return two;
}

/* Where the CPU finds the page. */
static uint64_t read_page(struct two_spaces *two)
{
    struct soft_access access = host_cpu_access(&two->world->cpu, two->page.value, false);

    return access.fault == SOFT_TRANSLATED ? access.physical : UINT64_MAX;
}

static void end_two(struct test *test, struct two_spaces *two)
{
    CHECK_EQUAL(address_space_destroy(&two->other, &two->world->frames.source), ADDRESS_SPACE_OK);
    world_finish(test, two->world);
}

TEST(address_space, is_switched_to_with_nothing_left_of_the_other_one)
{
    static const unsigned pcids[][2] = {{0, 0}, {1, 2}, {0, 7}, {4095, 0}};

    for (unsigned i = 0; i < 4; i++) {
        struct two_spaces two = make_two(test, pcids[i][0], pcids[i][1]);

        for (unsigned round = 0; round < 3; round++) {
            CHECK_EQUAL(read_page(&two), 0x1000);
            address_space_switch(&two.kernel, &two.other);
            CHECK(two.other.table.active && !two.kernel.table.active);
            CHECK_EQUAL(two.world->cpu.mmu.root, two.other.table.root.value);
            CHECK_EQUAL(read_page(&two), 0x7000);
            CHECK_EQUAL(address_space_destroy(&two.other, &two.world->frames.source),
                        ADDRESS_SPACE_ACTIVE);
            address_space_switch(&two.other, &two.kernel);
            CHECK(two.kernel.table.active && !two.other.table.active);
        }
        end_two(test, &two);
    }
}

TEST(address_space, change_is_flushed_when_the_space_is_next_used)
{
    for (unsigned pcid = 0; pcid < 2; pcid++) {
        struct two_spaces two = make_two(test, pcid * 2, pcid * 3);

        address_space_switch(&two.kernel, &two.other);
        CHECK_EQUAL(read_page(&two), 0x7000);
        address_space_switch(&two.other, &two.kernel);
        uint64_t flushes = two.world->cpu.page_flush_count + two.world->cpu.full_flush_count;
        CHECK_EQUAL(
            address_space_flush(&two.other, page_table_unmap(&two.other.table, two.page, PAGE_4K)),
            PAGE_OK);
        CHECK_EQUAL(two.world->cpu.page_flush_count + two.world->cpu.full_flush_count, flushes);
        CHECK_EQUAL(two.world->cpu.flushes_owed, 0);
        CHECK(two.other.stale);
        CHECK_EQUAL(read_page(&two), 0x1000);
        address_space_switch(&two.kernel, &two.other);
        CHECK(!two.other.stale);
        CHECK_EQUAL(read_page(&two), UINT64_MAX);
        /* In the active space at once. */
        CHECK_EQUAL(map_in_space(two.world, &two.other, two.page, 0x9000), MAP_OK);
        CHECK_EQUAL(read_page(&two), 0x9000);
        CHECK_EQUAL(
            address_space_flush(&two.other, page_table_unmap(&two.other.table, two.page, PAGE_4K)),
            PAGE_OK);
        CHECK_EQUAL(read_page(&two), UINT64_MAX);
        CHECK(!two.other.stale);
        address_space_switch(&two.other, &two.kernel);
        end_two(test, &two);
    }
}

/* What is cached survives a switch exactly if the space has a PCID and was not changed. */
TEST(address_space, with_a_pcid_keeps_what_is_cached_over_a_switch)
{
    for (unsigned pcid = 0; pcid < 2; pcid++) {
        struct two_spaces two = make_two(test, 9, pcid * 3);
        uint64_t root = two.other.table.root.value;

        address_space_switch(&two.kernel, &two.other);
        CHECK_EQUAL(read_page(&two), 0x7000);
        address_space_switch(&two.other, &two.kernel);
        /* Changed behind everyone's back. */
        uint64_t entry = soft_mmu_read(&two.world->mmu, root + 8 * 4);
        soft_mmu_write(&two.world->mmu, root + 8 * 4, 0);
        address_space_switch(&two.kernel, &two.other);
        CHECK_EQUAL(read_page(&two), pcid == 0 ? UINT64_MAX : 0x7000);
        soft_mmu_write(&two.world->mmu, root + 8 * 4, entry);
        address_space_switch(&two.other, &two.kernel);
        end_two(test, &two);
    }
}

TEST(address_space, token_of_no_page_makes_nothing_stale)
{
    struct two_spaces two = make_two(test, 1, 2);

    address_space_switch(&two.kernel, &two.other);
    address_space_switch(&two.other, &two.kernel);
    CHECK_EQUAL(map_in_space(two.world, &two.other, virt_addr_add(two.page, 0x1000), 0), MAP_OK);
    CHECK(!two.other.stale);
    end_two(test, &two);
}
