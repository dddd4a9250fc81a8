/* Where the allocator's metadata lies, and the chunks of 1 GiB that it is made for one by one. For
 * buddy_*.c only. */
#pragma once

#include "mm/buddy_blocks.h"

/* Chooses a place for the metadata of `ranges` and lays it out there, for a source without any
 * chunk. Returns false if no range has room. */
__attribute__((warn_unused_result)) bool buddy_metadata_init(struct buddy_source *self,
                                                             uint64_t base);

/* Makes the lowest chunk that has memory and was not made: its blocks are free then. Returns false
 * if there is none. */
bool buddy_chunk_make_next(struct buddy_source *self);

/* True if a frame that lies in no chunk that was made is memory which a later one will have. */
bool buddy_chunk_will_have(const struct buddy_source *self, phys_addr frame);

/* Frames [start, end), by number: physical address >> 12. */
struct buddy_run {
    uint64_t start;
    uint64_t end;
};

/* What range `index` has besides the metadata. */
struct buddy_run buddy_usable_run(const struct buddy_source *self, size_t index);
