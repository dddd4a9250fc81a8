/* What a tree of page tables holds, noted in little memory, to be compared with the same tree later. */
#pragma once

#include "mm/page_tree.h"

/* Present entries of one level whose addresses follow each other and whose bits grow by the same
 * step: a range that is mapped to consecutive frames is one run, however long it is. */
struct tree_run {
    virt_addr start;
    unsigned level;
    uint64_t bits; /* of the first entry, without accessed and dirty */
    uint64_t step;
    uint64_t count;
};

enum { TREE_RUNS_MAX = 2048 };

struct tree_record {
    struct tree_run runs[TREE_RUNS_MAX]; /* in the order in which a visit meets their first entries */
    size_t run_count;
    struct tree_run *last[PAGING_LEVELS_MAX + 1]; /* by level */
    uint64_t entry_count;                         /* in all runs */
    bool is_full;  /* a run found no room: that entry and all behind it are only in the checksum */
    uint64_t rest; /* the checksum */
};

/* Notes all present entries but the slots for temporary mappings, which belong to no one between two
 * uses. */
void tree_record_take(struct tree_record *record, const struct page_table *table);

/* An entry that is not as it was: the first of its level, and none above it differs. */
struct tree_difference {
    bool found;
    bool is_named; /* false: it is behind the first `entry_count` entries, and all else is unknown */
    unsigned level;
    virt_addr start;
    uint64_t before; /* 0: was not present */
    uint64_t after;
};

/* Compares the tree with the record. Accessed and dirty bits are left out. */
struct tree_difference tree_record_compare(const struct tree_record *record,
                                           const struct page_table *table);
