/* A target for libFuzzer: bytes become a series of ranges in a memory map, about which it and a
 * model of pages must agree. */
#include "tests/host/memory_map_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Called by libFuzzer, which declares it nowhere. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count);

/* A row of ranges that are alike: many fit in a short input. */
struct step {
    uint16_t start_page;
    uint16_t start_bytes;  /* more than the page's */
    uint16_t length_bytes; /* of each range */
    uint8_t distance_pages;
    uint8_t repeat_count;
    uint8_t type;
    uint8_t claims; /* 1 in 16: turns all usable memory below into the type */
};

static struct memory_map map;
static struct memory_map_model model;

static void take_step(const struct step *step)
{
    enum memory_type type = (enum memory_type)(step->type % MEMORY_TYPE_COUNT);
    uint64_t start = step->start_page % (MODEL_PAGES / 2) * UINT64_C(4096) + step->start_bytes;

    if (step->claims % 16 == 15) {
        memory_map_claim_below(&map, phys_addr_of(start & ~UINT64_C(4095)), type);
        memory_map_model_claim_below(&model, start & ~UINT64_C(4095), type);
        return;
    }
    for (unsigned i = 0; i <= step->repeat_count; i++) {
        uint64_t at = start + (uint64_t)i * step->distance_pages * 4096;
        if (at + step->length_bytes > (MODEL_PAGES - 1) * UINT64_C(4096)) {
            break;
        }
        memory_map_add(&map, at, step->length_bytes, type);
        memory_map_model_add(&model, at, step->length_bytes, type);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count)
{
    struct step step;

    memset(&map, 0, sizeof map);
    memory_map_model_begin(&model);
    for (unsigned steps = 0; steps < 24 && byte_count >= sizeof step; steps++) {
        memcpy(&step, bytes, sizeof step);
        bytes += sizeof step;
        byte_count -= sizeof step;
        take_step(&step);
    }
    const char *fault = memory_map_model_compare(&model, &map, false);
    if (fault[0] != '\0') {
        fprintf(stderr, "%s\n", fault);
        abort();
    }
    return 0;
}
