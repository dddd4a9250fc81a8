/* The PVH protocol, by which QEMU starts a kernel directly: from its start_info to boot_info.
 * Pure: also built for the host. */
#pragma once

#include "kernel/boot_info/boot_info.h"

/* Fills in what the start_info at physical address `start` tells: memory map and command line.
 * `info` is zeroed by the caller.
 * Returns: NULL, or what is wrong with the start_info. Nothing outside `memory` is read.
 * Source: Xen, "x86/HVM direct boot ABI", struct hvm_start_info. */
const char *pvh_parse(const struct boot_memory *memory, uint64_t start, struct boot_info *info);
