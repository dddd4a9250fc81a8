/* Commands that make, remove and protect mappings. */
#include "kernel/commands/commands.h"
#include "kernel/cpu/features.h"
#include "kernel/monitor/change_rights.h"
#include "kernel/monitor/frame_rules.h"
#include "kernel/monitor/guard.h"
#include "kernel/monitor/permission.h"

static const struct page_table *tables_of(const struct monitor *monitor)
{
    return &monitor->kernel->page_table;
}

static struct page_range range_of(virt_addr start, uint64_t bytes)
{
    return page_range_of(start, bytes >> PAGE_SHIFT);
}

/* The order of a block of that size, a power of two. */
static unsigned order_of(uint64_t bytes)
{
    return (unsigned)__builtin_ctzll(bytes) - PAGE_SHIFT;
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
static bool fits_frames(struct monitor *monitor, phys_addr frame, struct arguments *options)
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
    return is_harmless(monitor, frame_rules_rights(monitor, frame, options->bytes, options->flags));
}

/* What changes of the range would be refused for, `force` or not. */
static enum range_result range_fault(const struct page_table *tables, virt_addr start,
                                     uint64_t bytes)
{
    virt_addr last = virt_addr_add(start, bytes - 1);
    const virt_addr ends[] = {start, virt_addr_add(start, bytes)};

    if (!virt_addr_is_canonical(start, tables->levels) ||
        !virt_addr_is_canonical(last, tables->levels) || last.value < start.value ||
        (start.value ^ last.value) >> 63 != 0) {
        return RANGE_NOT_CANONICAL;
    }
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct translation page = page_table_translate(tables, ends[i]);
        if (page.result == TRANSLATE_OK && !is_aligned(ends[i].value, level_bytes(page.level))) {
            return RANGE_INSIDE_HUGE_PAGE;
        }
    }
    return RANGE_OK;
}

