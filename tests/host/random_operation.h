/* Random operations on a few addresses, so that they often meet; most with good arguments. */
#pragma once

#include "tests/host/operation.h"
#include "testing/random.h"

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
