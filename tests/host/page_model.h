/* What a tree of page tables means, kept in the plainest way: a sorted list of leaves, and for each
 * level a sorted list of the tables that exist. It predicts what every operation answers.
 */
#pragma once

#include "tests/host/operation.h"

struct model_leaf {
    uint64_t start;
    uint64_t frame;
    uint64_t flags; /* all bits but the address */
    unsigned level;
};

/* A table, and the flags of the entry that names it. */
struct model_table {
    uint64_t start; /* first address that it translates */
    uint64_t flags;
};

struct model_tables {
    struct model_table *list;
    size_t count;
    size_t room;
};

struct page_model {
    unsigned levels;
    struct paging_features features;
    bool active;             /* the CPU uses the tree */
    bool tables_are_written; /* through the same entries, which must allow that: recursive access */
    uint64_t free_frames;
    struct model_leaf *leaves;
    size_t leaf_count;
    size_t leaf_room;
    struct model_tables tables[PAGING_LEVELS_MAX]; /* by level 1..levels-1 */
};

/* The model of the empty tree of a world. */
void page_model_init(struct page_model *model, const struct world *world);
void page_model_free(struct page_model *model);

/* Does the operation, and says what page tables must answer. */
struct answer page_model_apply(struct page_model *model, const struct operation *operation);

/* The operations on ranges alone. */
struct answer page_model_apply_to_range(struct page_model *model,
                                        const struct operation *operation);

/* The number of tables below the root. */
uint64_t page_model_table_count(const struct page_model *model);

/* Of PAGE_WRITABLE, PAGE_USER and PAGE_NO_EXECUTE: what a leaf and the tables above it allow. */
uint64_t page_model_effective(const struct page_model *model, const struct model_leaf *leaf);

/* What follows is shared by the files of the model. */

/* The leaf that maps an address, or NULL. */
struct model_leaf *model_leaf_at(const struct page_model *model, uint64_t address);

/* The index of the first leaf that does not begin before `address`. */
size_t model_leaf_index(const struct page_model *model, uint64_t address);

/* Whether anything is mapped from `first` to `last`. */
bool model_is_mapped(const struct page_model *model, uint64_t first, uint64_t last);

/* Makes place for leaves that begin at `start` or behind it, and before what is mapped there: the
 * caller fills it. */
struct model_leaf *model_add_leaves(struct page_model *model, uint64_t start, size_t count);
void model_remove_leaves(struct page_model *model, size_t index, size_t count);

/* The table of `level` on the way to an address, or NULL. */
struct model_table *model_table_at(const struct page_model *model, unsigned level,
                                   uint64_t address);
void model_add_table(struct page_model *model, unsigned level, uint64_t address, uint64_t flags);
void model_remove_table(struct page_model *model, unsigned level, uint64_t address);

/* Removes the tables of levels below `level` that lie from `first` to `last`; their frames are free
 * then. */
void model_remove_tables_below(struct page_model *model, unsigned level, uint64_t first,
                               uint64_t last);

/* The tables on the way to a page of `size` get these bits. */
void model_widen(struct page_model *model, uint64_t page, unsigned size, uint64_t bits);

uint64_t model_size_bytes(unsigned level);
bool model_is_canonical(const struct page_model *model, uint64_t address);

/* What is wrong with the flags of a leaf, as a map_result. */
unsigned model_flags_fault(const struct page_model *model, uint64_t flags, unsigned size);

/* What keeps a page from being mapped where something is, as a map_result. */
unsigned model_place_fault(const struct page_model *model, uint64_t page, unsigned size);

/* How many tables are missing above a page of `size`. */
unsigned model_missing_tables(const struct page_model *model, uint64_t page, unsigned size);

/* Makes the place for a page: tables that stand there go, those that are missing above come, and
 * all above are widened. Frames are enough. */
void model_put_tables(struct page_model *model, uint64_t page, unsigned size, uint64_t table_flags);

/* The leaf that maps a page. */
struct model_leaf model_leaf_of(uint64_t page, uint64_t frame, unsigned size, uint64_t flags);
