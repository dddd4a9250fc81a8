/* The parts of the kernel's address space by name: layout/layout.h as a table. */
#pragma once

#include "mm/address.h"

#include <stddef.h>

enum region_kind {
    REGION_PAGE_0,
    REGION_IDENTITY,
    REGION_FIXED,
    REGION_PHYSICAL_MEMORY,
    REGION_STACK_GUARD,
    REGION_STACK,
    REGION_DESCRIPTORS,
    REGION_BOOT_INFO,
    REGION_TEMPORARY,
    REGION_FRAMEBUFFER,
    REGION_VGA_TEXT,
    REGION_LOCAL_APIC,
    REGION_RECURSIVE,
    REGION_TEXT,
    REGION_RODATA,
    REGION_DATA,
};

struct region {
    enum region_kind kind;
    virt_addr start;
    virt_addr last; /* inclusive: a region may end at 2^64 - 1 */
    const char *name;
    const char *short_name; /* one word for `start`, or NULL */
};

size_t region_count(void);

/* The region with this index in a space with `levels` levels. Ascending, but for the recursive
 * region with five levels. */
struct region region_at(size_t index, unsigned levels);

/* Finds the region that holds the address; false if it is in none. */
bool region_find(virt_addr address, unsigned levels, struct region *region);
