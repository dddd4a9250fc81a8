/* Where the parts of the kernel image are: symbols that kernel.ld and entry.asm define. */
#pragma once

#include "kernel/layout/layout.h"

/* Physical: what runs before there is paging, and all the rest. */
extern const uint8_t image_entry_start[], image_entry_end[];
extern const uint8_t image_load_start[], image_load_end[];
extern const uint8_t image_text_start[], image_text_end[];
extern const uint8_t image_rodata_start[], image_rodata_end[];
extern const uint8_t image_data_start[], image_data_end[];
extern const uint8_t image_boot_info_start[], image_boot_info_end[];
extern const uint8_t image_stacks_start[], image_stacks_end[];
extern const uint8_t boot_stack_top[];

/* The physical address of something inside the image. */
static inline phys_addr image_physical(const void *address)
{
    return phys_addr_of((uint64_t)address - LAYOUT_KERNEL);
}