/* Whether a page is mapped in the canonical range. What is not mapped is passed by whole entries. */
static bool is_any_mapped(const struct page_table *tables, virt_addr start, uint64_t bytes)
{
    for (uint64_t done = 0; done < bytes;) {
        virt_addr at = virt_addr_add(start, done);
        struct translation page = page_table_translate(tables, at);

        if (page.result == TRANSLATE_OK) {
            return true;
        }
        uint64_t rest = level_bytes(page.level) - (at.value & (level_bytes(page.level) - 1));
        done += rest < bytes - done ? rest : bytes - done;
    }
    return false;
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

/* Whether pages of the size that was asked for fill that much; says so if not. */
static bool is_filled(struct monitor *monitor, const struct arguments *options)
{
    if (options->pages == RANGE_PAGES_LARGEST) {
        return true;
    }
    uint64_t page_bytes = level_bytes(options->pages);
    if (is_aligned(options->bytes, page_bytes)) {
        return true;
    }
    console_print(monitor->console, "map: SIZE is ");
    console_print_size(monitor->console, options->bytes);
    console_print(monitor->console, ", which is not a multiple of the pages' ");
    console_print_size(monitor->console, page_bytes);
    console_print(monitor->console, "\n");
    return false;
}

/* Whether a block of frames has that size; says so if not. */
static bool is_block(struct monitor *monitor, uint64_t bytes)
{
    if ((bytes & (bytes - 1)) != 0 || bytes > page_size_bytes(PAGE_1G)) {
        console_print(monitor->console,
                      "map: `new` takes a block, whose size is a power of two from 4K to 1G\n");
        return false;
    }
    return true;
}

/* Takes a block of frames of that size. Says so if there is none. */
static bool take_block(struct monitor *monitor, uint64_t bytes, phys_addr *frame)
{
    if (!frame_source_allocate(monitor->frames, order_of(bytes), frame)) {
        console_print(monitor->console, "no free block of frames is that large; see `frames`\n");
        return false;
    }
    return true;
}

/* Maps the range, and says how. */
static enum map_result map(struct monitor *monitor, virt_addr start, phys_addr frame,
                           const struct arguments *options)
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
    monitor->changed_by = "map";
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

/* What was not given: the size of one page, and permissions. */
static struct arguments with_defaults(const struct monitor *monitor,
                                      const struct arguments *arguments)
{
    struct arguments all = *arguments;

    if (!all.given[ARGUMENT_SIZE]) {
        all.bytes = level_bytes(all.pages == RANGE_PAGES_LARGEST ? 1 : all.pages);
    }
    if (!all.given[ARGUMENT_FLAGS]) {
        all.flags.bits |= PAGE_PRESENT | PAGE_WRITABLE;
        all.flags.bits |= tables_of(monitor)->features.no_execute ? PAGE_NO_EXECUTE : 0;
    }
    return all;
}

void command_map(struct monitor *monitor, const struct arguments *arguments)
{
    struct arguments options = with_defaults(monitor, arguments);
    virt_addr start = options.address;
    phys_addr frame = options.frame;

    if ((options.new_frames && !is_block(monitor, options.bytes)) ||
        !is_filled(monitor, &options)) {
        return;
    }
    /* What cannot be mapped with `force` either is said first. A block lies at a multiple of its
     * size, as frame 0 does. */
    enum map_result fault =
        page_table_frames_needed(tables_of(monitor), range_of(start, options.bytes), frame,
                                 options.pages, options.flags)
            .result;
    if (fault != MAP_OK) {
        bool begins_well = virt_addr_is_canonical(start, tables_of(monitor)->levels);
        console_print(monitor->console, "map: %s\n",
                      fault == MAP_NOT_CANONICAL && begins_well
                          ? range_result_text(RANGE_NOT_CANONICAL)
                          : map_result_text(fault));
        return;
    }
    if (!is_allowed(monitor, start, options.bytes, options.force) ||
        (!options.new_frames && !fits_frames(monitor, frame, &options)) ||
        (options.new_frames && !take_block(monitor, options.bytes, &frame))) {
        return;
    }
    if (map(monitor, start, frame, &options) != MAP_OK && options.new_frames) {
        (void)frame_source_free(monitor->frames, order_of(options.bytes), frame);
    }
}

/* The range whose pages are to be changed: what was given, or the one page there. Says so if it
 * cannot be changed, with `force` neither, or must not. */
static bool range_to_change(struct monitor *monitor, const char *command,
                            const struct arguments *arguments, uint64_t *bytes)
{
    virt_addr start = arguments->address;

    *bytes = arguments->bytes;
    if (!arguments->given[ARGUMENT_SIZE]) {
        return page_at(monitor, start, bytes) &&
               is_allowed(monitor, start, *bytes, arguments->force);
    }
    enum range_result fault = range_fault(tables_of(monitor), start, *bytes);
    if (fault != RANGE_OK) {
        console_print(monitor->console, "%s: %s\n", command, range_result_text(fault));
        return false;
    }
    return !is_any_mapped(tables_of(monitor), start, *bytes) ||
           is_allowed(monitor, start, *bytes, arguments->force);
}

void command_unmap(struct monitor *monitor, const struct arguments *arguments)
{
    const struct page_table *tables = tables_of(monitor);
    virt_addr start = arguments->address;
    uint64_t bytes;

    if (!range_to_change(monitor, "unmap", arguments, &bytes)) {
        return;
    }
    struct page_range range = range_of(start, bytes);
    struct range_outcome unmapped = page_table_unmap_range(tables, range);
    uint64_t page_count = unmapped.leaf_count;
    enum range_result result = tlb_flush_now(unmapped);
    if (result != RANGE_OK) {
        console_print(monitor->console, "unmap: %s\n", range_result_text(result));
        return;
    }
    monitor->changed_by = "unmap";
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

void command_protect(struct monitor *monitor, const struct arguments *arguments)
{
    virt_addr start = arguments->address;
    page_flags flags = arguments->flags;
    char text[PERMISSION_BYTES];
    uint64_t bytes;

    if (!range_to_change(monitor, "protect", arguments, &bytes)) {
        return;
    }
    if (!arguments->force &&
        !is_harmless(monitor, frame_rules_rights_of_pages(monitor, start, bytes, flags))) {
        return;
    }
    uint64_t page_count;
    enum range_result result = change_rights(tables_of(monitor), start, bytes, flags, &page_count);
    if (result != RANGE_OK) {
        console_print(monitor->console, "protect: %s\n", range_result_text(result));
        return;
    }
    monitor->changed_by = "protect";
    console_print(monitor->console, "0x%lx: ", start.value);
    print_count(monitor, page_count, "page");
    console_print(monitor->console, " with %s\n", permission_text(flags, text));
}
