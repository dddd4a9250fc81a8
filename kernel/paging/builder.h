/* The kernel's tables while they are built: what cannot be mapped ends the boot. */
#pragma once

#include "mm/page_range.h"

struct builder {
    struct page_table table;
    struct frame_source *frames;
};

/* Maps [page, page + bytes) to the memory from `frame` on.
 *
 * flags: of the leaves, for 4 KiB pages; PAGE_PRESENT is added, and PAGE_NO_EXECUTE left out where
 *   the CPU has none.
 * Panics if that cannot be, as for lack of frames. */
void builder_map(const struct builder *builder, uint64_t page, phys_addr frame, uint64_t bytes,
                 enum range_pages pages, uint64_t flags);
