/* Commands that show translations and tables. */
#include "kernel/commands/commands.h"
#include "kernel/monitor/permission.h"
#include "kernel/paging/region.h"
#include "kernel/report/show.h"
#include "mm/page_tree.h"

/* An address as the tutorial writes it: sign extension, the index of each level, the offset. */
static void print_octal(struct monitor *monitor, virt_addr address)
{
    unsigned levels = monitor->kernel->page_table.levels;
    unsigned address_bits = level_shift(levels) + TABLE_INDEX_BITS;

    console_print(monitor->console, "0o%0*lo", (int)(64 - address_bits + 2) / 3,
                  address.value >> address_bits);
    for (unsigned level = levels; level > 0; level--) {
        console_print(monitor->console, "_%03o", virt_addr_index(address, level));
    }
    console_print(monitor->console, "_%04lo", address.value & (level_bytes(1) - 1));
}

static void print_not_canonical(struct monitor *monitor, virt_addr address)
{
    console_print(monitor->console,
                  "0x%lx is not canonical: bits 63 to %u must be equal with %u levels\n",
                  address.value, monitor->kernel->page_table.levels == 4 ? 47 : 56,
                  monitor->kernel->page_table.levels);
}

/* What there is at the address by the kernel's layout. */
static void print_region(struct monitor *monitor, virt_addr address)
{
    struct region region;

    if (region_find(address, monitor->kernel->page_table.levels, &region)) {
        console_print(monitor->console, " [%s]", region.name);
    }
}

static void print_translation(struct monitor *monitor, virt_addr address)
{
    struct translation translation = page_table_translate(&monitor->kernel->page_table, address);
    char text[PERMISSION_BYTES];

    if (translation.result == TRANSLATE_NOT_CANONICAL) {
        print_not_canonical(monitor, address);
        return;
    }
    console_print(monitor->console, "0x%lx -> ", address.value);
    if (translation.result == TRANSLATE_NOT_MAPPED) {
        console_print(monitor->console, "not mapped: the entry of level %u is not present",
                      translation.level);
    } else {
        console_print(monitor->console, "0x%lx, %s page, %s", translation.address.value,
                      page_size_name((enum page_size)translation.level),
                      permission_text(translation.effective, text));
    }
    print_region(monitor, address);
    console_print(monitor->console, "\n");
}

void command_translate(struct monitor *monitor, const struct arguments *arguments)
{
    print_translation(monitor, arguments->address);
}

static void print_step(struct monitor *monitor, const struct path_entry *step, phys_addr table,
                       page_flags permission)
{
    char text[PERMISSION_BYTES];

    console_print(monitor->console, "  %u    %3u = 0o%03o  0x%-12lx  0x%016lx  ", step->level,
                  step->index, step->index, table.value, step->entry.bits);
    if (!page_entry_is_present(step->entry)) {
        console_print(monitor->console, "----    not present\n");
        return;
    }
    console_print(monitor->console, "%s   ", permission_text(permission, text));
    show_flags(monitor->console, step->entry, step->level);
    console_print(monitor->console, "\n");
}

void command_walk(struct monitor *monitor, const struct arguments *arguments)
{
    const struct page_table *tables = &monitor->kernel->page_table;
    struct path_entry path[PAGING_LEVELS_MAX];
    page_flags permission = page_flags_of(PERMISSION_ALL);
    phys_addr table = tables->root;
    virt_addr address = arguments->address;
    unsigned count = page_table_path(tables, address, path);
    if (count == 0) {
        print_not_canonical(monitor, address);
        return;
    }
    print_octal(monitor, address);
    console_print(monitor->console,
                  ", %u levels\nlevel  index        table           entry"
                  "               so far  flags\n",
                  tables->levels);
    for (unsigned i = 0; i < count; i++) {
        permission = permission_after(permission, path[i].entry);
        print_step(monitor, &path[i], table, permission);
        table = page_entry_table(path[i].entry);
    }
    print_translation(monitor, address);
}

enum { COUNTED_LEVELS = PAGING_LEVELS_MAX + 1 };

static bool count_table(void *context, const struct visited_entry *entry)
{
    uint64_t *counts = context;

    if (!entry->leaf && !entry->recursive) {
        counts[entry->level - 1]++;
    }
    return true;
}

void command_tables(struct monitor *monitor, const struct arguments *arguments)
{
    const struct page_table *tables = &monitor->kernel->page_table;
    uint64_t counts[COUNTED_LEVELS] = {0};
    uint64_t sum = 0;

    (void)arguments;
    show_tables(monitor->console, tables);
    counts[tables->levels] = 1;
    page_table_visit(tables, count_table, counts);
    console_print(monitor->console, "Tables by level:");
    for (unsigned level = tables->levels; level > 0; level--) {
        console_print(monitor->console, "%s %lu of level %u", sum > 0 ? "," : "", counts[level],
                      level);
        sum += counts[level];
    }
    console_print(monitor->console, "; %lu in all, ", sum);
    console_print_size(monitor->console, sum * level_bytes(1));
    console_print(monitor->console, "\n");
}

void command_layout(struct monitor *monitor, const struct arguments *arguments)
{
    (void)arguments;
    for (size_t i = 0; i < region_count(); i++) {
        struct region region = region_at(i, monitor->kernel->page_table.levels);
        console_print(monitor->console, "%016lx-%016lx %-9s  %s\n", region.start.value,
                      region.last.value, region.short_name != NULL ? region.short_name : "",
                      region.name);
    }
}
