/* What mm/ needs, for tests on the host: see kernel/port/mm_port.h. Tables of linear access are
 * reached without a call; for all else there is a CPU in software. */
#pragma once

#include "mm/address.h"

#include "tests/host/host_cpu.h"

#include <string.h>

static inline void *mm_port_pointer(virt_addr address)
{
    return host_cpu_pointer(address.value);
}

static inline void mm_port_flush_page(virt_addr address)
{
    host_cpu_flush_page(address.value);
}

static inline void mm_port_flush_all(void)
{
    host_cpu_flush_all();
}

static inline void mm_port_zero_table(void *table)
{
    memset(table, 0, 4096);
}

static inline void mm_port_flush_owed(int change)
{
    host_cpu_flush_owed(change);
}

static inline void mm_port_set_root(uint64_t cr3)
{
    host_cpu_set_root(cr3);
}
