/* The things that make up the state of the CPU and of its interrupt controllers, as one table.
 * tests/kernel/cpu_state_test.c shows for each row that a change is seen.
 *
 * Not here: the trap flag, which has an exception come before anything could be compared. */
#pragma once

#include "kernel/state/kernel.h"

/* One thing that can be read and written. `number` says which of its kind. */
struct cpu_item {
    const char *name;
    uint64_t (*read)(uint32_t number);
    void (*write)(uint32_t number, uint64_t value);
    uint32_t number;
    bool (*is_there)(const struct kernel *kernel); /* NULL: on every machine */
};

enum { CPU_ITEMS_MAX = 64 };

/* In the order in which they are compared and put back: what the rest relies on comes first, and a
 * register comes behind the one that says whether it may be read. */
extern const struct cpu_item cpu_items[];
extern const size_t cpu_item_count; /* at most CPU_ITEMS_MAX */

/* To be called as soon as code of a test has come back: clears the direction flag, which the
 * compiler's code must find clear, and keeps in mind that it was set. */
void cpu_items_clear_direction(void);
