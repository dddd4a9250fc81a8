/* What mm/ needs, for benchmarks: tables in the memory of the program that no CPU walks, so that
 * there is nothing to flush and only the library's own work is measured. */
#pragma once

#include "mm/address.h"

#include <string.h>

static inline void *mm_port_pointer(virt_addr address)
{
    return (void *)address.value;
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

static inline void mm_port_zero_table(void *table)
{
    memset(table, 0, 4096);
}

static inline void mm_port_set_root(uint64_t cr3)
{
    (void)cr3;
}
