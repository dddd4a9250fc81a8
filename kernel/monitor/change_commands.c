/* Commands that change mappings. */
#include "kernel/cpu/features.h"
#include "kernel/monitor/argument.h"
#include "kernel/monitor/change_rights.h"
#include "kernel/monitor/frame_rules.h"
#include "kernel/monitor/guard.h"
#include "kernel/monitor/permission.h"
#include "kernel/port/string.h"

static const struct page_table *tables_of(const struct monitor *monitor)
{
    return &monitor->kernel->page_table;
}

static struct page_range range_of(virt_addr start, uint64_t bytes)
{
    return page_range_of(start, bytes >> PAGE_SHIFT);
}

/* Says why something is refused, if there is a reason. */
static bool is_harmless(struct monitor *monitor, const char *reason)
{
    if (reason != NULL) {
        console_print(monitor->console, "refused: %s; `force` at the end does it all the same\n",
                      reason);
    }
    return reason == NULL;
}

/* Says why the range may not be changed, if it may not. */
static bool is_allowed(struct monitor *monitor, virt_addr start, uint64_t bytes, bool force)
{
    return force || is_harmless(monitor, guard_mappings(monitor, start, bytes));
}

/* Checks what is mapped with which rights, and gives what is not RAM the memory type of devices.
 * Says so if the pages would have to be of both types. */
static bool fits_frames(struct monitor *monitor, phys_addr frame, struct change_options *options)
{
    phys_addr boundary;
    enum frame_kind kind = frame_rules_kind(monitor, frame, options->bytes, &boundary);

    if (kind == FRAMES_OF_DEVICES) {
        options->flags.bits |= cpu_features_device_type().bits;
    }
    if (options->force) {
        return true;
    }
    if (kind == FRAMES_OF_BOTH) {
        console_print(monitor->console,
                      "refused: RAM is cached and other memory is not, and one of them ends at "
                      "0x%lx; map each by itself, or all of it cached with `force` at the end\n",
                      boundary.value);
        return false;
    }
    return is_harmless(monitor,
                       frame_rules_rights(monitor, frame, options->bytes, options->flags));
}

static void print_count(struct monitor *monitor, uint64_t count, const char *noun)
{
    console_print(monitor->console, "%lu %s%s", count, noun, count == 1 ? "" : "s");
}

/* Finds the page that maps `address`, which is to be its first byte. Says so if it is not. */
static bool page_at(struct monitor *monitor, virt_addr address, uint64_t *bytes)
{
    struct translation translation = page_table_translate(tables_of(monitor), address);

    if (translation.result != TRANSLATE_OK) {
        console_print(monitor->console, "0x%lx: %s\n", address.value,
                      translate_result_text(translation.result));
        return false;
    }
    *bytes = level_bytes(translation.level);
    if (!is_aligned(address.value, *bytes)) {
        console_print(monitor->console, "0x%lx is inside the %s page at 0x%lx: name that one%s\n",
                      address.value, page_size_name((enum page_size)translation.level),
                      align_down(address.value, *bytes),
                      translation.level > 1 ? ", or `split` it" : "");
        return false;
    }
    return true;
}

/* The frame to map: an address, or a new block that holds `bytes`. */
static bool frame_for(struct monitor *monitor, const char *word, uint64_t bytes, phys_addr *frame,
                      unsigned *order)
{
    if (strcmp(word, "new") != 0) {
        return argument_number(monitor, word, &frame->value);
    }
    while (*order < BUDDY_ORDER_MAX && level_bytes(1) << *order < bytes) {
        ++*order;
    }
    if (level_bytes(1) << *order < bytes ||
        !frame_source_allocate(monitor->frames, *order, frame)) {
        console_print(monitor->console, "no free block of frames is that large; see `frames`\n");
        return false;
    }
    return true;
}

/* Maps the range, and says how. */
static enum map_result map(struct monitor *monitor, virt_addr start, phys_addr frame,
                           const struct change_options *options)
{
    const struct page_table *tables = tables_of(monitor);
    struct page_range range = range_of(start, options->bytes);
    struct mapping_plan plan =
        mapping_plan(range, frame, options->pages, tables->levels, tables->features.pages_1g);
    struct frames_needed needed =
        page_table_frames_needed(tables, range, frame, options->pages, options->flags);
    enum map_result result = tlb_flush_now(page_table_map_range(
        tables, range, frame, options->pages, options->flags, monitor->kernel->table_frames));
    char text[PERMISSION_BYTES];

    if (result != MAP_OK) {
        console_print(monitor->console, "map: %s\n", map_result_text(result));
        return result;
    }
    console_print(monitor->console, "0x%lx -> 0x%lx, ", start.value, frame.value);
    console_print_size(monitor->console, options->bytes);
    console_print(monitor->console, ", %s%s: ", permission_text(options->flags, text),
                  (options->flags.bits & PAGE_CACHE_DISABLE) != 0 ? ", uncached" : "");
    print_count(monitor, plan.leaf_count, "page");
    console_print(monitor->console, ", ");
    print_count(monitor, needed.count, "new table");
    console_print(monitor->console, "\n");
    return result;
}

