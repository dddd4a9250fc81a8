#include "kernel/boot_info/memory_map.h"

#include "kernel/lib/string.h"

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

/* Regions before they are as few as a map has room for. A range that is added to a full map can
 * fill each gap between its regions, and the two ends. */
struct region_list {
    size_t count;
    struct memory_region regions[2 * MEMORY_MAP_CAPACITY + 1];
};

/* Too large for the stack. Maps are made while only one CPU runs. */
static struct region_list list;

/* Appends [start, end), joined to the last region where they touch and agree. */
static void append(uint64_t start, uint64_t end, enum memory_type type)
{
    struct memory_region *last = list.count > 0 ? &list.regions[list.count - 1] : NULL;

    if (start >= end) {
        return;
    }
    if (last != NULL && last->end.value == start && last->type == type) {
        last->end.value = end;
        return;
    }
    list.regions[list.count++] = (struct memory_region){
        .start = phys_addr_of(start),
        .end = phys_addr_of(end),
        .type = type,
    };
}

static void remove_region(size_t index)
{
    memmove(&list.regions[index], &list.regions[index + 1],
            (list.count - index - 1) * sizeof list.regions[0]);
    list.count--;
}

/* Joins a region with the next one where they touch and agree. */
static void join_with_next(size_t index)
{
    struct memory_region *region = &list.regions[index];

    if (index + 1 < list.count && region[1].start.value == region->end.value &&
        region[1].type == region->type) {
        region->end = region[1].end;
        remove_region(index + 1);
    }
}

/* Makes one reserved region of the two nearest neighbours whose types are at most `last`, and not
 * usable. Returns: false if there are none. */
static bool merge_nearest(enum memory_type last)
{
    size_t nearest = list.count;
    uint64_t nearest_gap = UINT64_MAX;

    for (size_t i = 0; i + 1 < list.count; i++) {
        const struct memory_region *pair = &list.regions[i];
        uint64_t gap = pair[1].start.value - pair[0].end.value;

        if (pair[0].type != MEMORY_USABLE && pair[0].type <= last &&
            pair[1].type != MEMORY_USABLE && pair[1].type <= last && gap < nearest_gap) {
            nearest = i;
            nearest_gap = gap;
        }
    }
    if (nearest == list.count) {
        return false;
    }
    list.regions[nearest].end = list.regions[nearest + 1].end;
    list.regions[nearest].type = MEMORY_RESERVED;
    remove_region(nearest + 1);
    join_with_next(nearest);
    if (nearest > 0) {
        join_with_next(nearest - 1);
    }
    return true;
}

static uint64_t region_bytes(const struct memory_region *region)
{
    return region->end.value - region->start.value;
}

/* Returns: false if no region is usable. */
static bool drop_smallest_usable(struct memory_map *map)
{
    size_t smallest = list.count;

    for (size_t i = 0; i < list.count; i++) {
        if (list.regions[i].type == MEMORY_USABLE &&
            (smallest == list.count ||
             region_bytes(&list.regions[i]) < region_bytes(&list.regions[smallest]))) {
            smallest = i;
        }
    }
    if (smallest == list.count) {
        return false;
    }
    map->dropped_count++;
    map->dropped_bytes += region_bytes(&list.regions[smallest]);
    remove_region(smallest);
    return true;
}

/* Makes the list the map's, with as many regions as there is room for. */
static void store_list(struct memory_map *map)
{
    while (list.count > MEMORY_MAP_CAPACITY) {
        if (!merge_nearest(MEMORY_MODULE) && !drop_smallest_usable(map)) {
            (void)merge_nearest(MEMORY_KERNEL);
        }
    }
    memcpy(map->regions, list.regions, list.count * sizeof list.regions[0]);
    map->region_count = list.count;
}

static uint64_t lower(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t higher(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Rebuilds the map from left to right. `at` is the first byte of [start, end) that is not yet
 * written: what lies before it is in the list. */
static void overlay(struct memory_map *map, uint64_t start, uint64_t end, enum memory_type type)
{
    uint64_t at = start;

    list.count = 0;
    for (size_t i = 0; i < map->region_count; i++) {
        const struct memory_region *old = &map->regions[i];
        uint64_t shared_start = higher(old->start.value, start);
        uint64_t shared_end = lower(old->end.value, end);

        if (old->start.value >= end) {
            append(at, end, type);
            at = end;
        }
        append(old->start.value, lower(old->end.value, start), old->type);
        if (shared_start < shared_end) {
            append(at, shared_start, type);
            append(shared_start, shared_end, old->type > type ? old->type : type);
            at = shared_end;
        }
        append(higher(old->start.value, end), old->end.value, old->type);
    }
    append(at, end, type);
    store_list(map);
}

void memory_map_add(struct memory_map *map, uint64_t start, uint64_t length_bytes,
                    enum memory_type type)
{
    uint64_t page_bytes = page_size_bytes(PAGE_4K);
    uint64_t end;

    if (length_bytes == 0 || start >= PHYSICAL_END) {
        return;
    }
    end = length_bytes > PHYSICAL_END - start ? PHYSICAL_END : start + length_bytes;
    if (type == MEMORY_USABLE) {
        start = align_up(start, page_bytes);
        end = align_down(end, page_bytes);
    } else {
        start = align_down(start, page_bytes);
        end = align_up(end, page_bytes);
    }
    if (start < end) {
        overlay(map, start, end, type);
    }
}

void memory_map_claim_below(struct memory_map *map, phys_addr end, enum memory_type type)
{
    list.count = 0;
    for (size_t i = 0; i < map->region_count; i++) {
        const struct memory_region *region = &map->regions[i];

        if (region->type == MEMORY_USABLE) {
            append(region->start.value, lower(region->end.value, end.value), type);
            append(higher(region->start.value, end.value), region->end.value, MEMORY_USABLE);
        } else {
            append(region->start.value, region->end.value, region->type);
        }
    }
    store_list(map);
}

uint64_t memory_map_bytes(const struct memory_map *map, enum memory_type type)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < map->region_count; i++) {
        if (map->regions[i].type == type) {
            bytes += region_bytes(&map->regions[i]);
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
                .frame_count = region_bytes(region) >> PAGE_SHIFT,
            };
        }
    }
    return count;
}
