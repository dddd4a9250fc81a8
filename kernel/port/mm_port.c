#include "mm_port.h"

#include "kernel/cpu/registers.h"

static int flushes_owed;

/* Source: Intel SDM volume 3, 4.10.4.1: a change of CR4.PGE invalidates all, a load of CR3 what is
 * not global and cached under the PCID that it loads. */
void mm_port_flush_all(void)
{
    uint64_t cr4 = cr4_read();

    if ((cr4 & (CR4_PAGE_GLOBAL | CR4_PCID)) != 0) {
        cr4_write(cr4 ^ CR4_PAGE_GLOBAL);
        cr4_write(cr4);
    } else {
        cr3_write(cr3_read());
    }
}

void mm_port_flush_owed(int change)
{
    flushes_owed += change;
}

int mm_port_flushes_owed(void)
{
    return flushes_owed;
}

void mm_port_set_root(uint64_t cr3)
{
    cr3_write(cr3);
}
