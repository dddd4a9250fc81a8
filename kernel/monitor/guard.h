/* What the kernel, and so the monitor, cannot do without. */
#pragma once

#include "kernel/monitor/monitor.h"

/* Why the mappings of [start, start + bytes) may not be changed, or NULL. Wraps around 2^64 where
 * the range does. */
const char *guard_mappings(const struct monitor *monitor, virt_addr start, uint64_t bytes);

/* Whether the pages of [start, start + bytes) are tables or slots that tables are shown in. */
bool guard_tables_are_pages(const struct monitor *monitor, virt_addr start, uint64_t bytes);

/* Why [address, address + bytes) of physical memory may not be written, or NULL. */
const char *guard_memory(const struct monitor *monitor, phys_addr address, uint64_t bytes);

/* Whether one of the active page tables is in [address, address + bytes) of physical memory. */
bool guard_is_table(const struct monitor *monitor, phys_addr address, uint64_t bytes);
