/* Layouts of memory for tests of the buddy allocator, and what its answers must be, worked out from
 * the list of ranges alone. */
#pragma once

#include "mm/buddy_source.h"
#include "testing/test.h"

enum {
    LAYOUT_RANGES_MAX = 8,
    ORDERS = 19, /* 4 KiB to 1 GiB */
};

#define GIB_FRAMES UINT64_C(0x40000)

struct layout {
    struct frame_range ranges[LAYOUT_RANGES_MAX];
    size_t range_count;
};

#define FRAMES(first_frame, frame_count_)                                                          \
    {                                                                                              \
        {(first_frame)*UINT64_C(4096)}, (frame_count_)                                             \
    }

/* Memory of every shape that the allocator must cope with. */
extern const struct layout layouts[];
extern const unsigned layout_count;

/* What the frames of the metadata hold before, a different byte for each neighbour of an index. */
static inline uint8_t dirt_of(unsigned index)
{
    return (uint8_t[]){0x00, 0xa5, 0xff}[index % 3];
}

/* A buddy source over a layout. Nothing but its metadata can be read or written. */
struct memory {
    struct buddy_source buddy;
    const struct layout *layout;
    uint64_t base;
    uint8_t *metadata;
    size_t metadata_bytes;
};

/* `dirt` is what the metadata's frames hold before. */
void memory_init(struct test *test, struct memory *memory, const struct layout *layout,
                 uint8_t dirt);
void memory_release(struct memory *memory);

/* True if all frames of a block lie in the ranges and none in the metadata. */
bool memory_has(const struct memory *memory, uint64_t first_frame, unsigned order);

/* Frames of the ranges that are not metadata. */
uint64_t memory_frame_count(const struct memory *memory);

/* How many aligned blocks of `order` the memory holds when nothing is allocated. */
uint64_t memory_block_count(const struct memory *memory, unsigned order);

/* The end of the last range, as a frame number. */
uint64_t memory_end(const struct memory *memory);

static inline bool memory_allocate(struct memory *memory, unsigned order, uint64_t *first_frame)
{
    phys_addr frame = phys_addr_of(*first_frame << 12);
    bool allocated = frame_source_allocate(&memory->buddy.source, order, &frame);

    *first_frame = frame.value >> 12;
    return allocated;
}

static inline enum frame_free_result memory_free(struct memory *memory, unsigned order,
                                                 uint64_t first_frame)
{
    return frame_source_free(&memory->buddy.source, order, phys_addr_of(first_frame << 12));
}

/* Fails the test with the rule that the source breaks. */
#define CHECK_INVARIANTS(memory)                                                                   \
    do {                                                                                           \
        const char *broken_ = buddy_source_check(&(memory)->buddy);                                \
        test_require(test, broken_ == NULL, broken_, __FILE__, __LINE__);                          \
    } while (0)
