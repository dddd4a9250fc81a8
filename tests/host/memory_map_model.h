/* A model of the map of physical memory that knows one type for each page, and no capacity. */
#pragma once

#include "kernel/boot_info/memory_map.h"

#include <stdbool.h>

/* Enough for three times as many regions as a map has room for. */
enum { MODEL_PAGES = 3 * 2 * MEMORY_MAP_CAPACITY };

struct memory_map_model {
    int types[MODEL_PAGES]; /* enum memory_type, or -1: nobody has told */
    size_t region_count;
    bool overflowed;        /* more regions were needed at some time than a map has room for */
};

void memory_map_model_begin(struct memory_map_model *self);

/* What memory_map_add does. */
void memory_map_model_add(struct memory_map_model *self, uint64_t start, uint64_t length_bytes,
                          enum memory_type type);

/* What memory_map_claim_below does. */
void memory_map_model_claim_below(struct memory_map_model *self, uint64_t end,
                                  enum memory_type type);

/* Compares. A map that never had too many regions agrees page by page. Of any other: what is usable
 * was usable, what was told not to be usable is in a region still, and when all usable memory was
 * added first the usable pages that are missing were counted.
 * Returns: "", or what is wrong. */
const char *memory_map_model_compare(const struct memory_map_model *self,
                                     const struct memory_map *map, bool usable_first);
