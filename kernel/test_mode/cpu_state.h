/* The state of the CPU and of its interrupt controllers that a test must leave as it was. */
#pragma once

#include "kernel/test_mode/cpu_items.h"

enum { CPU_STATE_TABLES_BYTES = 2048 };

struct cpu_state {
    uint64_t values[CPU_ITEMS_MAX];
    bool is_there[CPU_ITEMS_MAX];           /* the machine has the item */
    uint8_t tables[CPU_STATE_TABLES_BYTES]; /* what GDT, IDT and TSS contain, one behind the other */
};

/* The names of all that is compared, by numbers from 0; NULL beyond the last. Those of cpu_items come
 * first, in their order. */
const char *cpu_state_name(size_t index);

/* Reads only what this machine has. */
void cpu_state_take(struct cpu_state *state, const struct kernel *kernel);

/* Calls differs(context, name, before, after) for each item that has changed, and puts it back. */
void cpu_state_put_back(const struct cpu_state *state,
                        void (*differs)(void *context, const char *name, uint64_t before,
                                        uint64_t after),
                        void *context);
