/* Whether a framebuffer can be where the firmware says. Pure: also built for the host. */
#pragma once

#include "kernel/boot_info/memory_map.h"
#include "kernel/screen/display.h"

/* What is wrong with what the firmware says of a framebuffer, or NULL if it can be drawn on.
 * map: the firmware's memory map; memory that is there for something else is not drawn on.
 * physical_bits: MAXPHYADDR. */
const char *display_fault(const struct display *display, const struct memory_map *map,
                          unsigned physical_bits);
