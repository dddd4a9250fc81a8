#include "kernel/boot_info/display_fault.h"

#include "kernel/screen/framebuffer.h"

const char *display_fault(const struct display *display, const struct memory_map *map,
                          unsigned physical_bits)
{
    const char *fault = framebuffer_fault(display, physical_bits);

    if (fault != NULL) {
        return fault;
    }
    uint64_t start = display->address.value;
    uint64_t end = start + framebuffer_bytes(display);
    for (size_t i = 0; i < map->region_count; i++) {
        const struct memory_region *region = &map->regions[i];
        if (region->type != MEMORY_RESERVED && region->start.value < end &&
            start < region->end.value) {
            return "the memory map has something else at its address";
        }
    }
    return NULL;
}
