/* Where the kernel tells of what ends it. */
#pragma once

#include "kernel/console/console.h"
#include "mm/page_table.h"

/* From then on, panics and exceptions that nobody waits for are told on `console`, page faults with
 * the walk of the address in `table`. Before, both say their bare facts on the serial port. Both
 * outlive the kernel; `table` may change its contents. */
void reports_go_to(struct console *console, const struct page_table *table);
