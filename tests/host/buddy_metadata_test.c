/* Where the buddy allocator keeps what it knows, and how much that is. */
#include "tests/host/buddy_memory.h"

#include <stdlib.h>
#include <sys/mman.h>

TEST(buddy_metadata, lies_within_one_range)
{
    struct memory memory;

    for (unsigned i = 0; i < layout_count; i++) {
        bool is_in_range = false;
        bool has_memory = false;

        memory_init(test, &memory, &layouts[i], 0xa5);
        const struct frame_range *metadata = &memory.buddy.metadata;

        for (size_t k = 0; k < layouts[i].range_count; k++) {
            const struct frame_range *range = &layouts[i].ranges[k];
            uint64_t offset = (metadata->start.value - range->start.value) / 4096;

            has_memory |= range->frame_count > 0;
            is_in_range |=
                offset < range->frame_count && offset + metadata->frame_count <= range->frame_count;
        }
        CHECK_EQUAL(is_in_range, has_memory);
        memory_release(&memory);
    }
}

TEST(buddy_metadata, is_a_frame_of_a_small_machine_and_a_3100th_of_a_large_one)
{
    static const struct {
        struct layout layout;
        uint64_t metadata_frames;
    } cases[] = {
        {{{FRAMES(5, 1)}, 1}, 1},
        {{{FRAMES(3, 1001)}, 1}, 1},
        {{{FRAMES(0, GIB_FRAMES)}, 1}, 81},
        {{{FRAMES(0x100, 512 * GIB_FRAMES - 0x100)}, 1}, 512 * GIB_FRAMES / 3100},
        /* a hole costs 4 bytes per GiB */
        {{{FRAMES(0, 512), FRAMES(1024 * GIB_FRAMES, 512)}, 2}, 2 + 81},
    };
    struct memory memory;

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memory_init(test, &memory, &cases[i].layout, 0);
        CHECK(memory.buddy.metadata.frame_count <= cases[i].metadata_frames);
        memory_release(&memory);
    }
}

TEST(buddy_metadata, lies_high_but_in_no_1_gib_block)
{
    static const struct {
        struct layout layout;
        uint64_t range_index;
        bool is_at_end;
        uint64_t blocks_lost;
    } cases[] = {
        /* from what is left beside the whole blocks */
        {{{FRAMES(256, 3 * GIB_FRAMES - 256), FRAMES(4 * GIB_FRAMES, 2 * GIB_FRAMES)}, 2}, 0, 0, 0},
        {{{FRAMES(256, 2 * GIB_FRAMES + 600), FRAMES(4 * GIB_FRAMES, 2 * GIB_FRAMES)}, 2}, 0, 1, 0},
        {{{FRAMES(0, GIB_FRAMES), FRAMES(4 * GIB_FRAMES - 999, 2 * GIB_FRAMES + 999)}, 2}, 1, 0, 0},
        /* too little is left there, or nothing */
        {{{FRAMES(0, GIB_FRAMES), FRAMES(4 * GIB_FRAMES - 9, 2 * GIB_FRAMES + 9)}, 2}, 1, 1, 1},
        {{{FRAMES(0, GIB_FRAMES), FRAMES(4 * GIB_FRAMES, 2 * GIB_FRAMES)}, 2}, 1, 1, 1},
        /* there are none */
        {{{FRAMES(16, 4000), FRAMES(5000, 4000), FRAMES(10000, 1)}, 3}, 1, 1, 0},
    };
    struct memory memory;

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct layout *layout = &cases[i].layout;
        const struct frame_range *range = &layout->ranges[cases[i].range_index];
        uint64_t blocks_before = 0;

        memory_init(test, &memory, layout, 0);
        const struct frame_range *metadata = &memory.buddy.metadata;
        uint64_t end_gap = range->frame_count - metadata->frame_count;

        CHECK_EQUAL(metadata->start.value,
                    range->start.value + (cases[i].is_at_end ? end_gap * 4096 : 0));
        for (size_t k = 0; k < layout->range_count; k++) {
            uint64_t first = layout->ranges[k].start.value / 4096;
            uint64_t end = first + layout->ranges[k].frame_count;
            uint64_t first_whole = (first + GIB_FRAMES - 1) / GIB_FRAMES;

            blocks_before += end / GIB_FRAMES > first_whole ? end / GIB_FRAMES - first_whole : 0;
        }
        CHECK_EQUAL(blocks_before - memory_block_count(&memory, 18), cases[i].blocks_lost);
        memory_release(&memory);
    }
}

TEST(buddy_metadata, needs_a_range_that_has_room)
{
    /* A chunk with two frames far apart needs 64 frames for their states. */
    static const struct layout layout = {{FRAMES(0, 63), FRAMES(GIB_FRAMES - 1, 1)}, 2};
    struct buddy_source buddy;

    CHECK(!buddy_source_init(&buddy, 0, layout.ranges, layout.range_count));
}

/* For the upper words of a set per order, and the states of a chunk. */
enum { FIRST_PAGES_MAX = 2 * ORDERS };

/* Of the metadata, how many pages were written. */
static unsigned pages_touched(struct test *test, const struct memory *memory)
{
    size_t page_count = memory->metadata_bytes / 4096;
    unsigned char *resident = malloc(page_count);
    unsigned count = 0;

    REQUIRE_EQUAL(mincore(memory->metadata, memory->metadata_bytes, resident), 0);
    for (size_t i = 0; i < page_count; i++) {
        count += resident[i] & 1;
    }
    free(resident);
    return count;
}

TEST(buddy_metadata, is_left_alone_where_4_tib_are_not_used, .tags = "slow")
{
    static const struct layout small = {{FRAMES(256, 8 * GIB_FRAMES)}, 1};
    static const struct layout large = {{FRAMES(256, 4096 * GIB_FRAMES)}, 1};
    struct memory memory;
    uint64_t frame = 0;

    memory_init(test, &memory, &small, 0);
    unsigned small_pages = pages_touched(test, &memory);

    memory_release(&memory);
    memory_init(test, &memory, &large, 0);
    CHECK(small_pages <= FIRST_PAGES_MAX);
    CHECK(pages_touched(test, &memory) <= FIRST_PAGES_MAX);
    CHECK_EQUAL(buddy_source_free_frames(&memory.buddy), memory_frame_count(&memory));
    for (unsigned i = 0; i < 100; i++) {
        REQUIRE(memory_allocate(&memory, BUDDY_ORDER_MAX, &frame));
    }
    REQUIRE(memory_allocate(&memory, 0, &frame));
    /* 512 bytes for each chunk. */
    CHECK(pages_touched(test, &memory) <= FIRST_PAGES_MAX + 100 / 8 + 1 + ORDERS);
    CHECK_INVARIANTS(&memory);
    memory_release(&memory);
}
