#include "mm/tlb_flush.h"

#include "mm_port.h"

void tlb_flush_apply(struct tlb_flush flush)
{
    for (uint64_t page = 0; page < flush.page_count; page++) {
        mm_port_flush_page(virt_addr_add(flush.start, page << PAGE_SHIFT));
    }
}
