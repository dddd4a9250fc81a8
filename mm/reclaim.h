/* Taking tables that map nothing out of a tree. */
#pragma once

#include "mm/frame_chain.h"

/* True when no entry of the table of `level` in `frame` on the way to `address`, and of the tables
 * below it, maps anything. */
bool reclaim_is_empty(const struct page_table *table, virt_addr address, unsigned level,
                      phys_addr frame);

/* Unlinks the empty tables below the table of `level` in `frame` that lie on the way to addresses
 * from `start` to `last`, both of which that table covers, and adds them to `removed`. Returns
 * whether the table itself is empty then. */
bool reclaim_below(const struct page_table *table, unsigned level, phys_addr frame,
                   virt_addr start, virt_addr last, struct frame_chain *removed);

/* Gives back the frames of tables that were unlinked, after the flush that active tables need.
 * Returns the token of what is left to flush: everything, if something was removed from tables
 * that are not active. */
struct tlb_flush reclaim_finish(const struct page_table *table, struct frame_chain *removed,
                                struct frame_source *frames);
