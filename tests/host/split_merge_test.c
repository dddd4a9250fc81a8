/* Splitting and merging pages: no byte may notice. */
#include "mm/page_table.h"

#include "testing/test.h"
#include "tests/host/random_operation.h"
#include "tests/host/world_check.h"
#include "tests/host/world_operations.h"

enum { SAMPLES = 4096 };

/* What the software MMU says of one address, without the sizes of pages. */
struct sample {
    uint64_t physical;
    uint64_t flags; /* in the form of a 4 KiB leaf */
    bool writable;
    bool user;
    bool no_execute;
};

static struct sample sample_at(const struct world *world, uint64_t address)
{
    struct soft_walk walk = soft_mmu_walk(&world->mmu, address);
    uint64_t flags = walk.leaf & ~mmu_address_bits(walk.leaf, walk.level);

    if (walk.level > 1) {
        flags &= ~(PAGE_HUGE | PAGE_PAT_HUGE);
        flags |= (walk.leaf & PAGE_PAT_HUGE) != 0 ? PAGE_PAT_4K : 0;
    }
    return (struct sample){
        .physical = walk.physical,
        .flags = flags,
        .writable = walk.writable,
        .user = walk.user,
        .no_execute = walk.no_execute,
    };
}

/* Some address in each of SAMPLES pieces of a page. */
static uint64_t sample_address(virt_addr page, enum page_size size, unsigned i)
{
    uint64_t piece = page_size_bytes(size) / SAMPLES;

    return page.value + i * piece + (i * UINT64_C(0x9e3779b97f4a7c15) >> 20) % piece;
}

static void take_samples(const struct world *world, virt_addr page, enum page_size size,
                         struct sample *samples)
{
    for (unsigned i = 0; i < SAMPLES; i++) {
        samples[i] = sample_at(world, sample_address(page, size, i));
    }
}

static void check_samples(struct test *test, const struct world *world, virt_addr page,
                          enum page_size size, const struct sample *samples)
{
    for (unsigned i = 0; i < SAMPLES; i++) {
        struct sample found = sample_at(world, sample_address(page, size, i));

        REQUIRE_EQUAL(found.physical, samples[i].physical);
        REQUIRE_EQUAL(found.flags, samples[i].flags);
        REQUIRE_EQUAL(found.writable, samples[i].writable);
        REQUIRE_EQUAL(found.user, samples[i].user);
        REQUIRE_EQUAL(found.no_execute, samples[i].no_execute);
    }
}

/* Any flags that a huge page can have. */
static uint64_t any_flags(struct random *random)
{
    return PAGE_PRESENT | (random_next(random) & UINT64_C(0xfff0000000001ffe));
}

static void splits_and_merges(struct test *test, struct world *world)
{
    static struct sample samples[SAMPLES];
    struct random random = test_random(test, 0);

    for (unsigned round = 0; round < 12; round++) {
        enum page_size size = (enum page_size)(PAGE_2M + round % 2);
        virt_addr page = world_page(world, 300, 7, size == PAGE_1G ? 0 : 511, 0);
        uint64_t frame = random_next(&random) & ((UINT64_C(1) << 52) - page_size_bytes(size));
        uint64_t flags = any_flags(&random);
        uint64_t in_use;

        REQUIRE_EQUAL(map_page(world, page, frame, size, flags), MAP_OK);
        take_samples(world, page, size, samples);
        world_touch(world, page);
        world_touch(world, virt_addr_add(page, page_size_bytes(size) - 1));
        in_use = world->frames.in_use;
        struct split_outcome split =
            page_table_split(&world->table, page, size, &world->frames.source);
        CHECK_EQUAL(split.flush.page_count, TLB_FLUSH_ALL);
        REQUIRE_EQUAL(tlb_flush_now(split), SPLIT_OK);
        CHECK_EQUAL(world->frames.in_use, in_use + 1);
        CHECK_EQUAL(world_leaf_count(world), 512);
        CHECK_EQUAL(soft_mmu_walk(&world->mmu, page.value).level, size - 1);
        check_samples(test, world, page, size, samples);
        world_check_sound(test, world);
        world_touch(world, page);
        world_touch(world, virt_addr_add(page, page_size_bytes(size) - 1));
        struct merge_outcome merged =
            page_table_merge(&world->table, page, size, &world->frames.source);
        CHECK_EQUAL(merged.flush.page_count, world->table.active ? 0 : TLB_FLUSH_ALL);
        REQUIRE_EQUAL(tlb_flush_now(merged), MERGE_OK);
        CHECK_EQUAL(world->frames.in_use, in_use);
        world_check_page(test, world, page, size, frame, flags | PAGE_HUGE);
        check_samples(test, world, page, size, samples);
        world_check_sound(test, world);
        REQUIRE_EQUAL(unmap_page(world, page, size), PAGE_OK);
    }
}

