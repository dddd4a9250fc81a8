/* Windows on physical memory: a range of addresses where a range of physical memory is visible, at
 * a fixed distance.
 *
 * A page of a window lies within one region of the memory map, so that all of it has one memory
 * type. RAM is write-back memory, in the largest pages that fit; below 2 MiB, where the fixed-range
 * MTRRs give each 4 KiB a type of its own, in pages of 4 KiB. Nothing in a window can be executed.
 * What is read-only elsewhere is so in every window: the image's text and read-only data and the
 * boot info. So are the firmware's ACPI tables.
 *
 * Source: Intel SDM volume 3, 11.11.9 "Large Page Size Considerations".
 */
#pragma once

#include "kernel/boot_info/memory_map.h"
#include "kernel/paging/builder.h"

/* What a window shows of memory that is not RAM. */
enum window_rest {
    WINDOW_REST_UNMAPPED,
    WINDOW_REST_UNCACHED, /* as devices need it; a byte that nothing answers for reads as ones */
};

/* Makes the window in which [first, end) is visible at `offset` + physical address.
 * Panics for lack of frames. */
void physical_window_map(const struct builder *builder, uint64_t offset,
                         const struct memory_map *map, phys_addr first, phys_addr end,
                         enum window_rest rest);

/* Splits the huge pages of the window at `offset` until `boundary` is not inside one.
 * Panics for lack of frames. */
void physical_window_cut(const struct builder *builder, uint64_t offset, phys_addr boundary);
