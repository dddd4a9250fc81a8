#include "kernel/monitor/guard.h"

#include "kernel/paging/region.h"
#include "kernel/screen/framebuffer.h"
#include "mm/page_tree.h"

/* Whether the entry of the root that covers the address names the root. */
static bool is_recursive(const struct page_table *tables, virt_addr address)
{
    struct path_entry path[PAGING_LEVELS_MAX];

    return page_table_path(tables, address, path) > 0 && page_entry_is_present(path[0].entry) &&
           page_entry_table(path[0].entry).value == tables->root.value;
}

/* Why the mappings of a region must stay as they are, or NULL. */
static const char *reason_of(const struct monitor *monitor, const struct region *region)
{
    enum access_strategy access = monitor->kernel->options.access;

    switch (region->kind) {
    case REGION_PAGE_0:
        return NULL;
    case REGION_IDENTITY:
        return access == STRATEGY_IDENTITY ? "page tables are reached there" : NULL;
    case REGION_FIXED:
        return access == STRATEGY_FIXED ? "page tables are reached there" : NULL;
    case REGION_PHYSICAL_MEMORY:
        return monitor->kernel->boot_info->has_physical_memory
                   ? "page tables and the kernel's frames are reached there"
                   : NULL;
    case REGION_STACK_GUARD:
        return "it must stay unmapped for a stack overflow to be noticed";
    case REGION_STACK:
        return "a stack of the kernel's is there";
    case REGION_DESCRIPTORS:
        return "the CPU finds the kernel's exception handlers there";
    case REGION_BOOT_INFO:
        return "what the kernel was told at boot is there";
    case REGION_TEMPORARY:
        return "the kernel changes its entries as it needs them";
    case REGION_FRAMEBUFFER:
        return monitor->kernel->console.framebuffer != NULL ? "the screen is reached there" : NULL;
    case REGION_VGA_TEXT:
        return monitor->console->screen.cells != NULL ? "the screen is reached there" : NULL;
    case REGION_LOCAL_APIC:
        return monitor->kernel->local_apic != NULL ? "the timer is reached there" : NULL;
    case REGION_RECURSIVE:
        return is_recursive(&monitor->kernel->page_table, region->start)
                   ? "the pages there are the page tables themselves"
                   : NULL;
    case REGION_TEXT:
    case REGION_RODATA:
    case REGION_DATA:
        return "the kernel itself is there";
    }
    return NULL;
}

/* Both distances are taken from a start, so that nothing is lost at 2^64. */
static bool region_overlaps(const struct region *region, virt_addr start, uint64_t bytes)
{
    return region->start.value - start.value < bytes ||
           start.value - region->start.value <= region->last.value - region->start.value;
}

const char *guard_mappings(const struct monitor *monitor, virt_addr start, uint64_t bytes)
{
    for (size_t i = 0; i < region_count(); i++) {
        struct region region = region_at(i, monitor->kernel->page_table.levels);
        const char *reason =
            region_overlaps(&region, start, bytes) ? reason_of(monitor, &region) : NULL;
        if (reason != NULL) {
            return reason;
        }
    }
    return NULL;
}

bool guard_tables_are_pages(const struct monitor *monitor, virt_addr start, uint64_t bytes)
{
    for (size_t i = 0; i < region_count(); i++) {
        struct region region = region_at(i, monitor->kernel->page_table.levels);
        if ((region.kind == REGION_TEMPORARY || region.kind == REGION_RECURSIVE) &&
            region_overlaps(&region, start, bytes) && reason_of(monitor, &region) != NULL) {
            return true;
        }
    }
    return false;
}

static bool overlaps(phys_addr start, uint64_t bytes, uint64_t other, uint64_t other_bytes)
{
    return start.value < other + other_bytes && other < start.value + bytes;
}

struct table_search {
    phys_addr start;
    uint64_t bytes;
    bool found;
};

static bool compare_table(void *context, const struct visited_entry *entry)
{
    struct table_search *search = context;

    if (!entry->leaf && !entry->recursive &&
        overlaps(search->start, search->bytes, page_entry_table(entry->entry).value,
                 level_bytes(1))) {
        search->found = true;
    }
    return !search->found;
}

bool guard_is_table(const struct monitor *monitor, phys_addr address, uint64_t bytes)
{
    const struct page_table *tables = &monitor->kernel->page_table;
    struct table_search search = {
        .start = address,
        .bytes = bytes,
        .found = overlaps(address, bytes, tables->root.value, level_bytes(1)),
    };

    page_table_visit(tables, compare_table, &search);
    return search.found;
}

/* What lies below has no registers that end the machine, but the VGA screen. */
#define LEGACY_END UINT64_C(0x100000)

/* Whether a write would go to a device, other than to the screen. */
static bool is_device(const struct boot_info *info, phys_addr address, uint64_t bytes)
{
    const struct display *display = &info->display;
    struct memory_region region = memory_map_at(&info->memory_map, address);

    return address.value >= LEGACY_END && !memory_type_is_ram(region.type) &&
           !(display->kind == DISPLAY_FRAMEBUFFER &&
             overlaps(address, bytes, display->address.value, framebuffer_bytes(display)));
}

const char *guard_memory(const struct monitor *monitor, phys_addr address, uint64_t bytes)
{
    const struct memory_map *map = &monitor->kernel->boot_info->memory_map;
    const struct frame_range *notes = &monitor->general.buddy.metadata;

    if (is_device(monitor->kernel->boot_info, address, bytes)) {
        return "a device may be there, which can reset or stop the machine";
    }
    if (guard_is_table(monitor, address, bytes)) {
        return "a page table is there";
    }
    if (overlaps(address, bytes, notes->start.value, notes->frame_count << PAGE_SHIFT)) {
        return "the frame allocator's notes are there";
    }
    for (size_t i = 0; i < map->region_count; i++) {
        const struct memory_region *region = &map->regions[i];
        if ((region->type == MEMORY_KERNEL || region->type == MEMORY_BOOT_INFO) &&
            overlaps(address, bytes, region->start.value,
                     region->end.value - region->start.value)) {
            return "the kernel itself is there";
        }
    }
    return NULL;
}
