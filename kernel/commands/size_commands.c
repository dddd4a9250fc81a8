/* Commands that change the size of pages, and no translation. */
#include "kernel/commands/commands.h"
#include "kernel/monitor/guard.h"

static const struct page_table *tables_of(const struct monitor *monitor)
{
    return &monitor->kernel->page_table;
}

/* Splitting and merging keep every translation, so the kernel goes on, but for two regions: merging
 * the slots of temporary mappings, or pages that are tables, would change what they stand for. */
static bool is_plain(struct monitor *monitor, virt_addr page, enum page_size size)
{
    if (!guard_tables_are_pages(monitor, page, page_size_bytes(size))) {
        return true;
    }
    console_print(monitor->console, "refused: page tables are used as pages there\n");
    return false;
}

void command_split(struct monitor *monitor, const struct arguments *arguments)
{
    const struct page_table *tables = tables_of(monitor);
    virt_addr address = arguments->address;
    struct translation translation = page_table_translate(tables, address);
    enum page_size size = translation.result == TRANSLATE_OK && translation.level > 1
                              ? (enum page_size)translation.level
                              : PAGE_2M;
    virt_addr page = virt_addr_of(align_down(address.value, page_size_bytes(size)));
    if (!is_plain(monitor, page, size)) {
        return;
    }
    enum split_result result =
        tlb_flush_now(page_table_split(tables, page, size, monitor->kernel->table_frames));
    if (result != SPLIT_OK) {
        console_print(monitor->console, "split 0x%lx: %s\n", page.value, split_result_text(result));
        return;
    }
    monitor->changed_by = "split";
    console_print(monitor->console, "0x%lx: a %s page became 512 of %s, in 1 new table\n",
                  page.value, page_size_name(size), page_size_name(size - 1));
}

/* The size that pages at the address are to be merged to: the next one, if none was given. */
static enum page_size merged_size(const struct monitor *monitor, const struct arguments *arguments)
{
    struct translation translation = page_table_translate(tables_of(monitor), arguments->address);

    if (arguments->given[ARGUMENT_HUGE]) {
        return arguments->bytes == page_size_bytes(PAGE_2M) ? PAGE_2M : PAGE_1G;
    }
    return translation.result == TRANSLATE_OK && translation.level == 2 ? PAGE_1G : PAGE_2M;
}

void command_merge(struct monitor *monitor, const struct arguments *arguments)
{
    enum page_size size = merged_size(monitor, arguments);
    virt_addr address = arguments->address;
    virt_addr page = virt_addr_of(align_down(address.value, page_size_bytes(size)));
    if (!is_plain(monitor, page, size)) {
        return;
    }
    enum merge_result result = tlb_flush_now(
        page_table_merge(tables_of(monitor), page, size, monitor->kernel->table_frames));
    if (result != MERGE_OK) {
        console_print(monitor->console, "merge 0x%lx: %s\n", page.value, merge_result_text(result));
        return;
    }
    monitor->changed_by = "merge";
    console_print(monitor->console, "0x%lx: 512 pages became one of %s, 1 table given back\n",
                  page.value, page_size_name(size));
}
