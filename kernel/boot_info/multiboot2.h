/* The multiboot2 protocol: from the loader's tags to boot_info. Pure: also built for the host. */
#pragma once

#include "kernel/boot_info/boot_info.h"

/* What the loader leaves in EAX. */
#define MULTIBOOT2_MAGIC UINT32_C(0x36d76289)

/* Fills in what the tags at physical address `start` tell: memory map, command line, loader name,
 * display. `info` is zeroed by the caller.
 * Returns: NULL, or what is wrong with the tags. Nothing outside `memory` is read.
 * Source: Multiboot2 Specification 2.0, 3.6 "Boot information format". */
const char *multiboot2_parse(const struct boot_memory *memory, uint32_t magic, uint64_t start,
                             struct boot_info *info);
