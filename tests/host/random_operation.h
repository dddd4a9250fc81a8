/* Random operations on a few addresses, so that they often meet; most with good arguments. */
#pragma once

#include "tests/host/operation.h"

/* A generator of random numbers; or of what bytes say, one for each number. */
struct random {
    uint64_t state;       /* not 0 */
    const uint8_t *bytes; /* or NULL; what comes behind them counts as 0 */
    size_t byte_count;
};

/* Any 64 bits: xorshift64*, or the bits of a byte spread out. */
uint64_t random_next(struct random *random);

/* 0..count-1. */
unsigned random_below(struct random *random, unsigned count);

/* Of a world's addresses, those that operations are about. */
struct random_places {
    unsigned levels;
    unsigned root_indices[3];
    unsigned indices_3[3];
    struct paging_features features;
    bool hidden[TABLE_ENTRY_COUNT];
    bool writable_tables; /* table flags without WRITABLE are rare */
};

/* A world of any kind, with a limit on its frames; and places in it. */
struct world_shape random_shape(struct random *random, enum access_kind kind);
struct random_places random_places_in(struct random *random, const struct world_shape *shape);

struct operation random_operation(struct random *random, const struct random_places *places);
