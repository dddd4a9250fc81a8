/* All mappings as ranges: neighbours that differ in nothing but their place are one. */
#include "kernel/commands/commands.h"
#include "kernel/monitor/permission.h"
#include "kernel/paging/region.h"
#include "mm/page_tree.h"

/* Leaves that follow each other, with pages of one size, the same permissions and the same memory
 * type, in the same region. */
struct map_range {
    virt_addr start;
    virt_addr last;
    unsigned level; /* 0: there is none */
    page_flags permission;
    const char *memory_type;
    bool in_region;
    struct region region;
};

struct maps {
    struct monitor *monitor;
    page_flags above[PAGING_LEVELS_MAX + 2]; /* [level]: what the entries above that level allow */
    struct map_range range;
};

static void print_range(struct maps *maps)
{
    const struct map_range *range = &maps->range;
    char text[PERMISSION_BYTES];

    if (range->level == 0) {
        return;
    }
    console_print(maps->monitor->console, "%016lx-%016lx %s %s ", range->start.value,
                  range->last.value, page_size_name((enum page_size)range->level),
                  permission_text(range->permission, text));
    console_print_size(maps->monitor->console, range->last.value - range->start.value + 1);
    console_print(maps->monitor->console, "%s%s%s\n", range->memory_type,
                  range->in_region ? ", " : "", range->in_region ? range->region.name : "");
}

/* What the entry chooses by the PAT as the kernel has set it; "" for write-back memory. */
static const char *memory_type_text(const struct visited_entry *leaf)
{
    return (leaf->entry.bits & PAGE_CACHE_DISABLE) != 0           ? ", uncached"
           : (leaf->entry.bits & page_leaf_pat(leaf->level)) != 0 ? ", write-combining"
           : (leaf->entry.bits & PAGE_WRITE_THROUGH) != 0         ? ", write-through"
                                                                  : "";
}

static bool continues(const struct map_range *range, const struct map_range *next)
{
    return range->level == next->level && range->last.value + 1 == next->start.value &&
           range->permission.bits == next->permission.bits &&
           range->memory_type == next->memory_type && range->in_region == next->in_region &&
           (!next->in_region || range->region.start.value == next->region.start.value);
}

static void add_leaf(struct maps *maps, const struct visited_entry *entry, page_flags permission)
{
    unsigned levels = maps->monitor->kernel->page_table.levels;
    struct map_range next = {
        .start = entry->start,
        .last = virt_addr_add(entry->start, level_bytes(entry->level) - 1),
        .level = entry->level,
        .permission = permission,
        .memory_type = memory_type_text(entry),
    };

    next.in_region = region_find(entry->start, levels, &next.region);
    if (continues(&maps->range, &next)) {
        maps->range.last = next.last;
        return;
    }
    print_range(maps);
    maps->range = next;
}

static bool visit_entry(void *context, const struct visited_entry *entry)
{
    struct maps *maps = context;
    page_flags permission = permission_after(maps->above[entry->level], entry->entry);

    if (entry->recursive) {
        print_range(maps);
        maps->range.level = 0;
        console_print(maps->monitor->console, "%016lx-%016lx the tables themselves, 4 KiB each\n",
                      entry->start.value, entry->start.value + level_bytes(entry->level) - 1);
    } else if (entry->leaf) {
        add_leaf(maps, entry, permission);
    } else {
        maps->above[entry->level - 1] = permission;
    }
    return true;
}

void command_maps(struct monitor *monitor, const struct arguments *arguments)
{
    const struct page_table *tables = &monitor->kernel->page_table;
    struct maps maps = {.monitor = monitor};

    (void)arguments;
    maps.above[tables->levels] = page_flags_of(PERMISSION_ALL);
    page_table_visit(tables, visit_entry, &maps);
    print_range(&maps);
}
