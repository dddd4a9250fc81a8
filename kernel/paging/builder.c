#include "kernel/paging/builder.h"

#include "kernel/panic/panic.h"

void builder_map(const struct builder *builder, uint64_t page, phys_addr frame, uint64_t bytes,
                 enum range_pages pages, uint64_t flags)
{
    if (!builder->table.features.no_execute) {
        flags &= ~PAGE_NO_EXECUTE;
    }
    enum map_result result = tlb_flush_ignore(page_table_map_range(
        &builder->table, page_range_of(virt_addr_of(page), bytes >> PAGE_SHIFT), frame, pages,
        page_flags_of(PAGE_PRESENT | flags), builder->frames));
    if (result != MAP_OK) {
        PANIC("cannot map 0x%lx in the kernel's address space: %s", page, map_result_text(result));
    }
}
