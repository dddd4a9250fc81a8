/* What the kernel says of an exception that ends it. */
#pragma once

#include "kernel/console/console.h"
#include "kernel/traps/exception.h"
#include "mm/page_table.h"

/* Prints the exception, the registers, a backtrace and, for a page fault, the walk of the address in
 * `table`. What cannot be read is left out, with a line that says so.
 * undelivered: the exception that kept `frame` from whoever waited for it, or NULL. */
void exception_report(struct console *console, const struct page_table *table,
                      const struct exception_frame *frame,
                      const struct exception_frame *undelivered);
