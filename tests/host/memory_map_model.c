#include "tests/host/memory_map_model.h"

static const uint64_t PAGE_BYTES = 4096;

void memory_map_model_begin(struct memory_map_model *self)
{
    self->region_count = 0;
    self->overflowed = false;
    for (size_t page = 0; page < MODEL_PAGES; page++) {
        self->types[page] = -1;
    }
}

/* The pages that a range touches, and one more on both sides. */
struct window {
    size_t first;
    size_t end;
};

static struct window window_of(uint64_t start, uint64_t length_bytes)
{
    uint64_t pages = length_bytes / PAGE_BYTES + 4; /* no more than 2^52: cannot wrap */
    uint64_t first = start / PAGE_BYTES > 0 ? start / PAGE_BYTES - 1 : 0;

    first = first < MODEL_PAGES ? first : MODEL_PAGES;
    return (struct window){first, first + pages < MODEL_PAGES ? first + pages : MODEL_PAGES};
}

/* The regions that begin in the window. */
static size_t count_starts(const struct memory_map_model *self, struct window window)
{
    size_t count = 0;

    for (size_t page = window.first; page < window.end; page++) {
        if (self->types[page] != -1 && (page == 0 || self->types[page] != self->types[page - 1])) {
            count++;
        }
    }
    return count;
}

/* Notes whether a map has room for what is known, after a change inside the window. */
static void count_again(struct memory_map_model *self, struct window window, size_t starts_before)
{
    self->region_count += count_starts(self, window) - starts_before;
    self->overflowed = self->overflowed || self->region_count > MEMORY_MAP_CAPACITY;
}

void memory_map_model_add(struct memory_map_model *self, uint64_t start, uint64_t length_bytes,
                          enum memory_type type)
{
    struct window window = window_of(start, length_bytes);
    size_t starts_before = count_starts(self, window);

    for (size_t page = window.first; page < window.end; page++) {
        uint64_t first = page * PAGE_BYTES;
        uint64_t last = first + PAGE_BYTES - 1;
        /* Distances from the start of the range, whose end may wrap. */
        bool has_first = first >= start && first - start < length_bytes;
        bool has_last = last >= start && last - start < length_bytes;
        bool has_start = start >= first && start <= last && length_bytes > 0;
        bool told = type == MEMORY_USABLE ? has_first && has_last
                                          : has_first || has_last || has_start;

        if (told && self->types[page] < (int)type) {
            self->types[page] = (int)type;
        }
    }
    count_again(self, window, starts_before);
}

void memory_map_model_claim_below(struct memory_map_model *self, uint64_t end,
                                  enum memory_type type)
{
    struct window window = window_of(0, end);
    size_t starts_before = count_starts(self, window);

    for (size_t page = 0; page < MODEL_PAGES && page * PAGE_BYTES < end; page++) {
        if (self->types[page] == MEMORY_USABLE) {
            self->types[page] = (int)type;
        }
    }
    count_again(self, window, starts_before);
}

static const char *shape_fault(const struct memory_map *map)
{
    if (map->region_count > MEMORY_MAP_CAPACITY) {
        return "more regions than there is room for";
    }
    for (size_t i = 0; i < map->region_count; i++) {
        const struct memory_region *region = &map->regions[i];

        if (region->start.value >= region->end.value ||
            (region->start.value | region->end.value) % PAGE_BYTES != 0) {
            return "a region is empty or not aligned";
        }
        if (i > 0 && region->start.value < region[-1].end.value) {
            return "regions overlap or are out of order";
        }
        if (i > 0 && region->start.value == region[-1].end.value &&
            region->type == region[-1].type) {
            return "two regions could be one";
        }
    }
    return "";
}

/* The type that the map has for a page, or -1; `*at` is a region that is not behind the page. */
static int type_in_map(const struct memory_map *map, uint64_t address, size_t *at)
{
    while (*at < map->region_count && map->regions[*at].end.value <= address) {
        (*at)++;
    }
    return *at < map->region_count && map->regions[*at].start.value <= address
               ? (int)map->regions[*at].type
               : -1;
}

const char *memory_map_model_compare(const struct memory_map_model *self,
                                     const struct memory_map *map, bool usable_first)
{
    const char *fault = shape_fault(map);
    uint64_t missing_bytes = 0;
    size_t at = 0;

    for (size_t page = 0; page < MODEL_PAGES && fault[0] == '\0'; page++) {
        int known = type_in_map(map, page * PAGE_BYTES, &at);
        int right = self->types[page];

        if (known == right) {
            continue;
        }
        if (!self->overflowed) {
            fault = "a page has another type, though there is room for all regions";
        } else if (known == MEMORY_USABLE) {
            fault = "memory is usable that was not told to be";
        } else if (right > MEMORY_USABLE && known == -1) {
            fault = "memory that is not usable was lost";
        } else if (known > right && known != MEMORY_RESERVED) {
            fault = "a region covers what it was not told";
        }
        missing_bytes += right == MEMORY_USABLE ? PAGE_BYTES : 0;
    }
    if (fault[0] != '\0') {
        return fault;
    }
    if (usable_first && missing_bytes > map->dropped_bytes) {
        return "usable memory is missing and was not counted";
    }
    if (!self->overflowed && map->dropped_count + map->dropped_bytes != 0) {
        return "usable memory was dropped, though there is room for all regions";
    }
    return "";
}