TEST(split, and_merge_change_no_translation_and_no_flag_of_any_byte, .tags = "random")
{
    world_for_each(test, splits_and_merges);
}

static void splits_twice(struct test *test, struct world *world)
{
    static struct sample samples[SAMPLES];
    virt_addr page = world_page(world, 300, 7, 0, 0);
    virt_addr part = virt_addr_add(page, GIBIBYTE - TWO_MIBIBYTES);
    uint64_t flags = USER_CODE | PAGE_PAT_HUGE | PAGE_GLOBAL | PAGE_DIRTY | PAGE_SOFTWARE_HIGH;

    REQUIRE_EQUAL(map_page(world, page, 7 * GIBIBYTE, PAGE_1G, flags), MAP_OK);
    take_samples(world, page, PAGE_1G, samples);
    CHECK_EQUAL(split_page(world, page, PAGE_2M), SPLIT_INSIDE_HUGE_PAGE);
    CHECK_EQUAL(split_page(world, page, PAGE_1G), SPLIT_OK);
    CHECK_EQUAL(split_page(world, page, PAGE_1G), SPLIT_OVER_TABLE);
    CHECK_EQUAL(split_page(world, part, PAGE_2M), SPLIT_OK);
    CHECK_EQUAL(split_page(world, part, PAGE_2M), SPLIT_OVER_TABLE);
    CHECK_EQUAL(world_leaf_count(world), 511 + 512);
    world_check_page(test, world, virt_addr_add(part, 0x5000), 1,
                     8 * GIBIBYTE - TWO_MIBIBYTES + 0x5000, (flags & ~PAGE_PAT_HUGE) | PAGE_PAT_4K);
    check_samples(test, world, page, PAGE_1G, samples);
    CHECK_EQUAL(merge_page(world, page, PAGE_1G), MERGE_OVER_TABLE);
    CHECK_EQUAL(merge_page(world, part, PAGE_2M), MERGE_OK);
    CHECK_EQUAL(merge_page(world, part, PAGE_2M), MERGE_INSIDE_HUGE_PAGE);
    CHECK_EQUAL(merge_page(world, page, PAGE_1G), MERGE_OK);
    CHECK_EQUAL(merge_page(world, page, PAGE_1G), MERGE_INSIDE_HUGE_PAGE);
    CHECK_EQUAL(merge_page(world, part, PAGE_2M), MERGE_INSIDE_HUGE_PAGE);
    check_samples(test, world, page, PAGE_1G, samples);
}

TEST(split, goes_down_to_small_pages_and_merge_back_up)
{
    world_for_each(test, splits_twice);
}

