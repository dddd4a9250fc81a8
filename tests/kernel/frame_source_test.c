/* Where frames come from. */
#include "tests/kernel/support.h"

TEST(frame_source, gives_each_usable_frame_once_in_order_and_then_none, .timeout_ms = 60000)
{
    struct kernel *kernel = test->subject;
    struct range_source all;
    uint64_t expected_bytes = memory_map_bytes(&kernel->boot_info->memory_map, MEMORY_USABLE);
    uint64_t frame_count = 0;
    phys_addr frame;
    phys_addr last = phys_addr_of(0);

    range_source_init(&all, kernel->usable_ranges,
                      memory_map_usable_ranges(&kernel->boot_info->memory_map,
                                               kernel->usable_ranges));
    while (frame_source_allocate(&all.source, 0, &frame)) {
        REQUIRE(frame_count == 0 || frame.value > last.value);
        last = frame;
        frame_count++;
    }
    CHECK_SIZE_EQUAL(frame_count * 4096, expected_bytes);
    CHECK_ADDRESS_EQUAL(phys_addr_add(last, 4096), range_source_position(&all));
    for (unsigned again = 0; again < 1000; again++) {
        CHECK(!frame_source_allocate(&all.source, 0, &frame));
    }
    CHECK_ADDRESS_EQUAL(frame, last);
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
