/* What no mapping may do, judged by a walk over all tables. Costs O(leaves * executable ranges), and
 * those are few.
 *
 *   - No frame is writable at one address and executable at the same or at another one. Without NX
 *     every page can be executed: then no frame of the given code is writable.
 *   - Only RAM is mapped as cached memory, and only RAM holds tables.
 *   - All of a huge page is in one region of the memory map, and none of it below 1 MiB, where the
 *     fixed-range MTRRs give each 4 KiB a memory type of its own.
 *
 * Source: Intel SDM volume 3, 4.9.2 "Paging and Memory Typing When the PAT is Supported", 11.11.9
 * "Large Page Size Considerations".
 */
#pragma once

#include "kernel/boot_info/memory_map.h"
#include "mm/page_tree.h"

struct mapping_rules {
    const struct memory_map *map;
    uint64_t pat;                  /* the register, or what a CPU without one acts by */
    struct frame_range code;       /* what is executed if the CPU has no NX */
};

enum broken_rule {
    RULE_NONE_BROKEN,
    RULE_WRITE_OR_EXECUTE,
    RULE_CACHED_OUTSIDE_RAM,
    RULE_TABLE_OUTSIDE_RAM,
    RULE_ACROSS_BOUNDARY,
    RULE_UNKNOWN, /* more ranges are executable than can be noted */
};

/* The first mapping that breaks a rule. */
struct violation {
    enum broken_rule rule;
    virt_addr page;
    unsigned level;
    phys_addr frame;
};

const char *broken_rule_text(enum broken_rule rule);

/* Judges the tree, which is reached by the table's access; no_execute is one of its features. */
struct violation mapping_rules_check(const struct mapping_rules *rules,
                                     const struct page_table *table);
