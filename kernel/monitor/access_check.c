#include "kernel/monitor/access_check.h"

#include "kernel/layout/layout.h"
#include "mm/page_tree.h"

/* A check in progress, which ends at the first page that is not as it must be. */
struct check {
    struct monitor *monitor;
    enum access_strategy strategy;
    const struct table_access *access;
    bool failed;
};

static const struct page_table *tables_of(const struct check *check)
{
    return &check->monitor->kernel->page_table;
}

/* What keeps the kernel from writing to a page that is mapped, or NULL. */
static const char *obstacle(const struct check *check, struct translation page)
{
    if ((page.effective.bits & PAGE_WRITABLE) == 0) {
        return "is read-only";
    }
    if ((page.effective.bits & PAGE_USER) != 0 && check->monitor->kernel->cpu.smap) {
        return "is a user page, which SMAP keeps the kernel from touching";
    }
    return NULL;
}

/* The page at `address` must show the memory at `frame`. Returns how many bytes from there on are
 * mapped with it; 0 if it does not. */
static uint64_t check_page(struct check *check, virt_addr address, phys_addr frame)
{
    struct console *console = check->monitor->console;
    struct translation page = page_table_translate(tables_of(check), address);
    const char *reason = page.result == TRANSLATE_OK ? obstacle(check, page) : "is not mapped";

    if (reason == NULL && page.address.value == frame.value) {
        return level_bytes(page.level) - (address.value & (level_bytes(page.level) - 1));
    }
    check->failed = true;
    if (reason != NULL) {
        console_print(console, "refused: 0x%lx, where the frame 0x%lx must be seen, %s",
                      address.value, frame.value, reason);
    } else {
        console_print(console, "refused: 0x%lx shows the frame 0x%lx and not 0x%lx", address.value,
                      page.address.value, frame.value);
    }
    console_print(console, "; see `walk 0x%lx`, or boot with access=%s\n", address.value,
                  access_strategy_name(check->strategy));
    return 0;
}

static virt_addr linear_address(const struct check *check, phys_addr frame)
{
    return virt_addr_of(check->access->linear.base + frame.value);
}

static void check_linear_table(struct check *check, phys_addr table)
{
    if (access_reaches(check->access, ACCESS_LINEAR, table)) {
        (void)check_page(check, linear_address(check, table), table);
        return;
    }
    check->failed = true;
    console_print(check->monitor->console,
                  "the table in frame 0x%lx is outside of the window, 0x%lx to 0x%lx; boot with "
                  "access=%s\n",
                  table.value, check->access->linear.first.value,
                  check->access->linear.end.value - 1, access_strategy_name(check->strategy));
}

static bool visit_linear(void *context, const struct visited_entry *entry)
{
    struct check *check = context;

    if (!check->failed && !entry->leaf && !entry->recursive) {
        check_linear_table(check, page_entry_table(entry->entry));
    }
    return !check->failed;
}

/* New tables come from usable memory, and existing ones may be given back to it. */
static void check_linear_frames(struct check *check, const struct memory_region *region)
{
    uint64_t first = check->access->linear.first.value;
    uint64_t end = check->access->linear.end.value;
    uint64_t at = region->start.value > first ? region->start.value : first;

    end = region->end.value < end ? region->end.value : end;
    if (region->type != MEMORY_USABLE && region->type != MEMORY_PAGE_TABLES) {
        return;
    }
    at = align_up(at, level_bytes(1));
    end = align_down(end, level_bytes(1));
    while (at < end && !check->failed) {
        at += check_page(check, linear_address(check, phys_addr_of(at)), phys_addr_of(at));
    }
}

static void check_linear(struct check *check)
{
    const struct memory_map *map = &check->monitor->kernel->boot_info->memory_map;

    check_linear_table(check, tables_of(check)->root);
    if (!check->failed) {
        page_table_visit(tables_of(check), visit_linear, check);
    }
    for (size_t i = 0; i < map->region_count && !check->failed; i++) {
        check_linear_frames(check, &map->regions[i]);
    }
}

/* The way to a page, down to its entry in a level-1 table: its tables are not made on the way. */
static bool path_to_slot(struct check *check, virt_addr page, struct path_entry *path)
{
    unsigned count = page_table_path(tables_of(check), page, path);

    if (count == tables_of(check)->levels) {
        return true;
    }
    check->failed = true;
    console_print(check->monitor->console,
                  "refused: there is no level-1 table for the slots at 0x%lx; see `walk 0x%lx`\n",
                  page.value, page.value);
    return false;
}

/* The table of the slots must be what is seen at its address. */
static void check_temporary(struct check *check)
{
    struct path_entry path[PAGING_LEVELS_MAX];

    if (path_to_slot(check, check->access->temporary.window, path)) {
        struct page_entry above = path[tables_of(check)->levels - 2].entry;
        (void)check_page(check, check->access->temporary.table, page_entry_table(above));
    }
}

/* Each table appears as a page, whose rights are those of the entries on the way to it. */
static bool visit_recursive(void *context, const struct visited_entry *entry)
{
    struct check *check = context;

    if (!check->failed && !entry->leaf && (entry->entry.bits & PAGE_WRITABLE) == 0) {
        check->failed = true;
        console_print(check->monitor->console,
                      "refused: the level-%u entry for 0x%lx is read-only, and so would be its "
                      "table\n",
                      entry->level, entry->start.value);
    }
    return !check->failed;
}

static void check_recursive(struct check *check)
{
    const struct page_table *tables = tables_of(check);
    unsigned slot = check->access->recursive.slot;
    struct path_entry path[PAGING_LEVELS_MAX];
    virt_addr root = recursive_table_address(slot, tables->levels, virt_addr_of(0), tables->levels);

    if (path_to_slot(check, check->access->recursive.scratch, path) &&
        check_page(check, root, tables->root) != 0) {
        page_table_visit(tables, visit_recursive, check);
    }
}

bool access_check(struct monitor *monitor, enum access_strategy strategy,
                  const struct table_access *access)
{
    struct check check = {.monitor = monitor, .strategy = strategy, .access = access};

    switch (access->kind) {
    case ACCESS_LINEAR:
        check_linear(&check);
        break;
    case ACCESS_TEMPORARY:
        check_temporary(&check);
        break;
    case ACCESS_RECURSIVE:
        check_recursive(&check);
        break;
    }
    return !check.failed;
}
