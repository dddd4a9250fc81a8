#include "kernel/claims/scratch.h"

#include "mm/page_range.h"

/* The first page of an entry of the level-4 table, in the lower half, that is not present. */
static bool find_empty_entry(const struct page_table *tables, virt_addr *page)
{
    for (uint64_t index = 0; index < TABLE_ENTRY_COUNT / 2; index++) {
        struct translation translation;

        *page = virt_addr_of(index << level_shift(4));
        translation = page_table_translate(tables, *page);
        if (translation.result == TRANSLATE_NOT_MAPPED && translation.level == 4) {
            return true;
        }
    }
    return false;
}

bool scratch_begin(struct scratch *self, struct monitor *monitor)
{
    *self = (struct scratch){.monitor = monitor};
    if (!find_empty_entry(&monitor->kernel->page_table, &self->page)) {
        console_print(monitor->console, "  there is no empty entry in the level-4 table\n");
        return false;
    }
    while (self->frame_count < SCRATCH_FRAMES) {
        if (!frame_source_allocate(monitor->frames, 0, &self->frames[self->frame_count])) {
            console_print(monitor->console, "  there is no free frame\n");
            scratch_end(self);
            return false;
        }
        self->frame_count++;
    }
    return true;
}

void scratch_end(struct scratch *self)
{
    struct kernel *kernel = self->monitor->kernel;
    struct page_range range = page_range_of(self->page, SCRATCH_PAGES);

    (void)tlb_flush_now(page_table_unmap_range(&kernel->page_table, range));
    (void)tlb_flush_now(page_table_clean_up(&kernel->page_table, range, kernel->table_frames));
    while (self->frame_count > 0) {
        (void)frame_source_free(self->monitor->frames, 0, self->frames[--self->frame_count]);
    }
}

bool scratch_map(const struct scratch *self, unsigned page, phys_addr frame, uint64_t flags)
{
    struct kernel *kernel = self->monitor->kernel;
    uint64_t no_execute = kernel->page_table.features.no_execute ? PAGE_NO_EXECUTE : 0;
    enum map_result result = tlb_flush_now(
        page_table_map_to(&kernel->page_table, scratch_page(self, page), frame, PAGE_4K,
                          page_flags_of(PAGE_PRESENT | no_execute | flags), kernel->table_frames));

    if (result != MAP_OK) {
        console_print(self->monitor->console, "  cannot map: %s\n", map_result_text(result));
    }
    return result == MAP_OK;
}

volatile uint64_t *scratch_physical_word(const struct monitor *monitor, phys_addr frame)
{
    return mm_port_pointer(
        virt_addr_of(monitor->kernel->boot_info->physical_memory_offset + frame.value));
}
