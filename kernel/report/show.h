/* Printing of memory and its tables for people. */
#pragma once

#include "kernel/boot_info/boot_info.h"
#include "kernel/console/console.h"
#include "mm/page_table.h"

/* Each region with its type, and what there is of each type. */
void show_memory_map(struct console *console, const struct memory_map *map);

/* CR3, the used entries of the root, and below each the used entries down to level 3. */
void show_tables(struct console *console, const struct page_table *table);

/* The names of the flags that are set in an entry of a table at `level`, each after a blank. */
void show_flags(struct console *console, struct page_entry entry, unsigned level);

/* Where `address` is in physical memory, in one line that begins with `name`. */
void show_translation(struct console *console, const struct page_table *table, const char *name,
                      virt_addr address);

/* Every entry that a translation of `address` reads. */
void show_walk(struct console *console, const struct page_table *table, virt_addr address);
