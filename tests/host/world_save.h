/* Going back to an earlier state of a run, so that all that can follow on it can be tried. */
#pragma once

#include "tests/host/model_run.h"

struct saved_run;

struct saved_run *model_run_save(const struct model_run *run);
void saved_run_free(struct saved_run *saved);

/* Makes the run what it was when it was saved. Nothing is cached then. */
void model_run_restore(struct model_run *run, const struct saved_run *saved);

/* A number that differs between runs that can go on differently, but for rare chance. */
uint64_t model_run_hash(const struct model_run *run);
