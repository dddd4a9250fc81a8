/* Other rights for pages that keep their memory type. */
#pragma once

#include "mm/page_range.h"

/* Gives all pages that are mapped in [start, start + bytes) these rights, and flushes them.
 * rights: as for page_table_protect_range, without a memory type.
 * Returns: as that does, with nothing changed unless it is RANGE_OK; *page_count is then how many
 * pages there are. */
__attribute__((warn_unused_result)) enum range_result
change_rights(const struct page_table *table, virt_addr start, uint64_t bytes, page_flags rights,
              uint64_t *page_count);