static void refuses_splits(struct test *test, struct world *world)
{
    virt_addr page = world_page(world, 4, 4, 0, 0);
    struct world_snapshot *before;

    REQUIRE_EQUAL(map_page(world, page, 0, PAGE_4K, DATA), MAP_OK);
    REQUIRE_EQUAL(map_page(world, virt_addr_add(page, TWO_MIBIBYTES), 0, PAGE_2M, DATA), MAP_OK);
    before = world_snapshot_take(world);
    CHECK_EQUAL(split_page(world, page, PAGE_4K), SPLIT_BAD_SIZE);
    CHECK_EQUAL(split_page(world, page, (enum page_size)0), SPLIT_BAD_SIZE);
    CHECK_EQUAL(split_page(world, page, (enum page_size)4), SPLIT_BAD_SIZE);
    CHECK_EQUAL(split_page(world, virt_addr_add(page, TWO_MIBIBYTES + 0x1000), PAGE_2M),
                SPLIT_MISALIGNED);
    CHECK_EQUAL(split_page(world, virt_addr_add(page, TWO_MIBIBYTES), PAGE_1G), SPLIT_MISALIGNED);
    CHECK_EQUAL(split_page(world, virt_addr_of(UINT64_C(1) << 62), PAGE_2M), SPLIT_NOT_CANONICAL);
    CHECK_EQUAL(split_page(world, virt_addr_add(page, 2 * TWO_MIBIBYTES), PAGE_2M),
                SPLIT_NOT_MAPPED);
    CHECK_EQUAL(split_page(world, virt_addr_add(page, GIBIBYTE), PAGE_1G), SPLIT_NOT_MAPPED);
    CHECK_EQUAL(split_page(world, page, PAGE_2M), SPLIT_OVER_TABLE);
    CHECK_EQUAL(split_page(world, page, PAGE_1G), SPLIT_OVER_TABLE);
    CHECK_EQUAL(merge_page(world, page, PAGE_4K), MERGE_BAD_SIZE);
    CHECK_EQUAL(merge_page(world, page, (enum page_size)0), MERGE_BAD_SIZE);
    CHECK_EQUAL(merge_page(world, page, (enum page_size)4), MERGE_BAD_SIZE);
    CHECK_EQUAL(merge_page(world, virt_addr_add(page, 0x1000), PAGE_2M), MERGE_MISALIGNED);
    CHECK_EQUAL(merge_page(world, virt_addr_of(UINT64_C(1) << 62), PAGE_2M), MERGE_NOT_CANONICAL);
    CHECK_EQUAL(merge_page(world, page, PAGE_2M), MERGE_NOT_MAPPED);
    CHECK_EQUAL(merge_page(world, virt_addr_add(page, 2 * TWO_MIBIBYTES), PAGE_2M),
                MERGE_NOT_MAPPED);
    CHECK_EQUAL(merge_page(world, virt_addr_add(page, 5 * GIBIBYTE), PAGE_1G), MERGE_NOT_MAPPED);
    CHECK_EQUAL(merge_page(world, page, PAGE_1G), MERGE_OVER_TABLE);
    world_snapshot_check(test, world, before);
    REQUIRE_EQUAL(unmap_page(world, page, PAGE_4K), PAGE_OK);
    CHECK_EQUAL(merge_page(world, page, PAGE_1G), MERGE_NOT_MAPPED);
    CHECK_EQUAL(split_page(world, page, PAGE_2M), SPLIT_NOT_MAPPED);
}

TEST(split, and_merge_say_why_they_cannot)
{
    world_for_each(test, refuses_splits);
}

/* 512 pages that could be merged, but for one of them. */
static void refuses_differences(struct test *test, struct world *world)
{
    static const struct {
        uint64_t frame; /* added to that of the page */
        uint64_t flags;
        enum merge_result result;
    } cases[] = {
        {0, DATA | PAGE_USER, MERGE_FLAGS_DIFFER},
        {0, PAGE_PRESENT, MERGE_FLAGS_DIFFER},
        {0, DATA | PAGE_PAT_4K, MERGE_FLAGS_DIFFER},
        {0, DATA | PAGE_GLOBAL, MERGE_FLAGS_DIFFER},
        {0, DATA | PAGE_NO_EXECUTE, MERGE_FLAGS_DIFFER},
        {0, DATA | UINT64_C(1) << 9, MERGE_FLAGS_DIFFER},
        {0, DATA | UINT64_C(1) << 62, MERGE_FLAGS_DIFFER},
        {0x1000, DATA, MERGE_NOT_CONTIGUOUS},
        {UINT64_C(1) << 51, DATA, MERGE_NOT_CONTIGUOUS},
        {0x1000, DATA | PAGE_USER, MERGE_NOT_CONTIGUOUS},
        {0, DATA | PAGE_ACCESSED, MERGE_OK},
        {0, DATA | PAGE_DIRTY, MERGE_OK},
    };
    static const unsigned odd_ones[] = {0, 1, 255, 511};
    virt_addr start = world_page(world, 4, 4, 4, 0);

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (unsigned j = 0; j < sizeof odd_ones / sizeof odd_ones[0]; j++) {
            uint64_t offset = odd_ones[j] * UINT64_C(0x1000);
            virt_addr odd = virt_addr_add(start, offset);
            struct world_snapshot *before;

            REQUIRE_EQUAL(
                map_range(world, page_range_of(start, 512), TWO_MIBIBYTES, RANGE_PAGES_4K, DATA),
                MAP_OK);
            REQUIRE_EQUAL(unmap_page(world, odd, PAGE_4K), PAGE_OK);
            CHECK_EQUAL(merge_page(world, start, PAGE_2M), MERGE_NOT_MAPPED);
            REQUIRE_EQUAL(map_page(world, odd, (TWO_MIBIBYTES + offset) ^ cases[i].frame, PAGE_4K,
                                   cases[i].flags),
                          MAP_OK);
            before = world_snapshot_take(world);
            CHECK_EQUAL(merge_page(world, start, PAGE_2M), cases[i].result);
            if (cases[i].result == MERGE_OK) {
                world_snapshot_free(before);
                world_check_page(test, world, start, 2, TWO_MIBIBYTES, cases[i].flags | PAGE_HUGE);
                REQUIRE_EQUAL(unmap_page(world, start, PAGE_2M), PAGE_OK);
            } else {
                world_snapshot_check(test, world, before);
                REQUIRE_EQUAL(unmap_range(world, page_range_of(start, 512)), RANGE_OK);
            }
        }
    }
}

