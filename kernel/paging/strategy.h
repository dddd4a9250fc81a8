/* The five ways in which the kernel can reach its page tables; the command line chooses one.
 * Pure: also built for the host. */
#pragma once

#include "mm/table_access.h"

enum access_strategy {
    STRATEGY_OFFSET,    /* all RAM is mapped at an offset */
    STRATEGY_FIXED,     /* the frames of tables are mapped at 10 TiB + physical address */
    STRATEGY_IDENTITY,  /* the frames of tables are mapped at their own addresses */
    STRATEGY_TEMPORARY, /* slots of a level-1 table are pointed at the tables of a walk */
    STRATEGY_RECURSIVE, /* an entry of the root names the root */
    STRATEGY_COUNT,
};

/* As on the command line: "offset" and so on. */
const char *access_strategy_name(enum access_strategy strategy);

/* True when table frames must come from the frames that a window shows. */
bool access_strategy_has_window(enum access_strategy strategy);

/* The access to the kernel's tables in the kernel's own address space. Physical memory ends at
 * ram_end; no_execute: the CPU has it. */
struct table_access access_strategy_access(enum access_strategy strategy, phys_addr ram_end,
                                           bool no_execute);
