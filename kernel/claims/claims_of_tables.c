/* What the tutorial says about where tables are and how they are reached. */
#include "kernel/claims/claim.h"
#include "kernel/claims/scratch.h"
#include "kernel/layout/image.h"
#include "kernel/layout/layout.h"
#include "kernel/traps/exception.h"
#include "kernel/traps/exception_text.h"
#include "kernel/traps/stacks.h"
#include "mm/page_tree.h"
#include "mm/temporary_slots.h"

static struct page_entry entry_in_memory(const struct monitor *monitor, phys_addr table,
                                         unsigned index)
{
    return (struct page_entry){scratch_physical_word(monitor, table)[index]};
}

static enum claim_result show_physical_addresses(struct monitor *monitor)
{
    const struct page_table *tables = &monitor->kernel->page_table;
    struct path_entry path[PAGING_LEVELS_MAX];
    unsigned count = page_table_path(tables, virt_addr_of((uint64_t)image_text_start), path);
    phys_addr table = tables->root;

    for (unsigned i = 0; i < count; i++) {
        struct page_entry entry = entry_in_memory(monitor, table, path[i].index);
        console_print(monitor->console, "  level %u: at physical 0x%lx is entry 0x%lx\n",
                      path[i].level, table.value + path[i].index * sizeof entry, entry.bits);
        if (page_entry_table(entry).value != page_entry_table(path[i].entry).value) {
            return CLAIM_BROKEN;
        }
        table = page_entry_table(entry);
    }
    console_print(monitor->console, "  the last one is of the frame of the kernel's text, 0x%lx\n",
                  image_physical(image_text_start).value);
    return claim_result_of(count > 0 && page_leaf_address(path[count - 1].entry, 1).value ==
                                            image_physical(image_text_start).value);
}

static enum claim_result show_cr3(struct monitor *monitor)
{
    const struct page_table *tables = &monitor->kernel->page_table;

    console_print(monitor->console, "  CR3 is 0x%lx; the root is in frame 0x%lx\n", cr3_read(),
                  tables->root.value);
    return claim_result_of((cr3_read() & CR3_FRAME_MASK) == tables->root.value);
}

struct reached_tables {
    const struct monitor *monitor;
    uint64_t count;
    uint64_t entries;
};

static bool reach_table(void *context, const struct visited_entry *entry)
{
    struct reached_tables *reached = context;

    if (!entry->leaf && !entry->recursive) {
        reached->count++;
        for (unsigned i = 0; i < TABLE_ENTRY_COUNT; i++) {
            struct page_entry below =
                entry_in_memory(reached->monitor, page_entry_table(entry->entry), i);
            reached->entries += page_entry_is_present(below) ? 1 : 0;
        }
    }
    return true;
}

static enum claim_result show_all_memory(struct monitor *monitor)
{
    const struct page_table *tables = &monitor->kernel->page_table;
    struct reached_tables reached = {.monitor = monitor};

    page_table_visit(tables, reach_table, &reached);
    console_print(monitor->console,
                  "  %lu tables below the root, read at 0x%lx + their frame: %lu "
                  "entries present\n",
                  reached.count, monitor->kernel->boot_info->physical_memory_offset,
                  reached.entries);
    return claim_result_of(reached.count == page_table_tables_used(tables) &&
                           reached.entries >= reached.count);
}

static enum claim_result show_recursion(struct monitor *monitor)
{
    const struct page_table *tables = &monitor->kernel->page_table;
    virt_addr address = virt_addr_of((uint64_t)image_text_start);
    virt_addr slot = recursive_table_address(LAYOUT_RECURSIVE_SLOT, tables->levels, address, 1);
    struct path_entry path[PAGING_LEVELS_MAX];

    if (page_table_path(tables, slot, path) == 0 ||
        page_entry_table(path[0].entry).value != tables->root.value) {
        console_print(monitor->console, "  the root does not name itself: enter `access recursive` "
                                        "first\n");
        return CLAIM_NOT_HERE;
    }
    unsigned count = page_table_path(tables, address, path);
    bool equal = count == tables->levels;
    for (unsigned i = 0; i < count; i++) {
        virt_addr table =
            recursive_table_address(LAYOUT_RECURSIVE_SLOT, tables->levels, address, path[i].level);
        const volatile uint64_t *entries = mm_port_pointer(table);
        console_print(monitor->console, "  level %u table at 0x%lx: entry %u is 0x%lx\n",
                      path[i].level, table.value, path[i].index, entries[path[i].index]);
        equal = equal && entries[path[i].index] == path[i].entry.bits;
    }
    return claim_result_of(equal);
}

