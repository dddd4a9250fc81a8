/* The map of physical memory: regions that are page-aligned, ascending and do not overlap.
 * Pure: also built for the host. */
#pragma once

#include "mm/frame_source.h"

/* What a region is, from the most available to the least: where two claims overlap, the later
 * value of this list wins. */
enum memory_type {
    MEMORY_USABLE,
    MEMORY_BIOS_DATA, /* page 0, if it is RAM: its frame holds what the BIOS left there */
    MEMORY_ACPI_RECLAIMABLE,
    MEMORY_ACPI_NVS,
    MEMORY_RESERVED,
    MEMORY_BAD,
    MEMORY_MODULE, /* up to here: what the boot loader and the firmware tell */
    MEMORY_PAGE_TABLES,
    MEMORY_BOOT_INFO,
    MEMORY_KERNEL,
    MEMORY_TYPE_COUNT,
};

const char *memory_type_name(enum memory_type type);

/* RAM is what may be mapped as cached memory: every type but reserved and bad. */
bool memory_type_is_ram(enum memory_type type);

struct memory_region {
    phys_addr start;
    phys_addr end; /* exclusive */
    enum memory_type type;
};

/* The firmware of a desktop computer is on record with 312 regions. A map that would need more
 * regions than there is room for does the first of these that it can, until they fit:
 *   1. Of the regions that firmware and loader do not call usable, the two nearest neighbours become
 *      one reserved region. Nothing usable lies between them.
 *   2. The smallest usable region is left out and counted.
 *   3. The two nearest neighbours in use by the kernel become one reserved region.
 * So what is not usable never becomes usable. */
enum { MEMORY_MAP_CAPACITY = 1024 };

struct memory_map {
    size_t region_count;
    size_t dropped_count;   /* usable regions that were left out, */
    uint64_t dropped_bytes; /* and their bytes */
    struct memory_region regions[MEMORY_MAP_CAPACITY];
};

/* Says that [start, start + length_bytes) is of `type`. Neither need be aligned: a usable region
 * shrinks to whole pages, any other grows to them. Empty ranges, and the part of a range beyond
 * 2^52, are left out. Where the range overlaps what is known, the higher type stays.
 * There is always room. Whoever adds many regions adds the usable ones first: a usable region may
 * lie where others have been made one. */
void memory_map_add(struct memory_map *map, uint64_t start, uint64_t length_bytes,
                    enum memory_type type);

/* Turns all usable memory below `end` into `type`. */
void memory_map_claim_below(struct memory_map *map, phys_addr end, enum memory_type type);

/* Bytes of all regions of `type`. */
uint64_t memory_map_bytes(const struct memory_map *map, enum memory_type type);

/* The end of the highest region that is RAM. 0 if there is none. */
phys_addr memory_map_ram_end(const struct memory_map *map);

/* The region that holds `address`. An address that no region holds is in a gap, which is returned
 * as a region of the type MEMORY_TYPE_COUNT: it ends where the next region starts, the last one at
 * 2^52. Costs O(log regions). */
struct memory_region memory_map_at(const struct memory_map *map, phys_addr address);

/* Lists the usable regions as ranges of frames, for a range_source. `ranges` holds at least
 * MEMORY_MAP_CAPACITY elements. Returns how many there are. */
size_t memory_map_usable_ranges(const struct memory_map *map, struct frame_range *ranges);
