#include "tests/host/buddy_memory.h"

#include <string.h>
#include <sys/mman.h>

enum { FRAME_BYTES = 4096 };

const struct layout layouts[] = {
    /* 1 GiB; the same higher up */
    {{FRAMES(0, GIB_FRAMES)}, 1},
    {{FRAMES(5 * GIB_FRAMES, GIB_FRAMES)}, 1},
    /* aligned to nothing */
    {{FRAMES(3, 1001)}, 1},
    /* several in one chunk, in one 2 MiB block, and with single frames */
    {{FRAMES(1, 7), FRAMES(9, 1), FRAMES(11, 300), FRAMES(600, 501), FRAMES(2053, 5000)}, 5},
    /* ranges that touch, at all alignments, and one that is empty */
    {{FRAMES(100, 156), FRAMES(256, 300), FRAMES(556, 0), FRAMES(556, 3000)}, 4},
    /* over the ends of chunks: just, and whole chunks between */
    {{FRAMES(GIB_FRAMES - 1000, 2000)}, 1},
    {{FRAMES(200001, 3 * GIB_FRAMES)}, 1},
    /* two ranges that touch where chunks do */
    {{FRAMES(GIB_FRAMES - 700, 700), FRAMES(GIB_FRAMES, GIB_FRAMES + 3)}, 2},
    /* a PC with 6 GiB */
    {{FRAMES(1, 158), FRAMES(0x100, 3 * GIB_FRAMES - 0x123),
      FRAMES(4 * GIB_FRAMES, 3 * GIB_FRAMES)},
     3},
    /* single frames; a chunk with nothing else, before and after one that has room */
    {{FRAMES(10, 1), FRAMES(12, 1), FRAMES(700, 1), FRAMES(GIB_FRAMES + 5, 2000),
      FRAMES(2 * GIB_FRAMES + 7, 1), FRAMES(2 * GIB_FRAMES + 9, 1), FRAMES(3 * GIB_FRAMES - 1, 1)},
     7},
    /* four chunks with single frames before one that has more */
    {{FRAMES(5, 1), FRAMES(GIB_FRAMES + 5, 1), FRAMES(2 * GIB_FRAMES + 5, 1),
      FRAMES(3 * GIB_FRAMES + 5, 1), FRAMES(4 * GIB_FRAMES, GIB_FRAMES + 600)},
     5},
    /* far apart */
    {{FRAMES(16, 3000), FRAMES(1024 * GIB_FRAMES - 3, 5000)}, 2},
    /* all of it needed for the metadata; next to nothing left; none */
    {{FRAMES(5, 1)}, 1},
    {{FRAMES(5, 3)}, 1},
    {{FRAMES(5, 0)}, 1},
    {{}, 0},
};
const unsigned layout_count = sizeof layouts / sizeof layouts[0];

static uint64_t range_first(const struct frame_range *range)
{
    return range->start.value / FRAME_BYTES;
}

static uint64_t range_end(const struct frame_range *range)
{
    return range_first(range) + range->frame_count;
}

uint64_t memory_end(const struct memory *memory)
{
    const struct layout *layout = memory->layout;

    return layout->range_count == 0 ? 0 : range_end(&layout->ranges[layout->range_count - 1]);
}

void memory_init(struct test *test, struct memory *memory, const struct layout *layout,
                 uint8_t dirt)
{
    memory->layout = layout;
    uint64_t size_bytes = (memory_end(memory) + 1) * FRAME_BYTES;
    uint8_t *window = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    REQUIRE(window != MAP_FAILED);
    memory->base = (uint64_t)window;
    /* Once to see where the metadata goes, then with only that in reach. */
    REQUIRE(buddy_source_init(&memory->buddy, memory->base, layout->ranges, layout->range_count));
    memory->metadata = window + memory->buddy.metadata.start.value;
    memory->metadata_bytes = memory->buddy.metadata.frame_count * FRAME_BYTES;

    uint8_t *after = memory->metadata + memory->metadata_bytes;

    REQUIRE_EQUAL(mprotect(window, (size_t)(memory->metadata - window), PROT_NONE), 0);
    REQUIRE_EQUAL(mprotect(after, (size_t)(window + size_bytes - after), PROT_NONE), 0);
    if (dirt != 0) {
        memset(memory->metadata, dirt, memory->metadata_bytes);
    } else {
        madvise(memory->metadata, memory->metadata_bytes, MADV_DONTNEED);
    }
    REQUIRE(buddy_source_init(&memory->buddy, memory->base, layout->ranges, layout->range_count));
}

void memory_release(struct memory *memory)
{
    munmap((void *)memory->base, (memory_end(memory) + 1) * FRAME_BYTES);
}

static bool is_metadata(const struct memory *memory, uint64_t frame)
{
    const struct frame_range *metadata = &memory->buddy.metadata;

    return frame >= range_first(metadata) && frame < range_end(metadata);
}

/* The end of the usable memory that begins at or before `frame`, or `frame` if it is none. */
static uint64_t usable_end(const struct memory *memory, uint64_t frame)
{
    const struct frame_range *metadata = &memory->buddy.metadata;
    uint64_t end = frame;

    for (size_t i = 0; i < memory->layout->range_count; i++) {
        const struct frame_range *range = &memory->layout->ranges[i];

        if (range_first(range) <= end && end < range_end(range)) {
            end = range_end(range);
        }
    }
    if (is_metadata(memory, frame)) {
        return frame;
    }
    return range_first(metadata) > frame && range_first(metadata) < end ? range_first(metadata)
                                                                        : end;
}

bool memory_has(const struct memory *memory, uint64_t first_frame, unsigned order)
{
    return usable_end(memory, first_frame) >= first_frame + (UINT64_C(1) << order);
}

uint64_t memory_frame_count(const struct memory *memory)
{
    uint64_t frame_count = 0;

    for (size_t i = 0; i < memory->layout->range_count; i++) {
        frame_count += memory->layout->ranges[i].frame_count;
    }
    return frame_count - memory->buddy.metadata.frame_count;
}

uint64_t memory_block_count(const struct memory *memory, unsigned order)
{
    uint64_t block_frames = UINT64_C(1) << order;
    uint64_t next_frame = 0;
    uint64_t block_count = 0;

    for (size_t i = 0; i < memory->layout->range_count; i++) {
        const struct frame_range *range = &memory->layout->ranges[i];
        uint64_t frame = range_first(range) > next_frame ? range_first(range) : next_frame;

        /* Blocks that begin in this range; the last may reach into the next. */
        frame = (frame + block_frames - 1) & ~(block_frames - 1);
        for (; frame < range_end(range); frame += block_frames) {
            block_count += memory_has(memory, frame, order);
            next_frame = frame + block_frames;
        }
    }
    return block_count;
}
