/* Statements of the paging tutorial that the kernel shows on its own tables. */
#pragma once

#include "kernel/monitor/monitor.h"

enum claim_result {
    CLAIM_HOLDS,
    CLAIM_BROKEN,
    CLAIM_NOT_HERE, /* this machine lacks what it takes, as was printed */
};

struct claim {
    const char *id;
    const char *statement;
    /* Prints what is seen, line by line, and leaves all as it was. */
    enum claim_result (*show)(struct monitor *monitor);
    bool through_physical_memory; /* it takes the map of all of that */
};

static inline enum claim_result claim_result_of(bool holds)
{
    return holds ? CLAIM_HOLDS : CLAIM_BROKEN;
}

/* By subject: tables, mapping, and sums. Each list ends with an id of NULL. */
extern const struct claim claims_of_tables[];
extern const struct claim claims_of_mapping[];
extern const struct claim claims_of_sums[];

/* The claims of all lists by number, from 0; NULL behind the last. */
const struct claim *claim_at(size_t index);

/* Calls `offer` with each id, and "all". */
void claim_names(void (*offer)(void *context, const char *word), void *context);
