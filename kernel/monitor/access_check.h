/* Whether page tables can be reached in a given way, as they are mapped. */
#pragma once

#include "kernel/monitor/monitor.h"
#include "kernel/paging/strategy.h"

/* Looks at every page that the access would use, through the access in use: those of all tables, of
 * the frames from which new ones come, of the slots. Each must be mapped to its frame, and let the
 * kernel write. Returns false, with a line that names what does not, if the access cannot be used. */
__attribute__((warn_unused_result)) bool access_check(struct monitor *monitor,
                                                      enum access_strategy strategy,
                                                      const struct table_access *access);
