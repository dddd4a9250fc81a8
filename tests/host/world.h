/* Everything that an operation on page tables needs, ready made for a test: memory, a CPU, a frame
 * source and an empty tree, for each way of reaching tables.
 *
 *   linear:     the tables are where the program sees the machine's memory
 *   temporary:  the tree maps its first 2 MiB to themselves with 4 KiB pages; some of these are the
 *               slots. Or another tree does, which the CPU uses, and the tree in question is empty
 *   recursive:  one entry of the root names the root; another leads to the scratch page
 *
 * What the access itself needs of the tree is hidden from surveys and comparisons.
 */
#pragma once

#include "mm/page_range.h"
#include "tests/host/host_cpu.h"
#include "tests/host/test_frames.h"

/* How a world is to be. What is zero has a default. */
struct world_shape {
    enum access_kind kind;
    unsigned levels;
    unsigned recursive_slot;
    bool
        own_window; /* temporary access: the slots are in a tree of their own, which the CPU uses */
    bool marks;     /* the CPU sets A and D */
    struct paging_features features; /* all zero: 52 bits, no-execute and 1 GiB pages */
    uint64_t ram_start;
    uint64_t frame_count;  /* of memory: 128 */
    uint64_t window_pages; /* how many tables are seen at a time: 4096; a power of two */
    uint64_t seed;         /* of the order of frames */
};

/* Reserved frames begin with frame 1: frame 0 is as good for a table as any. */
enum { WORLD_RESERVED_FRAMES = 8 };

struct world {
    struct world_shape shape;
    struct page_table table;
    struct test_frames frames;
    struct host_memory memory;
    struct host_cpu cpu;
    struct soft_mmu mmu;            /* walks the tree; the CPU may use another */
    bool hidden[TABLE_ENTRY_COUNT]; /* entries of the root that are not for the test */
    uint64_t own_entries; /* physical address of the first of the entries that the access changes */
    unsigned own_entry_count;
    struct world *older; /* the world made before this one that is not freed yet, or NULL */
};

/* The kinds and levels that tests by table of cases run with. */
extern const struct world_shape world_shapes[];
extern const unsigned world_shape_count;

/* Which entries of the root belong to the world itself, not to the tree of a test. */
void world_hidden(const struct world_shape *shape, bool hidden[TABLE_ENTRY_COUNT]);

/* A world, with its CPU running. */
struct world *world_make(const struct world_shape *shape);
void world_free(struct world *world);

/* Recursive access: moves what belongs to the access to an entry of the root that is not in use, if
 * it lies at the entry for `address`. Returns false if there is none. */
bool world_make_way(struct world *world, virt_addr address);

/* The page whose indices are these in the root and in the tables of levels 3, 2 and 1. With five
 * levels the index at level 4 is 5. */
virt_addr world_page(const struct world *world, unsigned root_index, unsigned index_3,
                     unsigned index_2, unsigned index_1);

/* What a world is, for messages: "recursive access, 5 levels". */
void world_describe(const struct world *world, char *text, size_t text_bytes);
