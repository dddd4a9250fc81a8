/* The kernel's own page tables: see paging/layout.h for what is where. */
#pragma once

#include "kernel/boot/boot_info.h"
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

/* Maps the frames of a framebuffer at LAYOUT_FRAMEBUFFER, writable and not executable.
 * display: one without a fault. memory_type: the flags of a 4 KiB page that choose it.
 * Returns: where the first pixel is visible once the tables are active. Panics for want of frames.
 */
uint8_t *kernel_space_map_framebuffer(const struct page_table *table,
                                      const struct display *display, page_flags memory_type,
                                      struct frame_source *frames);

/* Makes the tables active and calls function(argument) on the kernel stack of their address
 * space. What is on the stack in use is lost. */
_Noreturn void kernel_space_enter(const struct page_table *table, void (*function)(void *argument),
                                  void *argument);
