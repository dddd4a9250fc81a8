#include "kernel/layout/symbols.h"

#include "kernel/layout/image.h"
#include "kernel/lib/string.h"

const char *symbol_find(uint64_t address, uint64_t *offset)
{
    uint64_t low = 0;
    uint64_t high = symbol_table.count;

    if (address < (uint64_t)image_text_start || address >= (uint64_t)image_text_end) {
        return NULL;
    }
    /* Symbols before `low` start at or below the address, those from `high` on above it. */
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (LAYOUT_KERNEL + symbol_table.symbols[middle].offset <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return NULL;
    }
    *offset = address - LAYOUT_KERNEL - symbol_table.symbols[low - 1].offset;
    return symbol_name(low - 1);
}

const char *symbol_name(uint64_t index)
{
    if (index >= symbol_table.count) {
        return NULL;
    }
    return (const char *)&symbol_table.symbols[symbol_table.count] +
           symbol_table.symbols[index].name_offset;
}

bool symbol_address(const char *name, size_t length, uint64_t *address)
{
    for (uint64_t i = 0; i < symbol_table.count; i++) {
        const char *known = symbol_name(i);
        if (strlen(known) == length && memcmp(known, name, length) == 0) {
            *address = LAYOUT_KERNEL + symbol_table.symbols[i].offset;
            return true;
        }
    }
    return false;
}
