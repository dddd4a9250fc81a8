/* Temporary mappings: a level-1 table whose entries are pointed at whatever frame is to be looked
 * at. One entry maps the table itself, which leaves 511; an entry that is not present is free. */
#pragma once

#include "mm/table_access.h"

struct temporary_slots {
    virt_addr table;  /* where the level-1 table itself is visible */
    virt_addr window; /* the address that its entry 0 maps; 2 MiB aligned */
    page_flags flags; /* of each mapping: PRESENT, and WRITABLE, NO_EXECUTE as wanted */
};

enum temporary_result {
    TEMPORARY_OK,
    TEMPORARY_FULL,     /* no entry is free: unmap one first */
    TEMPORARY_NOT_OURS, /* the address is not that of a temporary mapping */
};

/* Maps `frame` with the first free entry and stores its address.
 * Flush: none: an entry that is not present is not cached. */
__attribute__((warn_unused_result)) enum temporary_result
temporary_slots_map(const struct temporary_slots *slots, phys_addr frame, virt_addr *page);

/* Frees the entry that maps `page`, and flushes the page. The entry of the table itself cannot be
 * freed. */
__attribute__((warn_unused_result)) enum temporary_result
temporary_slots_unmap(const struct temporary_slots *slots, virt_addr page);

/* How many entries are free. */
unsigned temporary_slots_free(const struct temporary_slots *slots);

const char *temporary_result_text(enum temporary_result result);
