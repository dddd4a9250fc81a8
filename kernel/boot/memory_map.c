#include "kernel/boot/memory_map.h"

static const uint64_t PHYSICAL_END = UINT64_C(1) << PHYS_ADDR_BITS_MAX;

const char *memory_type_name(enum memory_type type)
{
    static const char *const names[MEMORY_TYPE_COUNT] = {
        [MEMORY_USABLE] = "usable",
        [MEMORY_BIOS_DATA] = "BIOS data",
        [MEMORY_ACPI_RECLAIMABLE] = "ACPI reclaimable",
        [MEMORY_ACPI_NVS] = "ACPI NVS",
        [MEMORY_RESERVED] = "reserved",
        [MEMORY_BAD] = "bad",
        [MEMORY_PAGE_TABLES] = "page tables",
        [MEMORY_BOOT_INFO] = "boot info",
        [MEMORY_MODULE] = "module",
        [MEMORY_KERNEL] = "kernel",
    };
    return (unsigned)type < MEMORY_TYPE_COUNT ? names[type] : "unknown";
}

bool memory_type_is_ram(enum memory_type type)
{
    return (unsigned)type < MEMORY_TYPE_COUNT && type != MEMORY_RESERVED && type != MEMORY_BAD;
}

/* Appends [start, end), joined to the last region where they touch and agree. */
static bool append(struct memory_map *map, uint64_t start, uint64_t end, enum memory_type type)
{
    if (start >= end) {
        return true;
    }
    if (map->region_count > 0) {
        struct memory_region *last = &map->regions[map->region_count - 1];
        if (last->end.value == start && last->type == type) {
            last->end.value = end;
            return true;
        }
    }
    if (map->region_count == MEMORY_MAP_CAPACITY) {
        return false;
    }
    map->regions[map->region_count++] = (struct memory_region){
        .start = phys_addr_of(start),
        .end = phys_addr_of(end),
        .type = type,
    };
    return true;
}

static uint64_t lower(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t higher(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Builds the map anew from left to right. `at` is the first byte of [start, end) that is not yet
 * written: what lies before it is in `merged`. */
static enum memory_map_result overlay(struct memory_map *map, uint64_t start, uint64_t end,
                                      enum memory_type type)
{
    struct memory_map merged;
    uint64_t at = start;
    bool fits = true;

    merged.region_count = 0;
    for (size_t i = 0; i < map->region_count; i++) {
        const struct memory_region *old = &map->regions[i];
        uint64_t shared_start = higher(old->start.value, start);
        uint64_t shared_end = lower(old->end.value, end);

        if (old->start.value >= end) {
            fits = fits && append(&merged, at, end, type);
            at = end;
        }
        fits = fits && append(&merged, old->start.value, lower(old->end.value, start), old->type);
        if (shared_start < shared_end) {
            fits = fits && append(&merged, at, shared_start, type) &&
                   append(&merged, shared_start, shared_end, old->type > type ? old->type : type);
            at = shared_end;
        }
        fits = fits && append(&merged, higher(old->start.value, end), old->end.value, old->type);
    }
    fits = fits && append(&merged, at, end, type);
    if (!fits) {
        return MEMORY_MAP_FULL;
    }
    *map = merged;
    return MEMORY_MAP_OK;
}

enum memory_map_result memory_map_add(struct memory_map *map, uint64_t start,
                                      uint64_t length_bytes, enum memory_type type)
{
    uint64_t page_bytes = page_size_bytes(PAGE_4K);
    uint64_t end;

    if (length_bytes == 0 || start >= PHYSICAL_END) {
        return MEMORY_MAP_OK;
    }
    end = length_bytes > PHYSICAL_END - start ? PHYSICAL_END : start + length_bytes;
    if (type == MEMORY_USABLE) {
        start = align_up(start, page_bytes);
        end = align_down(end, page_bytes);
    } else {
        start = align_down(start, page_bytes);
        end = align_up(end, page_bytes);
    }
    return start < end ? overlay(map, start, end, type) : MEMORY_MAP_OK;
}

enum memory_map_result memory_map_claim_below(struct memory_map *map, phys_addr end,
                                              enum memory_type type)
{
    struct memory_map claimed = *map;

    for (size_t i = 0; i < map->region_count; i++) {
        const struct memory_region *region = &map->regions[i];
        uint64_t region_end = lower(region->end.value, end.value);

        if (region->type == MEMORY_USABLE && region->start.value < region_end &&
            overlay(&claimed, region->start.value, region_end, type) != MEMORY_MAP_OK) {
            return MEMORY_MAP_FULL;
        }
    }
    *map = claimed;
    return MEMORY_MAP_OK;
}

uint64_t memory_map_bytes(const struct memory_map *map, enum memory_type type)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < map->region_count; i++) {
        if (map->regions[i].type == type) {
            bytes += map->regions[i].end.value - map->regions[i].start.value;
        }
    }
    return bytes;
}

phys_addr memory_map_ram_end(const struct memory_map *map)
{
    for (size_t i = map->region_count; i > 0; i--) {
        const struct memory_region *region = &map->regions[i - 1];
        if (memory_type_is_ram(region->type)) {
            return region->end;
        }
    }
    return phys_addr_of(0);
}

struct memory_region memory_map_at(const struct memory_map *map, phys_addr address)
{
    size_t first = 0;
    size_t end = map->region_count;

    /* The regions before `first` end at or below the address; those from `end` on end above it. */
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if (map->regions[middle].end.value <= address.value) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    if (first < map->region_count && map->regions[first].start.value <= address.value) {
        return map->regions[first];
    }
    return (struct memory_region){
        .start = first > 0 ? map->regions[first - 1].end : phys_addr_of(0),
        .end = first < map->region_count ? map->regions[first].start : phys_addr_of(PHYSICAL_END),
        .type = MEMORY_TYPE_COUNT,
    };
}

size_t memory_map_usable_ranges(const struct memory_map *map, struct frame_range *ranges)
{
    size_t count = 0;

    for (size_t i = 0; i < map->region_count; i++) {
        const struct memory_region *region = &map->regions[i];
        if (region->type == MEMORY_USABLE) {
            ranges[count++] = (struct frame_range){
                .start = region->start,
                .frame_count = (region->end.value - region->start.value) >> PAGE_SHIFT,
            };
        }
    }
    return count;
}
