/* Frames that belong to no table: reserved for new ones, or removed and not yet given back. They
 * are chained through their own first words, which cannot be taken for a present entry. */
#pragma once

#include "mm/page_table.h"

struct frame_chain {
    phys_addr first; /* valid while count is not 0 */
    uint64_t count;
};

static inline void frame_chain_push(const struct page_table *table, struct frame_chain *chain,
                                    phys_addr frame)
{
    struct page_entry *words =
        access_new_table(&table->access, table->access.kind, table->levels, frame);

    words[0].bits = chain->first.value;
    chain->first = frame;
    chain->count++;
}

/* The chain is not empty. */
static inline phys_addr frame_chain_pop(const struct page_table *table, struct frame_chain *chain)
{
    phys_addr frame = chain->first;
    struct page_entry *words =
        access_new_table(&table->access, table->access.kind, table->levels, frame);

    chain->first = phys_addr_of(words[0].bits);
    chain->count--;
    return frame;
}

/* Gives all frames of the chain back. */
static inline void frame_chain_free(const struct page_table *table, struct frame_chain *chain,
                                    struct frame_source *frames)
{
    while (chain->count > 0) {
        frame_source_free(frames, 0, frame_chain_pop(table, chain));
    }
}
