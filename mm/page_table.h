/* Page tables: translate, map, unmap and look at the tree below a root.
 *
 * A page_table is a view of a tree: its root, how many levels it has, what the CPU supports and
 * how its tables are reached. Nothing here reads CR3 or knows which tree is active.
 *
 * For all operations:
 *   Needs:   one caller at a time for one tree. The tree is well formed.
 *   Failure: a call that fails leaves every table and the frame source as they were.
 *   Source:  Intel SDM volume 3, 4.5 "4-Level Paging and 5-Level Paging".
 */
#pragma once

#include "mm/frame_source.h"
#include "mm/table_access.h"
#include "mm/tlb_flush.h"

/* What the CPU makes of page-table entries. */
struct paging_features {
    unsigned physical_bits; /* MAXPHYADDR, 32..52 */
    bool no_execute;        /* bit 63 may be set: EFER.NXE is */
    bool pages_1g;          /* leaves of 1 GiB may be made */
};

struct page_table {
    phys_addr root;
    unsigned levels; /* 4 or 5 */
    struct paging_features features;
    struct table_access access;
};

enum translate_result {
    TRANSLATE_OK,
    TRANSLATE_NOT_MAPPED,
    TRANSLATE_NOT_CANONICAL,
};

struct translation {
    enum translate_result result;
    unsigned level;       /* OK: of the leaf; NOT_MAPPED: of the entry that is not present */
    phys_addr address;    /* OK: where the byte is */
    page_flags flags;     /* OK: all bits of the leaf but its address */
    page_flags effective; /* OK: PAGE_WRITABLE, PAGE_USER, PAGE_NO_EXECUTE over all levels */
};

/* Translates any address, also inside huge pages. Never fails on data: an address that is not
 * mapped or not canonical is a result. */
struct translation page_table_translate(const struct page_table *table, virt_addr address);

enum map_result {
    MAP_OK,
    MAP_ALREADY_MAPPED,
    MAP_INSIDE_HUGE_PAGE,
    MAP_OVER_TABLE,
    MAP_NO_FRAME,
    MAP_FRAME_UNREACHABLE,
    MAP_MISALIGNED,
    MAP_NOT_CANONICAL,
    MAP_BAD_ADDRESS,
    MAP_BAD_FLAGS,
    MAP_FEATURE_ABSENT,
};

struct map_outcome {
    enum map_result result;
    struct tlb_flush flush;
};

/* Maps the page of `size` at `page` to the memory at `frame`.
 *
 * flags: the bits of the leaf, PAGE_PRESENT among them; PAGE_HUGE is set where the size asks for it.
 * frames: gives one frame for each table that is missing on the way, page_size..levels-1 of them.
 * Tables on the way get PRESENT and WRITABLE, and USER if the leaf has it.
 * Flush:  needed only if a table on the way had to be widened; the token says so.
 */
__attribute__((warn_unused_result)) struct map_outcome
page_table_map_to(const struct page_table *table, virt_addr page, phys_addr frame,
                  enum page_size size, page_flags flags, struct frame_source *frames);

enum unmap_result {
    UNMAP_OK,
    UNMAP_NOT_MAPPED,
    UNMAP_INSIDE_HUGE_PAGE,
    UNMAP_OVER_TABLE,
    UNMAP_MISALIGNED,
    UNMAP_NOT_CANONICAL,
};

struct unmap_outcome {
    enum unmap_result result;
    struct tlb_flush flush;
    phys_addr frame; /* OK: what the page was mapped to */
};

/* Removes the mapping of the page of `size` at `page`. Tables that become empty stay.
 * Flush: the page. */
__attribute__((warn_unused_result)) struct unmap_outcome
page_table_unmap(const struct page_table *table, virt_addr page, enum page_size size);

/* Makes entry `slot` (0..511) of the root name the root, so that all tables appear in the address
 * space: see recursive_table_address.
 * Returns: MAP_OK, or MAP_ALREADY_MAPPED if the entry is in use. */
__attribute__((warn_unused_result)) enum map_result
page_table_link_recursive(const struct page_table *table, unsigned slot);

/* One step of the way from the root to where an address is mapped, or is found not to be. */
struct path_entry {
    unsigned level; /* of the table that holds the entry */
    unsigned index;
    struct page_entry entry;
    bool leaf;
};

/* Lists the entries that a translation of `address` reads, root first, the last one being a leaf or
 * not present. `path` has room for PAGING_LEVELS_MAX. Returns how many there are; 0 for an address
 * that is not canonical. */
unsigned page_table_path(const struct page_table *table, virt_addr address,
                         struct path_entry *path);

/* A present entry met by page_table_visit. */
struct visited_entry {
    virt_addr start;          /* first address that it covers */
    unsigned level;           /* of the table that holds it */
    struct page_entry entry;
    bool leaf;
    bool recursive;           /* it names the root: not followed */
};

/* Shows each present entry in order of addresses, a table before what is below it. When `visit`
 * returns false for a table, what is below is left out. */
void page_table_visit(const struct page_table *table,
                      bool (*visit)(void *context, const struct visited_entry *entry),
                      void *context);

/* What the result means and what to do about it, in one phrase. */
const char *translate_result_text(enum translate_result result);
const char *map_result_text(enum map_result result);
const char *unmap_result_text(enum unmap_result result);
