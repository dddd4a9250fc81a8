/* Which cached translations a change of page tables has made stale, and getting rid of them.
 *
 * An operation that may change a live entry returns its result and a token in one value, an
 * outcome. Whoever wants the result says what becomes of the token:
 *
 *   tlb_flush_now(outcome)           drops the stale translations: the tables are active
 *   tlb_flush_later(batch, outcome)  leaves that to tlb_batch_flush(batch)
 *   tlb_flush_ignore(outcome)        nothing can be stale: the tables are not in use
 *   address_space_flush(space, outcome)   does what the space needs: see address_space.h
 *
 * The compiler complains about an outcome that is not used. In debug builds the port counts the
 * tokens that were made and not consumed.
 *
 * Source: Intel SDM volume 3, 4.10.4 "Invalidation of TLBs and Paging-Structure Caches".
 */
#pragma once

#include "mm/address.h"
#include "mm_port.h"

/* More pages than this are flushed all at once. Measured: make bench-tlb. */
enum { TLB_FLUSH_PAGES_MAX = 32 };

/* Means every page, in a token. */
#define TLB_FLUSH_ALL UINT32_MAX

struct tlb_flush {
    virt_addr start;
    uint32_t page_count; /* of 4 KiB from start on; 0: nothing is stale; or TLB_FLUSH_ALL */
};

static inline struct tlb_flush tlb_flush_none(void)
{
    return (struct tlb_flush){.page_count = 0};
}

/* The token of a change of the leaf that maps `address`: one invalidation is enough for a page of
 * any size. */
static inline struct tlb_flush tlb_flush_page(virt_addr address)
{
    mm_port_flush_owed(1);
    return (struct tlb_flush){.start = address, .page_count = 1};
}

/* The token of changes anywhere in the `page_count` 4 KiB pages from `start` on. */
static inline struct tlb_flush tlb_flush_pages(virt_addr start, uint64_t page_count)
{
    if (page_count == 0) {
        return tlb_flush_none();
    }
    mm_port_flush_owed(1);
    return (struct tlb_flush){
        .start = start,
        .page_count = page_count > TLB_FLUSH_PAGES_MAX ? TLB_FLUSH_ALL : (uint32_t)page_count,
    };
}

/* Marks a token as consumed. Each is consumed once. */
static inline void tlb_flush_consume(struct tlb_flush flush)
{
    if (flush.page_count != 0) {
        mm_port_flush_owed(-1);
    }
}

/* Drops what the CPU may have cached of the pages that the token names, and consumes it. */
void tlb_flush_apply(struct tlb_flush flush);

/* Tokens of many changes, to be flushed together. Initialised with zeros. */
struct tlb_batch {
    uint32_t page_count; /* or TLB_FLUSH_ALL */
    virt_addr pages[TLB_FLUSH_PAGES_MAX];
};

/* Consumes the token; the batch owes its flush. */
void tlb_batch_add(struct tlb_batch *batch, struct tlb_flush flush);

/* Drops what is stale page by page, or everything where that is cheaper. The batch is empty then. */
void tlb_batch_flush(struct tlb_batch *batch);

#define tlb_flush_now(outcome)                                                                     \
    __extension__({                                                                                \
        __auto_type tlb_outcome_ = (outcome);                                                      \
        tlb_flush_apply(tlb_outcome_.flush);                                                       \
        tlb_outcome_.result;                                                                       \
    })

#define tlb_flush_later(batch, outcome)                                                            \
    __extension__({                                                                                \
        __auto_type tlb_outcome_ = (outcome);                                                      \
        tlb_batch_add((batch), tlb_outcome_.flush);                                                \
        tlb_outcome_.result;                                                                       \
    })

#define tlb_flush_ignore(outcome)                                                                  \
    __extension__({                                                                                \
        __auto_type tlb_outcome_ = (outcome);                                                      \
        tlb_flush_consume(tlb_outcome_.flush);                                                     \
        tlb_outcome_.result;                                                                       \
    })
