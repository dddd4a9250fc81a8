/* What a page table is to this library, and what all of its parts have in common. */
#pragma once

#include "mm/table_access.h"

/* What the CPU makes of page-table entries. */
struct paging_features {
    unsigned physical_bits; /* MAXPHYADDR, 32..52 */
    bool no_execute;        /* bit 63 may be set: EFER.NXE is */
    bool pages_1g;          /* leaves of 1 GiB may be made */
};

struct page_table {
    phys_addr root;
    unsigned levels; /* 4 or 5 */
    bool active;     /* the CPU walks these tables: what is removed must be flushed before reuse */
    struct paging_features features;
    struct table_access access;
};

/* What can be said of a page of a given size where something else may be mapped. The operations
 * on one mapped page have these in common. */
enum page_result {
    PAGE_OK,
    PAGE_NOT_MAPPED,
    PAGE_INSIDE_HUGE_PAGE, /* a larger page is mapped there */
    PAGE_OVER_TABLE,       /* smaller pages are mapped there; empty tables do not count */
    PAGE_MISALIGNED,
    PAGE_NOT_CANONICAL,
    PAGE_BAD_SIZE,
};
