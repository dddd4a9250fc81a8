/* The names of the kernel's functions. The table is made from the linked image by
 * scripts/make/symbol_table.awk and linked in behind the code. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbol {
    uint32_t offset;      /* of the function, from LAYOUT_KERNEL */
    uint32_t name_offset; /* from the first name, which follows the last symbol */
};

struct symbol_table {
    uint64_t count;
    struct symbol symbols[]; /* ascending */
};

extern const struct symbol_table symbol_table;

/* The function that holds `address`, and how far into it that is; NULL if none does. */
const char *symbol_find(uint64_t address, uint64_t *offset);

/* The name of the function with this number, by address from 0; NULL beyond the last. */
const char *symbol_name(uint64_t index);

/* Finds the function whose name has these `length` characters; false if there is none. */
bool symbol_address(const char *name, size_t length, uint64_t *address);
