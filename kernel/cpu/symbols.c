#include "kernel/cpu/symbols.h"

#include "kernel/boot/image.h"

#include <stddef.h>

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
        if (IMAGE_BASE + symbol_table.symbols[middle].offset <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return NULL;
    }
    const struct symbol *found = &symbol_table.symbols[low - 1];
    *offset = address - IMAGE_BASE - found->offset;
    return (const char *)&symbol_table.symbols[symbol_table.count] + found->name_offset;
}
