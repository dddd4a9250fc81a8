#include "kernel/monitor/fault.h"

#include "kernel/layout/layout.h"
#include "kernel/layout/symbols.h"
#include "kernel/traps/exception_text.h"

/* The rule that a supervisor access to a mapped page has broken, or NULL. */
static const char *broken_rule(const struct monitor *monitor, struct translation translation,
                               uint64_t error)
{
    uint64_t effective = translation.effective.bits;

    if ((error & PAGE_FAULT_FETCH) != 0 && (effective & PAGE_NO_EXECUTE) != 0) {
        return "NX is set on the way to the page";
    }
    if ((error & PAGE_FAULT_FETCH) != 0 && (effective & PAGE_USER) != 0) {
        return "it is a user page, and SMEP keeps the kernel from running those";
    }
    if ((error & PAGE_FAULT_WRITE) != 0 && (effective & PAGE_WRITABLE) == 0) {
        return "W is not set at every level, and CR0.WP holds the kernel to it";
    }
    if ((effective & PAGE_USER) != 0 && monitor->kernel->cpu.smap) {
        return "it is a user page, and SMAP keeps the kernel from touching those";
    }
    return NULL;
}

/* What was asked for may have unmapped the boot info: then there is no memory map to look at. */
static bool can_read_boot_info(const struct monitor *monitor)
{
    uint64_t start = (uint64_t)monitor->kernel->boot_info;

    for (uint64_t done = 0; done < sizeof(struct boot_info); done += level_bytes(1)) {
        if (page_table_translate(&monitor->kernel->page_table, virt_addr_of(start + done)).result !=
            TRANSLATE_OK) {
            return false;
        }
    }
    return true;
}

/* The map of physical memory shows RAM only: says what is there if that is not RAM. */
static void print_hole(struct monitor *monitor, virt_addr address)
{
    const struct boot_info *info = monitor->kernel->boot_info;
    phys_addr physical = phys_addr_of(address.value - LAYOUT_PHYSICAL_MEMORY);

    if (address.value < LAYOUT_PHYSICAL_MEMORY || address.value >= LAYOUT_PHYSICAL_MEMORY_END ||
        !can_read_boot_info(monitor) || !info->has_physical_memory) {
        return;
    }
    enum memory_type type = memory_map_at(&info->memory_map, physical).type;
    if (!memory_type_is_ram(type)) {
        console_print(monitor->console,
                      "  physical 0x%lx is not RAM: the memory map %s; `map VA 0x%lx` maps it, "
                      "uncached\n",
                      physical.value,
                      type == MEMORY_RESERVED ? "calls it reserved"
                      : type == MEMORY_BAD    ? "calls it bad"
                                              : "does not have it",
                      align_down(physical.value, level_bytes(1)));
    }
}

static void print_page_fault(struct monitor *monitor, const struct caught_exception *caught)
{
    uint64_t error = caught->frame.error_code;
    struct translation translation =
        page_table_translate(&monitor->kernel->page_table, caught->address);

    console_print(monitor->console, "page fault: %s 0x%lx, error code 0x%lx\n",
                  page_fault_access_text(error), caught->address.value, error);
    if (translation.result == TRANSLATE_NOT_MAPPED) {
        console_print(monitor->console,
                      "  the entry of level %u is not present: see `walk 0x%lx`\n",
                      translation.level, caught->address.value);
        print_hole(monitor, caught->address);
        return;
    }
    const char *rule = broken_rule(monitor, translation, error);
    console_print(monitor->console, "  %s\n", rule != NULL ? rule : page_fault_cause_text(error));
}

/* What the CPU says of an address that is not canonical is no more than that. Says which it was.
 * *Returns:* whether it was one. */
static bool print_not_canonical(struct monitor *monitor)
{
    unsigned levels = monitor->kernel->page_table.levels;
    uint64_t first = monitor->touched.value;
    uint64_t last = monitor->touched_last.value;

    if (!virt_addr_is_canonical(monitor->touched, levels)) {
        console_print(monitor->console, "general protection fault: 0x%lx is not canonical\n",
                      first);
        return true;
    }
    if (!virt_addr_is_canonical(monitor->touched_last, levels)) {
        console_print(monitor->console,
                      "general protection fault: of the bytes from 0x%lx to 0x%lx the last are not "
                      "canonical\n",
                      first, last);
        return true;
    }
    return false;
}

void fault_print(struct monitor *monitor, const struct caught_exception *caught)
{
    uint64_t offset;

    if (caught->panicked) {
        console_print(monitor->console, "panic: %s, at %s:%d\n", caught->panic_text,
                      caught->panic_file, caught->panic_line);
        return;
    }
    if (caught->frame.vector == EXCEPTION_PAGE_FAULT) {
        print_page_fault(monitor, caught);
        return;
    }
    if (caught->frame.vector == EXCEPTION_GENERAL_PROTECTION && print_not_canonical(monitor)) {
        return;
    }
    const char *function = symbol_find(caught->frame.rip, &offset);
    console_print(monitor->console, "%s: error code 0x%lx at 0x%lx",
                  exception_name(caught->frame.vector), caught->frame.error_code,
                  caught->frame.rip);
    if (function != NULL) {
        console_print(monitor->console, " (%s+0x%lx)", function, offset);
    }
    console_print(monitor->console, "\n");
}
