/* Page tables: translate addresses, map and unmap pages, change flags, split and merge.
 *
 * A page_table is a view of a tree of tables: its root, how many levels it has, what the CPU
 * supports and how tables are reached. Nothing here reads CR3 or knows a current table. Ranges are
 * in page_range.h, looking at whole trees in page_tree.h.
 *
 * For all operations:
 *   Needs:   one caller at a time for one tree. The tree is well formed: made by this library, or
 *            entries that the CPU would accept.
 *   Failure: a call that fails leaves every table and the frame source as they were.
 *   Size:    an enum page_size; any other value is a result, BAD_SIZE.
 *   Source:  Intel SDM volume 3, 4.5 "4-Level Paging and 5-Level Paging".
 */
#pragma once

#include "mm/frame_source.h"
#include "mm/page_table_types.h"
#include "mm/tlb_flush.h"

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

/* Translates any address, also inside huge pages. */
static inline struct translation page_table_translate(const struct page_table *table,
                                                      virt_addr address);

struct page_frame {
    enum page_result result;
    phys_addr frame; /* OK: what the page is mapped to */
};

/* The frame of the page of `size` at `page`. A page inside a larger mapping or over smaller ones
 * is an error. */
struct page_frame page_table_translate_page(const struct page_table *table, virt_addr page,
                                            enum page_size size);

enum map_result {
    MAP_OK,
    MAP_ALREADY_MAPPED,
    MAP_INSIDE_HUGE_PAGE,
    MAP_OVER_TABLE,
    MAP_NO_FRAME,
    MAP_FRAME_UNREACHABLE, /* the source gave a frame that the access cannot reach */
    MAP_MISALIGNED,
    MAP_NOT_CANONICAL,
    MAP_BAD_ADDRESS, /* beyond the CPU's physical addresses */
    MAP_BAD_FLAGS,
    MAP_BAD_SIZE,
    MAP_FEATURE_ABSENT,
};

struct map_outcome {
    enum map_result result;
    struct tlb_flush flush;
};

/* Maps the page of `size` at `page` to the memory at `frame`.
 *
 * flags: the bits of the leaf, PAGE_PRESENT among them. PAGE_HUGE is set where the size asks for
 *   it. For 4 KiB pages bit 7 is PAT, for larger ones bit 12.
 * frames: gives one frame for each table that is missing on the way, and takes those of empty
 *   lower tables that a huge page replaces.
 * Tables on the way get PRESENT and WRITABLE, and USER if the leaf has it.
 * Flush:  everything, if a table on the way was widened. Tables that are replaced are flushed here,
 *   before their frames are given back, if they are active.
 */
__attribute__((warn_unused_result)) static inline struct map_outcome
page_table_map_to(const struct page_table *table, virt_addr page, phys_addr frame,
                  enum page_size size, page_flags flags, struct frame_source *frames);

/* Maps a frame at its own address. */
__attribute__((warn_unused_result)) struct map_outcome
page_table_identity_map(const struct page_table *table, phys_addr frame, enum page_size size,
                        page_flags flags, struct frame_source *frames);

/* As page_table_map_to, with the flags of the tables on the way chosen: new tables get exactly
 * `table_flags`, existing ones additionally its WRITABLE and USER. PAGE_PRESENT must be among
 * them; WRITABLE, USER, WRITE_THROUGH, CACHE_DISABLE, ACCESSED, NO_EXECUTE and the software bits
 * may be. */
__attribute__((warn_unused_result)) struct map_outcome page_table_map_to_with_table_flags(
    const struct page_table *table, virt_addr page, phys_addr frame, enum page_size size,
    page_flags flags, page_flags table_flags, struct frame_source *frames);

struct unmap_outcome {
    enum page_result result;
    struct tlb_flush flush;
    phys_addr frame; /* OK: what the page was mapped to */
};

/* Removes the mapping of the page of `size` at `page`. Tables that become empty stay: see
 * page_table_clean_up.
 * Flush: the page. */
__attribute__((warn_unused_result)) static inline struct unmap_outcome
page_table_unmap(const struct page_table *table, virt_addr page, enum page_size size);

/* What becomes of the accessed and dirty bits of a leaf whose flags are changed. */
enum accessed_dirty {
    ACCESSED_DIRTY_KEEP,    /* a bit that is set stays set */
    ACCESSED_DIRTY_REPLACE, /* they are what the new flags say */
};

