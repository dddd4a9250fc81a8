/* The token that says which cached translations a change of page tables has made stale.
 *
 * An operation that may change a live entry returns its result and a token in one value, from
 * which the result is taken by saying what becomes of the token:
 *
 *   enum unmap_result result = tlb_flush_now(page_table_unmap(...));     active tables
 *   enum map_result result = tlb_flush_ignore(page_table_map_to(...));   tables not in use
 *
 * Source: Intel SDM volume 3, 4.10.4 "Invalidation of TLBs and Paging-Structure Caches".
 */
#pragma once

#include "mm/address.h"

struct tlb_flush {
    virt_addr start;
    uint64_t page_count; /* of 4 KiB, from start; 0: nothing is stale */
};

static inline struct tlb_flush tlb_flush_none(void)
{
    return (struct tlb_flush){.page_count = 0};
}

/* The token of a change to one leaf that maps `address`. One invalidation suffices for a page of
 * any size. */
static inline struct tlb_flush tlb_flush_page(virt_addr address)
{
    return (struct tlb_flush){.start = address, .page_count = 1};
}

/* Drops what the CPU may have cached of the pages that the token names. */
void tlb_flush_apply(struct tlb_flush flush);

/* Flushes what the outcome of an operation on the active tables asks for; yields its result. */
#define tlb_flush_now(outcome)                                                                     \
    __extension__({                                                                                \
        __auto_type tlb_outcome_ = (outcome);                                                      \
        tlb_flush_apply(tlb_outcome_.flush);                                                       \
        tlb_outcome_.result;                                                                       \
    })

/* Yields the result of an operation after which nothing needs to be flushed, because the tables
 * are not in use or the caller flushes everything later. */
#define tlb_flush_ignore(outcome) ((outcome).result)
