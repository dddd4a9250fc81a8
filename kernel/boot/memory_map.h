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
    MEMORY_PAGE_TABLES,
    MEMORY_BOOT_INFO,
    MEMORY_MODULE,
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

enum { MEMORY_MAP_CAPACITY = 256 };

struct memory_map {
    size_t region_count;
    struct memory_region regions[MEMORY_MAP_CAPACITY];
};

enum memory_map_result {
    MEMORY_MAP_OK,
    MEMORY_MAP_FULL, /* more than MEMORY_MAP_CAPACITY regions would be needed */
};

/* Says that [start, start + length_bytes) is of `type`. Neither need be aligned: a usable region
 * shrinks to whole pages, any other grows to them. Empty ranges, and the part of a range beyond
 * 2^52, are left out. Where the range overlaps what is known, the higher type stays.
 * Returns: MEMORY_MAP_FULL with the map unchanged. */
__attribute__((warn_unused_result)) enum memory_map_result
memory_map_add(struct memory_map *map, uint64_t start, uint64_t length_bytes,
               enum memory_type type);

/* Turns all usable memory below `end` into `type`. */
__attribute__((warn_unused_result)) enum memory_map_result
memory_map_claim_below(struct memory_map *map, phys_addr end, enum memory_type type);

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
