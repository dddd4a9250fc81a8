#include "mm/temporary_slots.h"

static struct page_entry *entries_of(const struct temporary_slots *slots)
{
    return mm_port_pointer(slots->table);
}

static virt_addr page_of(const struct temporary_slots *slots, unsigned index)
{
    return virt_addr_add(slots->window, (uint64_t)index << PAGE_SHIFT);
}

enum temporary_result temporary_slots_map(const struct temporary_slots *slots, phys_addr frame,
                                          virt_addr *page)
{
    struct page_entry *entries = entries_of(slots);

    for (unsigned index = 0; index < TABLE_ENTRY_COUNT; index++) {
        if (!page_entry_is_present(page_entry_load(&entries[index]))) {
            page_entry_store(&entries[index],
                             (struct page_entry){frame.value | slots->flags.bits});
            *page = page_of(slots, index);
            return TEMPORARY_OK;
        }
    }
    return TEMPORARY_FULL;
}

enum temporary_result temporary_slots_unmap(const struct temporary_slots *slots, virt_addr page)
{
    struct page_entry *entries = entries_of(slots);
    uint64_t index = (page.value - slots->window.value) >> PAGE_SHIFT;

    if (index >= TABLE_ENTRY_COUNT || page.value == slots->table.value ||
        page.value != page_of(slots, (unsigned)index).value ||
        !page_entry_is_present(page_entry_load(&entries[index]))) {
        return TEMPORARY_NOT_OURS;
    }
    page_entry_store(&entries[index], (struct page_entry){0});
    mm_port_flush_page(page);
    return TEMPORARY_OK;
}

unsigned temporary_slots_free(const struct temporary_slots *slots)
{
    struct page_entry *entries = entries_of(slots);
    unsigned free_count = 0;

    for (unsigned index = 0; index < TABLE_ENTRY_COUNT; index++) {
        free_count += page_entry_is_present(page_entry_load(&entries[index])) ? 0 : 1;
    }
    return free_count;
}

const char *temporary_result_text(enum temporary_result result)
{
    switch (result) {
    case TEMPORARY_OK:
        return "ok";
    case TEMPORARY_FULL:
        return "all 511 entries are in use: unmap one first";
    case TEMPORARY_NOT_OURS:
        return "the address is not that of a temporary mapping";
    }
    return "no such result";
}
