#include "mm/tlb_flush.h"

static void flush_pages(virt_addr start, uint32_t page_count)
{
    if (page_count == TLB_FLUSH_ALL) {
        mm_port_flush_all();
        return;
    }
    for (uint32_t page = 0; page < page_count; page++) {
        mm_port_flush_page(virt_addr_add(start, (uint64_t)page << PAGE_SHIFT));
    }
}

void tlb_flush_apply(struct tlb_flush flush)
{
    flush_pages(flush.start, flush.page_count);
    tlb_flush_consume(flush);
}

void tlb_batch_add(struct tlb_batch *batch, struct tlb_flush flush)
{
    if (flush.page_count == 0) {
        return;
    }
    if (batch->page_count != 0) {
        tlb_flush_consume(flush); /* the token of the batch stands for both */
    }
    if (flush.page_count == TLB_FLUSH_ALL || batch->page_count == TLB_FLUSH_ALL ||
        flush.page_count > TLB_FLUSH_PAGES_MAX - batch->page_count) {
        batch->page_count = TLB_FLUSH_ALL;
        return;
    }
    for (uint32_t page = 0; page < flush.page_count; page++) {
        batch->pages[batch->page_count++] =
            virt_addr_add(flush.start, (uint64_t)page << PAGE_SHIFT);
    }
}

void tlb_batch_flush(struct tlb_batch *batch)
{
    if (batch->page_count == 0) {
        return;
    }
    if (batch->page_count == TLB_FLUSH_ALL) {
        mm_port_flush_all();
    } else {
        for (uint32_t page = 0; page < batch->page_count; page++) {
            mm_port_flush_page(batch->pages[page]);
        }
    }
    batch->page_count = 0;
    mm_port_flush_owed(-1);
}
