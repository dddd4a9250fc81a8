/* Pages and frames to try things with, which leave no trace. */
#pragma once

#include "kernel/monitor/monitor.h"

enum { SCRATCH_FRAMES = 3, SCRATCH_PAGES = 8 };

struct scratch {
    struct monitor *monitor;
    virt_addr page; /* the first of SCRATCH_PAGES that are not mapped, in an empty entry of the
                       level-4 table */
    phys_addr frames[SCRATCH_FRAMES];
    unsigned frame_count;
};

/* Finds pages and takes frames. Returns false, with a line that says so, if there are none. */
__attribute__((warn_unused_result)) bool scratch_begin(struct scratch *self,
                                                       struct monitor *monitor);

/* Gives all back. */
void scratch_end(struct scratch *self);

/* Maps the page with this index. `flags` beside PRESENT; NO_EXECUTE is added where there is one. */
__attribute__((warn_unused_result)) bool scratch_map(const struct scratch *self, unsigned page,
                                                     phys_addr frame, uint64_t flags);

static inline virt_addr scratch_page(const struct scratch *self, unsigned page)
{
    return virt_addr_add(self->page, page * level_bytes(1));
}

static inline volatile uint64_t *scratch_word(const struct scratch *self, unsigned page)
{
    return mm_port_pointer(scratch_page(self, page));
}

/* The first word of a frame, through the map of all RAM. */
volatile uint64_t *scratch_physical_word(const struct monitor *monitor, phys_addr frame);
