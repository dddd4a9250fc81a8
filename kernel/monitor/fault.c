#include "kernel/monitor/fault.h"

#include "kernel/cpu/symbols.h"

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
        return;
    }
    const char *rule = broken_rule(monitor, translation, error);
    console_print(monitor->console, "  %s\n", rule != NULL ? rule : page_fault_cause_text(error));
}

void fault_print(struct monitor *monitor, const struct caught_exception *caught)
{
    uint64_t offset;

    if (caught->panicked) {
        console_print(monitor->console, "panic: %s\n", caught->panic_text);
        return;
    }
    if (caught->frame.vector == EXCEPTION_PAGE_FAULT) {
        print_page_fault(monitor, caught);
        return;
    }
    if (caught->frame.vector == EXCEPTION_GENERAL_PROTECTION &&
        !virt_addr_is_canonical(monitor->touched, monitor->kernel->page_table.levels)) {
        console_print(monitor->console, "general protection fault: 0x%lx is not canonical\n",
                      monitor->touched.value);
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
