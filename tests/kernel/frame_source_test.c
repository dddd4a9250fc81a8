/* Where frames come from. */
#include "tests/kernel/single_step.h"
#include "tests/kernel/support.h"

/* True when the firmware calls the memory from `start` to before `end` usable, and nothing in use
 * was taken from it. */
static bool is_usable(const struct memory_map *map, phys_addr start, phys_addr end)
{
    for (size_t i = 0; i < map->region_count; i++) {
        const struct memory_region *region = &map->regions[i];
        if (region->type == MEMORY_USABLE && region->start.value <= start.value &&
            end.value <= region->end.value) {
            return true;
        }
    }
    return false;
}

TEST(frame_source, gives_each_usable_frame_once_in_order_and_then_none, .timeout_ms = 60000)
{
    struct kernel *kernel = test->subject;
    const struct memory_map *map = &kernel->boot_info->memory_map;
    struct range_source all;
    uint64_t frame_count = 0;
    phys_addr frame;
    phys_addr run_start = phys_addr_of(0);
    phys_addr run_end = phys_addr_of(0); /* behind the frame before */

    range_source_init(&all, kernel->usable_ranges,
                      memory_map_usable_ranges(map, kernel->usable_ranges));
    while (frame_source_allocate(&all.source, 0, &frame)) {
        REQUIRE_AT_LEAST(frame.value, run_end.value);
        if (frame.value != run_end.value) {
            CHECK(frame_count == 0 || is_usable(map, run_start, run_end));
            run_start = frame;
        }
        run_end = phys_addr_add(frame, 4096);
        frame_count++;
    }
    CHECK(is_usable(map, run_start, run_end));
    CHECK_SIZE_EQUAL(frame_count * 4096, memory_map_bytes(map, MEMORY_USABLE));
    CHECK_ADDRESS_EQUAL(run_end, range_source_position(&all));
}

enum { LAST_FRAMES = 16, CALLS_AFTER_THE_END = 1 << 20 };

TEST(frame_source, says_none_2_to_the_20_times_after_its_end_and_stays_as_it_is)
{
    struct kernel *kernel = test->subject;
    struct range_source source;
    phys_addr frame = phys_addr_of(0);
    unsigned given = 0;

    range_source_init(
        &source, kernel->usable_ranges,
        memory_map_usable_ranges(&kernel->boot_info->memory_map, kernel->usable_ranges));
    /* Near the end of the last range, as if all before was handed out. */
    source.range_index = source.range_count - 1;
    source.frame_index = source.ranges[source.range_index].frame_count - LAST_FRAMES;
    while (frame_source_allocate(&source.source, 0, &frame)) {
        given++;
    }
    CHECK_EQUAL(given, LAST_FRAMES);
    struct range_source exhausted = source;
    phys_addr last = frame;
    for (unsigned call = 0; call < CALLS_AFTER_THE_END; call++) {
        REQUIRE(!frame_source_allocate(&source.source, 0, &frame));
    }
    CHECK_ADDRESS_EQUAL(frame, last);
    CHECK_EQUAL(source.range_index, exhausted.range_index);
    CHECK_EQUAL(source.frame_index, exhausted.frame_index);
    /* It has not counted on: the frame that comes back is the next one. */
    CHECK_EQUAL(frame_source_free(&source.source, 0, last), FRAME_FREE_OK);
    REQUIRE(frame_source_allocate(&source.source, 0, &frame));
    CHECK_ADDRESS_EQUAL(frame, last);
}

struct allocation {
    struct frame_source *source;
    bool found;
    phys_addr frame;
};

static void allocate(void *context)
{
    struct allocation *allocation = context;

    allocation->found = frame_source_allocate(allocation->source, 0, &allocation->frame);
}

/* How many instructions it takes to get the next frame, which is the one at `address`. */
static uint64_t instructions_for(struct test *test, struct frame_source *source, uint64_t address)
{
    struct allocation allocation = {.source = source};
    uint64_t instructions = single_step(allocate, &allocation, NULL, NULL);

    REQUIRE(allocation.found);
    CHECK_EQUAL(allocation.frame.value, address);
    return instructions;
}

TEST(frame_source, takes_as_many_instructions_for_frame_1000000_as_for_frame_10)
{
    /* The source counts frames and does not touch them: there need not be that much memory. */
    static const struct frame_range ranges[] = {{{0x1000}, 500000}, {{UINT64_C(1) << 32}, 600000}};
    struct range_source source;
    phys_addr frame;

    range_source_init(&source, ranges, sizeof ranges / sizeof ranges[0]);
    for (unsigned call = 1; call < 10; call++) {
        REQUIRE(frame_source_allocate(&source.source, 0, &frame));
    }
    uint64_t early = instructions_for(test, &source.source, 0x1000 + 9 * 4096);
    for (unsigned call = 11; call < 1000000; call++) {
        REQUIRE(frame_source_allocate(&source.source, 0, &frame));
    }
    uint64_t late =
        instructions_for(test, &source.source, (UINT64_C(1) << 32) + UINT64_C(499999) * 4096);
    CHECK_AT_LEAST(early, 10);
    CHECK_AT_MOST(late * 100, early * 105);
    CHECK_AT_MOST(early * 100, late * 105);
}

TEST(frame_source, that_is_empty_never_gives_a_frame)
{
    phys_addr frame = phys_addr_of(0x1234);

    CHECK(!frame_source_allocate(frame_source_empty(), 0, &frame));
    CHECK_ADDRESS_EQUAL(frame, phys_addr_of(0x1234));
}

TEST(frame_source, that_is_limited_runs_dry_and_recovers)
{
    struct kernel *kernel = test->subject;
    struct limited_source limited;
    phys_addr frames[3];

    limited_source_init(&limited, &kernel->frames.source, 2);
    REQUIRE(frame_source_allocate(&limited.source, 0, &frames[0]));
    REQUIRE(frame_source_allocate(&limited.source, 0, &frames[1]));
    CHECK(!frame_source_allocate(&limited.source, 0, &frames[2]));
    CHECK_EQUAL(frame_source_free(&limited.source, 0, frames[1]), FRAME_FREE_OK);
    CHECK(frame_source_allocate(&limited.source, 0, &frames[2]));
    CHECK_ADDRESS_EQUAL(frames[2], frames[1]);
    CHECK_EQUAL(frame_source_free(&limited.source, 0, frames[2]), FRAME_FREE_OK);
    CHECK_EQUAL(frame_source_free(&limited.source, 0, frames[0]), FRAME_FREE_OK);
}
