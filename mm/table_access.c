#include "mm/table_access.h"

struct table_access table_access_linear(uint64_t base, phys_addr first, phys_addr end)
{
    return (struct table_access){
        .kind = ACCESS_LINEAR,
        .linear = {.base = base, .first = first, .end = end},
    };
}

struct table_access table_access_temporary(virt_addr table, virt_addr window, unsigned first_slot)
{
    return (struct table_access){
        .kind = ACCESS_TEMPORARY,
        .slot_flags = page_flags_of(PAGE_PRESENT | PAGE_WRITABLE),
        .temporary = {.table = table, .window = window, .first_slot = first_slot},
    };
}

struct table_access table_access_recursive(unsigned slot, virt_addr scratch)
{
    return (struct table_access){
        .kind = ACCESS_RECURSIVE,
        .slot_flags = page_flags_of(PAGE_PRESENT | PAGE_WRITABLE),
        .recursive = {.slot = slot, .scratch = scratch},
    };
}
