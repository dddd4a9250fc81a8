/* What the operations cost on this machine: the median of many runs, in cycles of the time-stamp
 * counter. */
#include "kernel/commands/commands.h"
#include "mm/page_range.h"
#include "mm/page_tree.h"

/* One page far from all others, so that its tables are made for this and go away again. */
enum { RUNS = 501, OPERATIONS = 5 };

struct bench {
    const struct page_table *tables;
    struct frame_source *frames;
    virt_addr page;
    phys_addr frame;
    page_flags flags;
};

static void sort(uint64_t *values, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint64_t value = values[i];
        size_t at = i;
        for (; at > 0 && values[at - 1] > value; at--) {
            values[at] = values[at - 1];
        }
        values[at] = value;
    }
}

static bool map_page(struct bench *bench)
{
    return tlb_flush_ignore(page_table_map_to(bench->tables, bench->page, bench->frame, PAGE_4K,
                                              bench->flags, bench->frames)) == MAP_OK;
}

/* Times each operation once. Returns false if one has failed. */
static bool run_once(struct bench *bench, uint64_t times[OPERATIONS])
{
    uint64_t start = cpu_cycles();
    bool mapped = map_page(bench);
    uint64_t after_map = cpu_cycles();
    bool translated =
        page_table_translate(bench->tables, bench->page).address.value == bench->frame.value;
    uint64_t after_translate = cpu_cycles();
    struct unmap_outcome unmapped = page_table_unmap(bench->tables, bench->page, PAGE_4K);
    uint64_t after_unmap = cpu_cycles();
    bool absent = tlb_flush_now(unmapped) == PAGE_OK;
    uint64_t after_flush = cpu_cycles();
    mm_port_flush_all();
    uint64_t end = cpu_cycles();

    times[0] = after_translate - after_map;
    times[1] = after_map - start;
    times[2] = after_unmap - after_translate;
    times[3] = after_flush - after_unmap;
    times[4] = end - after_flush;
    return mapped && translated && absent;
}

void command_bench(struct monitor *monitor, const struct arguments *arguments)
{
    static const char *const names[OPERATIONS] = {
        "translate", "map_to", "unmap", "flush of a page", "flush of everything",
    };
    static uint64_t times[OPERATIONS][RUNS];
    struct kernel *kernel = monitor->kernel;
    struct bench bench = {.tables = &kernel->page_table,
                          .frames = kernel->table_frames,
                          .flags = page_flags_of(PAGE_PRESENT | PAGE_WRITABLE)};
    bool good;

    (void)arguments;
    if (!page_table_find_unmapped(bench.tables, page_range_lower_half(bench.tables->levels),
                                  UINT64_C(1) << (2 * TABLE_INDEX_BITS), PAGE_1G, &bench.page)) {
        console_print(monitor->console, "there is no free GiB of addresses to try it in\n");
        return;
    }
    /* The first run makes the tables and fills the caches; it does not count. */
    good = map_page(&bench) &&
           tlb_flush_now(page_table_unmap(bench.tables, bench.page, PAGE_4K)) == PAGE_OK;
    for (size_t run = 0; run < RUNS && good; run++) {
        uint64_t once[OPERATIONS];
        good = run_once(&bench, once);
        for (size_t i = 0; i < OPERATIONS; i++) {
            times[i][run] = once[i];
        }
    }
    (void)tlb_flush_now(
        page_table_clean_up(bench.tables, page_range_of(bench.page, 1), bench.frames));
    if (!good) {
        console_print(monitor->console, "an operation failed; are there free frames?\n");
        return;
    }
    console_print(monitor->console, "Cycles for one 4 KiB page, median of %d, access=%s:\n", RUNS,
                  access_strategy_name(kernel->options.access));
    for (size_t i = 0; i < OPERATIONS; i++) {
        sort(times[i], RUNS);
        console_print(monitor->console, "  %-20s %8lu\n", names[i], times[i][RUNS / 2]);
    }
}
