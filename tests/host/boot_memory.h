/* A piece of physical memory in which tests lay out what a boot loader would leave. */
#pragma once

#include "kernel/boot_info/boot_info.h"

#include <string.h>

enum { LAID_OUT_BYTES = 8192 };
#define LAID_OUT_START UINT64_C(0x9000)

struct laid_out {
    _Alignas(8) uint8_t bytes[LAID_OUT_BYTES];
    size_t used;
};

/* Appends the bytes; returns their physical address. */
static inline uint64_t lay_out(struct laid_out *memory, const void *bytes, size_t count)
{
    uint64_t address = LAID_OUT_START + memory->used;

    memcpy(memory->bytes + memory->used, bytes, count);
    memory->used += count;
    return address;
}

/* Pads to a multiple of 8. */
static inline void lay_out_padding(struct laid_out *memory)
{
    memory->used = (memory->used + 7) & ~(size_t)7;
}

/* The memory up to what was laid out last: to read further is malformed. */
static inline struct boot_memory laid_out_memory(const struct laid_out *memory)
{
    return (struct boot_memory){
        .bytes = memory->bytes,
        .first = LAID_OUT_START,
        .end = LAID_OUT_START + memory->used,
    };
}
