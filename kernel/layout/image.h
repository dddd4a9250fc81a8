/* Where the parts of the kernel image are: symbols that kernel.ld and entry.asm define. */
#pragma once

#include "mm/address.h"

/* The difference between where the image is linked and where it is loaded. */
#define IMAGE_BASE UINT64_C(0xffffffff80000000)

extern const uint8_t image_load_start[]; /* physical */
extern const uint8_t image_load_end[];   /* physical */
extern const uint8_t image_text_start[], image_text_end[];
extern const uint8_t image_rodata_start[], image_rodata_end[];
extern const uint8_t image_data_start[], image_data_end[];
extern const uint8_t image_boot_info_start[], image_boot_info_end[];
extern const uint8_t image_stacks_start[], image_stacks_end[];
extern const uint8_t boot_stack_top[];

/* The physical address of something inside the image. */
static inline phys_addr image_physical(const void *address)
{
    return phys_addr_of((uint64_t)address - IMAGE_BASE);
}

/* Leaves 4-level paging for 5-level paging, on the boot tables. Needs: a CPU with LA57, the boot
 * tables active, interrupts off. The GDT must be loaded again afterwards. */
void five_levels_enter(void);
