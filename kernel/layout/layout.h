/* Where things are in the kernel's address space: the same with four and with five levels.
 *
 * Kernel, stacks, boot info and physical memory are in different entries of the level-4 table.
 */
#pragma once

#include "mm/address.h"

/* Page 0 is never mapped, so that a null pointer faults. */
#define LAYOUT_IDENTITY UINT64_C(0x0)
#define LAYOUT_IDENTITY_END UINT64_C(0x200000)

/* Where the fixed-offset strategy shows page tables: 10 TiB. */
#define LAYOUT_FIXED_OFFSET UINT64_C(0xa0000000000)

/* All RAM, at this distance from its physical address. */
#define LAYOUT_PHYSICAL_MEMORY UINT64_C(0xffff800000000000)
#define LAYOUT_PHYSICAL_MEMORY_END UINT64_C(0xffffc00000000000)

/* Stacks: a slot for each, of which the upper end is mapped and the rest is the guard. */
#define LAYOUT_STACKS UINT64_C(0xffffd00000000000)
#define LAYOUT_STACK_SLOT_BYTES UINT64_C(0x40000)

/* GDT, TSS and IDT: here the CPU finds them, whatever becomes of the kernel's data. */
#define LAYOUT_DESCRIPTORS UINT64_C(0xffffd00800000000)

/* What the kernel was told at boot, read-only. */
#define LAYOUT_BOOT_INFO UINT64_C(0xffffd08000000000)

/* A level-1 table that maps itself with its last entry: the others are slots for temporary
 * mappings. */
#define LAYOUT_TEMPORARY UINT64_C(0xffffd10000000000)

/* The pixels of the screen, where there is no text screen. */
#define LAYOUT_FRAMEBUFFER UINT64_C(0xffffd18000000000)

/* Other devices that are reached as memory, uncached: the VGA text screen, the local APIC. */
#define LAYOUT_VGA_TEXT UINT64_C(0xffffd18040000000)
#define LAYOUT_LOCAL_APIC UINT64_C(0xffffd18040100000)

/* The entry of the root that names the root, when one is asked for. */
#define LAYOUT_RECURSIVE_SLOT 510u

/* The distance from where the image is loaded to where it is linked: see boot/kernel.ld. */
#define LAYOUT_KERNEL UINT64_C(0xffffffff80000000)
