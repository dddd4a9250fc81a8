/* How page tables are reached: showing it, and choosing another way. */
#include "kernel/commands/commands.h"
#include "kernel/layout/layout.h"
#include "kernel/lib/string.h"
#include "kernel/line/suggestion.h"
#include "kernel/monitor/access_check.h"
#include "mm/page_tree.h"

static const char *const descriptions[STRATEGY_COUNT] = {
    [STRATEGY_OFFSET] = "all RAM is mapped at 0xffff800000000000",
    [STRATEGY_FIXED] = "the frames of tables are mapped at 10 TiB + physical address",
    [STRATEGY_IDENTITY] = "the frames of tables are mapped at their own addresses",
    [STRATEGY_TEMPORARY] = "slots of a level-1 table are pointed at the tables of a walk",
    [STRATEGY_RECURSIVE] = "an entry of the root names the root",
};

/* Lets the root name itself if it does not; says so if that cannot be. */
static bool link_root(struct monitor *monitor)
{
    const struct page_table *tables = &monitor->kernel->page_table;
    virt_addr slot = virt_addr_new_truncate(
        (uint64_t)LAYOUT_RECURSIVE_SLOT << level_shift(tables->levels), tables->levels);
    struct path_entry path[PAGING_LEVELS_MAX];

    if (page_table_link_recursive(tables, LAYOUT_RECURSIVE_SLOT) == MAP_OK) {
        return true;
    }
    if (page_table_path(tables, slot, path) > 0 &&
        page_entry_table(path[0].entry).value == tables->root.value) {
        return true;
    }
    console_print(monitor->console, "entry %u of the root maps something else, at 0x%lx\n",
                  LAYOUT_RECURSIVE_SLOT, slot.value);
    return false;
}

static void choose(struct monitor *monitor, enum access_strategy strategy)
{
    struct kernel *kernel = monitor->kernel;
    struct table_access access = access_strategy_access(
        strategy, memory_map_ram_end(&kernel->boot_info->memory_map), kernel->cpu.no_execute);

    if (strategy == STRATEGY_OFFSET && !kernel->boot_info->has_physical_memory) {
        console_print(monitor->console, "physical=off left out the map of all RAM\n");
        return;
    }
    if ((strategy == STRATEGY_RECURSIVE && !link_root(monitor)) ||
        !access_check(monitor, strategy, &access)) {
        return;
    }
    monitor->changed_by = "access";
    kernel->options.access = strategy;
    kernel->page_table.access = access;
    kernel->table_frames =
        access_strategy_has_window(strategy) ? &kernel->window_frames.source : monitor->frames;
    console_print(monitor->console, "page tables are now reached by access=%s\n",
                  access_strategy_name(strategy));
    if (access_strategy_has_window(strategy) && kernel->table_range.frame_count == 0) {
        console_print(monitor->console,
                      "but no frames are set aside in the window for new ones: for that, boot with "
                      "access=%s\n",
                      access_strategy_name(strategy));
    }
}

static void show_all(struct monitor *monitor)
{
    for (enum access_strategy i = 0; i < STRATEGY_COUNT; i++) {
        console_print(monitor->console, "%c %-9s  %s\n",
                      i == monitor->kernel->options.access ? '*' : ' ', access_strategy_name(i),
                      descriptions[i]);
    }
}

void command_access(struct monitor *monitor, const struct arguments *arguments)
{
    if (arguments->word == NULL) {
        show_all(monitor);
        return;
    }
    const char *wanted = arguments->word;
    struct suggestion suggestion = suggestion_for(wanted, strlen(wanted));
    for (enum access_strategy i = 0; i < STRATEGY_COUNT; i++) {
        if (strcmp(wanted, access_strategy_name(i)) == 0) {
            choose(monitor, i);
            return;
        }
        suggestion_offer(&suggestion, access_strategy_name(i));
    }
    console_print(monitor->console,
                  "\"%s\": expected offset, fixed, identity, temporary or recursive", wanted);
    if (suggestion.best != NULL) {
        console_print(monitor->console, "; did you mean %s?", suggestion.best);
    }
    console_print(monitor->console, "\n");
}