static enum claim_result show_temporary(struct monitor *monitor)
{
    uint64_t no_execute = monitor->kernel->cpu.no_execute ? PAGE_NO_EXECUTE : 0;
    const struct temporary_slots slots = {
        .table = virt_addr_of(LAYOUT_TEMPORARY + level_bytes(2) - level_bytes(1)),
        .window = virt_addr_of(LAYOUT_TEMPORARY),
        .flags = page_flags_of(PAGE_PRESENT | PAGE_WRITABLE | no_execute),
    };
    unsigned free_before = temporary_slots_free(&slots);
    phys_addr root = monitor->kernel->page_table.root;
    virt_addr page;

    if (temporary_slots_map(&slots, root, &page) != TEMPORARY_OK) {
        console_print(monitor->console, "  no slot is free\n");
        return CLAIM_NOT_HERE;
    }
    uint64_t seen = *(volatile uint64_t *)mm_port_pointer(page);
    bool equal = seen == entry_in_memory(monitor, root, 0).bits;
    console_print(monitor->console,
                  "  of %u free slots, the one at 0x%lx showed the root: its "
                  "first entry is 0x%lx\n",
                  free_before, page.value, seen);
    bool unmapped = temporary_slots_unmap(&slots, page) == TEMPORARY_OK;
    return claim_result_of(equal && unmapped && temporary_slots_free(&slots) == free_before);
}

static enum claim_result show_level_4_entries(struct monitor *monitor)
{
    const struct {
        const char *name;
        uint64_t address;
    } parts[] = {
        {"kernel", (uint64_t)image_text_start},
        {"stack", stack_bottom(STACK_KERNEL).value},
        {"physical memory", monitor->kernel->boot_info->physical_memory_offset},
        {"boot info", LAYOUT_BOOT_INFO},
    };
    bool different = true;

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        unsigned index = virt_addr_index(virt_addr_of(parts[i].address), 4);
        console_print(monitor->console, "  %-16s entry %3u = 0o%03o\n", parts[i].name, index,
                      index);
        for (size_t k = 0; k < i; k++) {
            different = different && virt_addr_index(virt_addr_of(parts[k].address), 4) != index;
        }
    }
    return claim_result_of(different);
}

static void read_page_0(void *argument)
{
    (void)argument;
    (void)*(volatile uint64_t *)mm_port_pointer(virt_addr_of(0));
}

static enum claim_result show_null_pointer(struct monitor *monitor)
{
    if (page_table_translate(&monitor->kernel->page_table, virt_addr_of(0)).result ==
        TRANSLATE_OK) {
        console_print(monitor->console, "  page 0 was mapped here: enter `unmap 0` first\n");
        return CLAIM_NOT_HERE;
    }
    struct caught_exception caught = exception_try(read_page_0, NULL);
    console_print(monitor->console, "  reading address 0: %s, CR2 0x%lx, error code 0x%lx\n",
                  caught.caught ? exception_name(caught.frame.vector) : "no exception",
                  caught.address.value, caught.frame.error_code);
    return claim_result_of(caught.caught && caught.frame.vector == EXCEPTION_PAGE_FAULT &&
                           caught.address.value == 0 && caught.frame.error_code == 0);
}

const struct claim claims_of_tables[] = {
    {"R1", "entries hold the physical address of the next table", show_physical_addresses, true},
    {"L1", "CR3 names the table of the highest level", show_cr3, false},
    {"P1", "where all RAM is mapped, every table can be read", show_all_memory, true},
    {"T4", "a temporary mapping: find a free entry, map, access, free it", show_temporary, true},
    {"C1", "following the recursive entry 1 to 4 times leads to the tables", show_recursion, false},
    {"X6", "kernel, stack, memory and boot info have different level-4 entries",
     show_level_4_entries, false},
    {"B5", "page 0 is not mapped, so a null pointer faults", show_null_pointer, false},
    {NULL, NULL, NULL, false},
};
