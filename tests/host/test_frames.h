/* A frame source that distrusts who uses it: hands out frames in no order, filled with 0xa5;
 * poisons those that come back; runs dry when told; and remembers each mistake.
 */
#pragma once

#include "mm/frame_source.h"
#include "tests/host/host_memory.h"

enum frame_state {
    FRAME_RESERVED, /* not the source's */
    FRAME_FREE,
    FRAME_TAKEN,
};

struct test_frames {
    struct frame_source source;
    struct host_memory *memory;
    uint64_t frame_count; /* of the memory */
    uint8_t *state;       /* by frame, of enum frame_state */
    bool *touched;        /* by frame: was handed out since touched was cleared */
    uint32_t *free;       /* the frames that are free; the last one is handed out next */
    uint64_t free_count;
    uint64_t in_use;
    uint64_t limit;    /* how many more are handed out; UINT64_MAX: any number */
    const char *fault; /* what was wrong with a frame that was given back, or NULL */
    uint64_t fault_frame;
    /* Called with a frame that is given back, before it is poisoned; or NULL. Returns what is wrong
     * with giving it back, or NULL. */
    const char *(*check_free)(void *context, phys_addr frame);
    void *context;
};

/* All frames of the memory are free but the first `reserved_count` after frame 0. */
void test_frames_init(struct test_frames *frames, struct host_memory *memory,
                      uint64_t reserved_count, uint64_t seed);
void test_frames_release(struct test_frames *frames);

/* The number of a frame in the memory. */
uint64_t test_frames_index(const struct test_frames *frames, uint64_t frame);

/* Makes a frame that is free the one that is handed out next. */
void test_frames_put_next(struct test_frames *frames, phys_addr frame);
