/* What mm/ needs, for a program that keeps page tables which no CPU walks. docs/mm.md says what a
 * kernel does in each of these functions. */
#pragma once

#include "mm/address.h"

static inline void *mm_port_pointer(virt_addr address)
{
    return (void *)address.value;
}

static inline void mm_port_zero_table(void *table)
{
    __builtin_memset(table, 0, page_size_bytes(PAGE_4K));
}

static inline void mm_port_flush_page(virt_addr address)
{
    (void)address;
}

static inline void mm_port_flush_all(void)
{
}

static inline void mm_port_flush_owed(int change)
{
    (void)change;
}

static inline void mm_port_set_root(uint64_t cr3)
{
    (void)cr3;
}
