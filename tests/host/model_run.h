/* Runs operations on page tables and on the model side by side, and says where they part. */
#pragma once

#include "tests/host/page_model.h"

/* A list of operations, and the world that they run in. */
struct trace {
    struct world_shape shape;
    uint64_t frame_limit;   /* how many frames the source has */
    unsigned compare_every; /* so many operations the whole tree is compared; 0: at the end only */
    size_t count;
    const struct operation *operations;
};

struct model_run {
    struct world *world;
    struct page_model model;
    char failure[512]; /* what went wrong; empty if nothing did */
};

void model_run_begin(struct model_run *run, const struct world_shape *shape, uint64_t frame_limit);
void model_run_end(struct model_run *run);

/* Does one operation. Returns false, with run->failure, if the answers differ. */
bool model_run_step(struct model_run *run, const struct operation *operation);

/* Compares the tree with the model: leaves, what they allow, tables, frames, what is cached. */
bool model_run_compare(struct model_run *run);

/* Removes everything, and checks that no frame was lost. */
bool model_run_empty(struct model_run *run);

/* Runs all of a trace, from model_run_begin to model_run_empty; returns false, with the failure in
 * `failure` if that is not NULL. */
bool model_run_trace(const struct trace *trace, char *failure, size_t failure_bytes);
