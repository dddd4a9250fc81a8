/* The kernel's own page tables: see layout/layout.h for what is where. */
#pragma once

#include "kernel/boot_info/boot_info.h"
#include "kernel/paging/strategy.h"
#include "mm/page_table.h"

/* Builds the tables of the kernel's address space, with the window of the fixed-offset strategy if
 * `strategy` is that, and with the map of physical memory and the recursive entry that `info` has.
 *
 * features, levels: of the CPU as it is set up.
 * access: how the new tables are reached while they are built.
 * Panics when there are not enough frames: a kernel without tables cannot go on.
 */
struct page_table kernel_space_build(const struct boot_info *info,
                                     struct paging_features features, unsigned levels,
                                     struct table_access access, enum access_strategy strategy,
                                     struct frame_source *frames);

/* Maps [start, start + bytes) of a device's memory at `page`, writable and not executable.
 * memory_type: the flags of a 4 KiB page that choose it.
 * Returns: where the first byte is visible once the tables are active. Panics for lack of frames.
 */
volatile uint8_t *kernel_space_map_device(const struct page_table *table, virt_addr page,
                                          phys_addr start, uint64_t bytes, page_flags memory_type,
                                          struct frame_source *frames);

/* To be called when all is mapped: cuts the map of physical memory at the end of the frames that
 * tables are in, which is a boundary of the memory map once these are marked.
 * Returns: that end, the lowest frame that `frames` has left. */
phys_addr kernel_space_finish(const struct page_table *table, struct range_source *frames);

/* Makes the tables active and calls function(argument) on the kernel stack of their address
 * space. What is on the stack in use is lost. */
_Noreturn void kernel_space_enter(const struct page_table *table, void (*function)(void *argument),
                                  void *argument);
