/* What mm/ needs, for tests on the host: see kernel/port/mm_port.h. */
#pragma once

#include "mm/address.h"

#include <string.h>

/* Addresses of linear access are those of the host program itself. */
static inline void *mm_port_pointer(virt_addr address)
{
    return (void *)address.value;
}

static inline void mm_port_flush_page(virt_addr address)
{
    (void)address;
}

static inline void mm_port_zero_table(void *table)
{
    memset(table, 0, 4096);
}
