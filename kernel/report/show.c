#include "kernel/report/show.h"

#include "kernel/cpu/registers.h"
#include "mm/page_tree.h"

void show_memory_map(struct console *console, const struct memory_map *map)
{
    console_print(console, "Memory map, %zu regions:\n", map->region_count);
    for (size_t i = 0; i < map->region_count; i++) {
        const struct memory_region *region = &map->regions[i];
        console_print(console, "  %012lx - %012lx  %-17s", region->start.value,
                      region->end.value - 1, memory_type_name(region->type));
        console_print_size(console, region->end.value - region->start.value);
        console_print(console, "\n");
    }
    for (enum memory_type type = 0; type < MEMORY_TYPE_COUNT; type++) {
        uint64_t bytes = memory_map_bytes(map, type);
        if (bytes != 0) {
            console_print(console, "  in all: %s, ", memory_type_name(type));
            console_print_size(console, bytes);
            console_print(console, "\n");
        }
    }
}

void show_flags(struct console *console, struct page_entry entry, unsigned level)
{
    static const struct {
        uint64_t bit;
        const char *name;
    } flags[] = {
        {PAGE_PRESENT, "P"},         {PAGE_WRITABLE, "W"},      {PAGE_USER, "U"},
        {PAGE_WRITE_THROUGH, "PWT"}, {PAGE_CACHE_DISABLE, "PCD"}, {PAGE_ACCESSED, "A"},
        {PAGE_DIRTY, "D"},           {PAGE_GLOBAL, "G"},        {PAGE_NO_EXECUTE, "NX"},
    };
    bool leaf = page_entry_is_leaf(entry, level);

    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if ((entry.bits & flags[i].bit) != 0) {
            console_print(console, " %s", flags[i].name);
        }
    }
    if (level > 1 && leaf) {
        console_print(console, " PS%s", (entry.bits & PAGE_PAT_HUGE) != 0 ? " PAT" : "");
    } else if (leaf && (entry.bits & PAGE_PAT_4K) != 0) {
        console_print(console, " PAT");
    }
}

/* Entries that follow each other and map consecutive memory with the same flags, as one line. */
struct run {
    struct console *console;
    const struct page_table *table;
    struct visited_entry first;
    unsigned entry_count;
};

enum { SHOW_LEVEL_LAST = 3 };

static void print_run(struct run *run)
{
    const struct visited_entry *entry = &run->first;
    unsigned index = virt_addr_index(entry->start, entry->level);

    if (run->entry_count == 0) {
        return;
    }
    console_print(run->console, "%*sL%u[%u", 2 * (int)(run->table->levels - entry->level) + 2, "",
                  entry->level, index);
    if (run->entry_count > 1) {
        console_print(run->console, "..%u", index + run->entry_count - 1);
    }
    console_print(run->console, "] 0x%016lx -> %s 0x%lx", entry->start.value,
                  entry->recursive ? "root"
                  : entry->leaf    ? "page"
                                   : "table",
                  entry->leaf ? page_leaf_address(entry->entry, entry->level).value
                              : page_entry_table(entry->entry).value);
    show_flags(run->console, entry->entry, entry->level);
    console_print(run->console, "\n");
    run->entry_count = 0;
}

static bool continues_run(const struct run *run, const struct visited_entry *entry)
{
    uint64_t bytes = level_bytes(run->first.level) * run->entry_count;

    return run->entry_count > 0 && entry->leaf && run->first.leaf &&
           entry->level == run->first.level &&
           entry->start.value == run->first.start.value + bytes &&
           (entry->entry.bits & ~(PAGE_ACCESSED | PAGE_DIRTY)) ==
               (run->first.entry.bits & ~(PAGE_ACCESSED | PAGE_DIRTY)) + bytes;
}

static bool show_entry(void *context, const struct visited_entry *entry)
{
    struct run *run = context;

    if (continues_run(run, entry)) {
        run->entry_count++;
    } else {
        print_run(run);
        run->first = *entry;
        run->entry_count = 1;
    }
    return entry->level > SHOW_LEVEL_LAST;
}

void show_tables(struct console *console, const struct page_table *table)
{
    struct run run = {.console = console, .table = table};

    console_print(console, "Page tables, %u levels, CR3 0x%lx:\n", table->levels, cr3_read());
    page_table_visit(table, show_entry, &run);
    print_run(&run);
}

void show_translation(struct console *console, const struct page_table *table, const char *name,
                      virt_addr address)
{
    struct translation translation = page_table_translate(table, address);

    console_print(console, "  %-24s 0x%016lx -> ", name, address.value);
    if (translation.result == TRANSLATE_OK) {
        console_print(console, "0x%lx (%s page)\n", translation.address.value,
                      page_size_name((enum page_size)translation.level));
    } else {
        console_print(console, "%s\n", translate_result_text(translation.result));
    }
}

void show_walk(struct console *console, const struct page_table *table, virt_addr address)
{
    struct path_entry path[PAGING_LEVELS_MAX];
    unsigned count = page_table_path(table, address, path);

    console_print(console, "  walk of 0x%lx from CR3 0x%lx:%s\n", address.value, cr3_read(),
                  count == 0 ? " not canonical" : "");
    for (unsigned i = 0; i < count; i++) {
        console_print(console, "    level %u [%3u] 0x%016lx", path[i].level, path[i].index,
                      path[i].entry.bits);
        if (!page_entry_is_present(path[i].entry)) {
            console_print(console, " not present\n");
        } else {
            console_print(console, " -> %s 0x%lx", path[i].leaf ? "page" : "table",
                          path[i].leaf ? page_leaf_address(path[i].entry, path[i].level).value
                                       : page_entry_table(path[i].entry).value);
            show_flags(console, path[i].entry, path[i].level);
            console_print(console, "\n");
        }
    }
}