TEST(merge, refuses_pages_of_which_one_is_different)
{
    world_for_each(test, refuses_differences);
}

static void refuses_misaligned_frame(struct test *test, struct world *world)
{
    virt_addr start = world_page(world, 4, 4, 4, 0);
    struct world_snapshot *before;

    REQUIRE_EQUAL(map_range(world, page_range_of(start, 512), 0x1000, RANGE_PAGES_4K, DATA),
                  MAP_OK);
    before = world_snapshot_take(world);
    CHECK_EQUAL(merge_page(world, start, PAGE_2M), MERGE_FRAME_MISALIGNED);
    world_snapshot_check(test, world, before);
    start = world_page(world, 4, 5, 0, 0);
    REQUIRE_EQUAL(
        map_range(world, page_range_of(start, 512 * 512), TWO_MIBIBYTES, RANGE_PAGES_2M, DATA),
        MAP_OK);
    CHECK_EQUAL(merge_page(world, start, PAGE_1G), MERGE_FRAME_MISALIGNED);
}

TEST(merge, refuses_memory_that_is_not_aligned_to_the_huge_page)
{
    world_for_each(test, refuses_misaligned_frame);
}

static void takes_over_restrictions(struct test *test, struct world *world)
{
    virt_addr start = world_page(world, 4, 4, 4, 0);
    bool recursive = world->shape.kind == ACCESS_RECURSIVE;
    uint64_t above = PAGE_PRESENT | PAGE_NO_EXECUTE | (recursive ? PAGE_WRITABLE : 0);

    REQUIRE_EQUAL(map_range(world, page_range_of(start, 512), 0, RANGE_PAGES_4K,
                            DATA | PAGE_USER | PAGE_DIRTY | PAGE_PAT_4K),
                  MAP_OK);
    REQUIRE_EQUAL(update_table(world, start, 2, above), UPDATE_OK);
    world_touch(world, start);
    world_check_effective(test, world, start, above & ~PAGE_PRESENT);
    REQUIRE_EQUAL(merge_page(world, start, PAGE_2M), MERGE_OK);
    world_check_effective(test, world, start, above & ~PAGE_PRESENT);
    world_check_page(test, world, start, 2, 0, above | PAGE_DIRTY | PAGE_PAT_HUGE | PAGE_HUGE);
}

TEST(merge, forbids_what_the_entry_of_the_table_forbade)
{
    world_for_each(test, takes_over_restrictions);
}

/* Reads pages as the CPU can until something is flushed. */
struct watch {
    struct test *test;
    struct world *world;
    virt_addr start;
    unsigned look_count;
};

static void look(void *context)
{
    struct watch *watch = context;
    struct test *test = watch->test;

    watch->look_count++;
    for (unsigned i = 0; i < 512; i++) {
        uint64_t offset = i * UINT64_C(0x1000);
        struct soft_access access =
            host_cpu_access(&watch->world->cpu, watch->start.value + offset, false);

        REQUIRE_EQUAL(access.fault, SOFT_TRANSLATED);
        REQUIRE_EQUAL(access.physical, TWO_MIBIBYTES + offset);
    }
}

static void stays_readable(struct test *test, struct world *world)
{
    struct watch watch = {.test = test, .world = world, .start = world_page(world, 300, 4, 4, 0)};

    if (!world->table.active) {
        return; /* nobody reads it */
    }
    REQUIRE_EQUAL(map_page(world, watch.start, TWO_MIBIBYTES, PAGE_2M, DATA), MAP_OK);
    world_touch(world, virt_addr_add(watch.start, 0x7000));
    struct split_outcome outcome =
        page_table_split(&world->table, watch.start, PAGE_2M, &world->frames.source);
    look(&watch);
    REQUIRE_EQUAL(tlb_flush_now(outcome), SPLIT_OK);
    /* The CPU knows the table, and one page of it. */
    world_touch(world, virt_addr_add(watch.start, 0x7000));
    world->cpu.before_flush = look;
    world->cpu.context = &watch;
    REQUIRE_EQUAL(merge_page(world, watch.start, PAGE_2M), MERGE_OK);
    world->cpu.before_flush = NULL;
    CHECK(watch.look_count > 1);
    look(&watch);
}

TEST(merge, lets_every_byte_be_read_until_the_flush_and_after_it)
{
    world_for_each(test, stays_readable);
}
