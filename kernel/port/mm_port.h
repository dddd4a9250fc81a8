/* What mm/ needs from the kernel that it runs in. */
#pragma once

#include "mm/address.h"

/* A pointer through which the bytes at a virtual address of the active tables can be reached. */
static inline void *mm_port_pointer(virt_addr address)
{
    void *pointer = (void *)address.value;

    /* Page 0 can be mapped: the compiler may not take a pointer into it for an error. */
    __asm__("" : "+r"(pointer));
    return pointer;
}

/* Drops what the CPU has cached of the translation of one page.
 * Source: Intel SDM volume 3, 4.10.4.1 "Operations that Invalidate TLBs and Paging-Structure
 * Caches". */
static inline void mm_port_flush_page(virt_addr address)
{
    __asm__ volatile("invlpg (%0)" : : "r"(address.value) : "memory");
}

/* Drops all cached translations, global ones and those under other PCIDs included. */
void mm_port_flush_all(void);

/* Loads CR3: the root, with the PCID in bits 0..11, and bit 63 if what is cached under it is to stay. */
void mm_port_set_root(uint64_t cr3);

/* Counts flush tokens that were made (+1) and consumed (-1). */
void mm_port_flush_owed(int change);

/* How many flush tokens are neither applied nor ignored. */
int mm_port_flushes_owed(void);

/* Fills 4096 bytes at `table` with zeros. */
static inline void mm_port_zero_table(void *table)
{
    uint64_t count = 512;

    __asm__ volatile("rep stosq" : "+D"(table), "+c"(count) : "a"(UINT64_C(0)) : "memory");
}