void command_map(struct monitor *monitor, const struct words *words)
{
    struct change_options options;
    unsigned order = 0;
    virt_addr start;
    phys_addr frame;

    if (!argument_address(monitor, words->word[1], &start) ||
        !argument_options(monitor, words, 3, &options)) {
        return;
    }
    if (!options.has_size) {
        options.bytes = level_bytes(options.pages == RANGE_PAGES_LARGEST ? 1 : options.pages);
    }
    if (!options.has_flags) {
        options.flags.bits |= PAGE_PRESENT | PAGE_WRITABLE;
        options.flags.bits |= tables_of(monitor)->features.no_execute ? PAGE_NO_EXECUTE : 0;
    }
    if (!is_allowed(monitor, start, options.bytes, options.force) ||
        !frame_for(monitor, words->word[2], options.bytes, &frame, &order)) {
        return;
    }
    if (strcmp(words->word[2], "new") != 0 && !fits_frames(monitor, frame, &options)) {
        return;
    }
    if (map(monitor, start, frame, &options) != MAP_OK && strcmp(words->word[2], "new") == 0) {
        (void)frame_source_free(monitor->frames, order, frame);
    }
}

void command_unmap(struct monitor *monitor, const struct words *words)
{
    const struct page_table *tables = tables_of(monitor);
    struct change_options options;
    virt_addr start;

    if (!argument_address(monitor, words->word[1], &start) ||
        !argument_options(monitor, words, 2, &options) ||
        (!options.has_size && !page_at(monitor, start, &options.bytes)) ||
        !is_allowed(monitor, start, options.bytes, options.force)) {
        return;
    }
    struct page_range range = range_of(start, options.bytes);
    struct range_outcome unmapped = page_table_unmap_range(tables, range);
    uint64_t page_count = unmapped.leaf_count;
    enum range_result result = tlb_flush_now(unmapped);
    if (result != RANGE_OK) {
        console_print(monitor->console, "unmap: %s\n", range_result_text(result));
        return;
    }
    struct range_outcome cleaned =
        page_table_clean_up(tables, range, monitor->kernel->table_frames);
    uint64_t table_count = cleaned.leaf_count;
    if (tlb_flush_now(cleaned) != RANGE_OK) {
        table_count = 0;
    }
    console_print(monitor->console, "0x%lx: ", start.value);
    print_count(monitor, page_count, "page");
    console_print(monitor->console, " unmapped, ");
    print_count(monitor, table_count, "empty table");
    console_print(monitor->console, " given back\n");
}

void command_protect(struct monitor *monitor, const struct words *words)
{
    struct change_options options;
    virt_addr start;
    char text[PERMISSION_BYTES];

    if (!argument_address(monitor, words->word[1], &start) ||
        !argument_options(monitor, words, 2, &options)) {
        return;
    }
    if (!options.has_flags) {
        console_print(monitor->console, "which permissions? r, rw, rx and so on\n");
        return;
    }
    if ((!options.has_size && !page_at(monitor, start, &options.bytes)) ||
        !is_allowed(monitor, start, options.bytes, options.force)) {
        return;
    }
    if (!options.force && !is_harmless(monitor, frame_rules_rights_of_pages(
                                                    monitor, start, options.bytes, options.flags))) {
        return;
    }
    uint64_t page_count;
    enum range_result result = change_rights(tables_of(monitor), start, options.bytes,
                                             options.flags, &page_count);
    if (result != RANGE_OK) {
        console_print(monitor->console, "protect: %s\n", range_result_text(result));
        return;
    }
    console_print(monitor->console, "0x%lx: ", start.value);
    print_count(monitor, page_count, "page");
    console_print(monitor->console, " with %s\n", permission_text(options.flags, text));
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

void command_split(struct monitor *monitor, const struct words *words)
{
    const struct page_table *tables = tables_of(monitor);
    virt_addr address;

    if (!argument_address(monitor, words->word[1], &address)) {
        return;
    }
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
    console_print(monitor->console, "0x%lx: a %s page became 512 of %s, in 1 new table\n",
                  page.value, page_size_name(size), page_size_name(size - 1));
}

/* The size that pages at the address would be merged to: the next one. */
static bool merged_size(struct monitor *monitor, const struct words *words, virt_addr address,
                        enum page_size *size)
{
    struct translation translation = page_table_translate(tables_of(monitor), address);
    uint64_t bytes;

    *size = translation.result == TRANSLATE_OK && translation.level == 2 ? PAGE_1G : PAGE_2M;
    if (words->count > 2) {
        if (!argument_size(monitor, words->word[2], &bytes)) {
            return false;
        }
        if (bytes != page_size_bytes(PAGE_2M) && bytes != page_size_bytes(PAGE_1G)) {
            console_print(monitor->console, "\"%s\": a huge page has 2M or 1G\n", words->word[2]);
            return false;
        }
        *size = bytes == page_size_bytes(PAGE_2M) ? PAGE_2M : PAGE_1G;
    }
    return true;
}

void command_merge(struct monitor *monitor, const struct words *words)
{
    enum page_size size;
    virt_addr address;

    if (!argument_address(monitor, words->word[1], &address) ||
        !merged_size(monitor, words, address, &size)) {
        return;
    }
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
    console_print(monitor->console, "0x%lx: 512 pages became one of %s, 1 table given back\n",
                  page.value, page_size_name(size));
}
