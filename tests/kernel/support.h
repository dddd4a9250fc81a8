/* What several in-kernel tests need: frames that show what is done to them, and page tables that
 * are not in use. */
#pragma once

#include "kernel/state/kernel.h"
#include "mm/page_range.h"
#include "mm/page_tree.h"
#include "mm/walk.h"
#include "tests/kernel/checks.h"

enum { DIRTY_BYTE = 0xa5, TEST_FRAMES_MAX = 64 };

/* Frames that may be tables, filled with DIRTY_BYTE when they are handed out and otherwise when
 * they come back, counted, and given out again after they were freed. At most `limit` are out at a
 * time. */
struct test_frames {
    struct frame_source source;
    struct kernel *kernel;
    unsigned limit;
    unsigned in_use;
    unsigned taken_in_all;
};

/* One at a time. When the test ends, or begins with another one, all frames are taken back. Those
 * that are in use must then be tables of the test's trees, or be mapped in them: a frame that no
 * one can find was lost, and fails the test. So does a table in a frame that is not in use. */
void test_frames_init(struct test_frames *frames, struct test *test, unsigned limit);

/* An empty tree with `levels` levels, whose root comes from the frames, reached as the kernel's own
 * tables are. It is not active, unless access is recursive, which reaches active tables only: then
 * it has the kernel's upper half, and the CPU uses it until the frames are taken back. */
struct page_table test_table(struct test_frames *frames, unsigned levels);

/* The same as for a CPU with all 52 bits of a frame address, for mappings that no access will use. */
struct page_table test_table_of_wide_frames(struct test_frames *frames, unsigned levels);

/* Makes the tree at `root` one of the test's, if it is not from test_table; the CPU is taken off it
 * when the frames are taken back. */
void test_tree(phys_addr root, unsigned levels);

/* Maps a 4 KiB page of the kernel's own space to a frame of its own until the test ends; REQUIREs
 * that it works. Returns the frame. */
phys_addr map_kernel_page(struct test *test, virt_addr page, page_flags flags);

/* The numbers of levels that test_table can make a tree with: 4 and 5, but those in use alone for
 * a tree that has to be active. */
unsigned test_levels_first(const struct kernel *kernel);
unsigned test_levels_last(const struct kernel *kernel);

/* A value that changes when any bit of the tables for the lower half does, in entries that are not
 * present too, but for accessed and dirty. */
uint64_t tree_checksum(const struct page_table *table);

/* The byte of physical memory at `address`. */
volatile uint8_t *physical_byte(const struct kernel *kernel, phys_addr address);

/* Entry `index` of the table in a frame, as physical memory shows it. */
volatile uint64_t *physical_entry(const struct kernel *kernel, phys_addr table, unsigned index);

/* Access to tables by the map of all RAM, whatever the kernel itself uses. */
struct table_access physical_access(const struct kernel *kernel);

/* What the memory map calls the memory at `address`; MEMORY_TYPE_COUNT if it does not know it. */
enum memory_type memory_type_at(const struct kernel *kernel, phys_addr address);

/* The entry of `level` that a translation of `address` reads. */
struct page_entry *entry_of(const struct page_table *table, virt_addr address, unsigned level);

/* PRESENT, WRITABLE and, if the CPU has it, NO_EXECUTE. */
page_flags data_flags(const struct kernel *kernel);