enum update_result {
    UPDATE_OK,
    UPDATE_NOT_MAPPED,
    UPDATE_INSIDE_HUGE_PAGE,
    UPDATE_OVER_TABLE,
    UPDATE_MISALIGNED,
    UPDATE_NOT_CANONICAL,
    UPDATE_BAD_FLAGS,
    UPDATE_BAD_SIZE,
    UPDATE_FEATURE_ABSENT,
};

struct update_outcome {
    enum update_result result;
    struct tlb_flush flush;
};

/* Gives the leaf of the page new flags, as for page_table_map_to; its frame stays. Tables on the
 * way are widened if the flags ask for it.
 * Flush: the page; everything, if a table was widened. */
__attribute__((warn_unused_result)) static inline struct update_outcome
page_table_update_flags(const struct page_table *table, virt_addr page, enum page_size size,
                        page_flags flags, enum accessed_dirty accessed_dirty);

/* Gives the entry of `level` (2..levels) that names the table on the way to `address` new flags;
 * for which, see page_table_map_to_with_table_flags. UPDATE_NOT_MAPPED: there is no such table;
 * UPDATE_INSIDE_HUGE_PAGE: the entry is a leaf, or one above it; UPDATE_BAD_SIZE: no such level.
 * Flush: everything, since any page below may be affected. */
__attribute__((warn_unused_result)) struct update_outcome
page_table_update_table_flags(const struct page_table *table, virt_addr address, unsigned level,
                              page_flags flags);

enum split_result {
    SPLIT_OK,
    SPLIT_NOT_MAPPED,
    SPLIT_INSIDE_HUGE_PAGE, /* a larger page is mapped there: split that first */
    SPLIT_OVER_TABLE,       /* it is split already */
    SPLIT_NO_FRAME,
    SPLIT_FRAME_UNREACHABLE,
    SPLIT_MISALIGNED,
    SPLIT_NOT_CANONICAL,
    SPLIT_BAD_SIZE,
};

struct split_outcome {
    enum split_result result;
    struct tlb_flush flush;
};

/* Replaces the huge page of `size` (2 MiB or 1 GiB) at `page` by 512 pages of the next smaller
 * size that translate every byte alike, with the same flags, PAT included.
 * frames: gives one frame, for the table.
 * Flush: the whole page: the CPU may have cached parts of it one by one. */
__attribute__((warn_unused_result)) struct split_outcome
page_table_split(const struct page_table *table, virt_addr page, enum page_size size,
                 struct frame_source *frames);

enum merge_result {
    MERGE_OK,
    MERGE_NOT_MAPPED,        /* one of the smaller pages, or all, are not */
    MERGE_INSIDE_HUGE_PAGE,  /* a page of that size, or a larger one, is mapped there already */
    MERGE_OVER_TABLE,        /* one of the smaller pages is itself made of smaller ones */
    MERGE_NOT_CONTIGUOUS,    /* their frames do not follow each other */
    MERGE_FRAME_MISALIGNED,  /* their first frame cannot be that of a huge page */
    MERGE_FLAGS_DIFFER,      /* in more than accessed and dirty */
    MERGE_MISALIGNED,
    MERGE_NOT_CANONICAL,
    MERGE_BAD_SIZE,
    MERGE_FEATURE_ABSENT,
};

struct merge_outcome {
    enum merge_result result;
    struct tlb_flush flush;
};

/* Replaces 512 pages by the huge page of `size` (2 MiB or 1 GiB) at `page` that translates every
 * byte alike. It is accessed or dirty if one of them was. What the entry of the table forbade, the
 * page forbids.
 * frames: takes the frame of the table, after a flush that happens here if the tables are active.
 * Flush: everything, if they are not. */
__attribute__((warn_unused_result)) struct merge_outcome
page_table_merge(const struct page_table *table, virt_addr page, enum page_size size,
                 struct frame_source *frames);

/* What each result means and what to do about it, in one phrase. */
const char *translate_result_text(enum translate_result result);
const char *page_result_text(enum page_result result);
const char *map_result_text(enum map_result result);
const char *update_result_text(enum update_result result);
const char *split_result_text(enum split_result result);
const char *merge_result_text(enum merge_result result);

/* The four operations that are called page by page are inlined into their callers. */
#include "mm/page_table_inline.h"
