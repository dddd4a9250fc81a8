/* Commands that touch memory as the CPU does, and tell what comes of it. */
#include "kernel/commands/commands.h"
#include "kernel/layout/symbols.h"
#include "kernel/lib/string.h"
#include "kernel/monitor/fault.h"
#include "kernel/monitor/guard.h"
#include "kernel/traps/descriptors.h"

enum { DUMP_ROW_BYTES = 16, WORD_BYTES = 8 };

/* Notes what is shown to the CPU, for the report of a fault. */
static void touches(struct monitor *monitor, virt_addr address, uint64_t byte_count)
{
    monitor->touched = address;
    monitor->touched_last = virt_addr_add(address, byte_count - 1);
}

static uint8_t read_byte(uint64_t address)
{
    return *(const volatile uint8_t *)mm_port_pointer(virt_addr_of(address));
}

static void dump_row(struct monitor *monitor, uint64_t address, uint64_t count)
{
    uint8_t bytes[DUMP_ROW_BYTES];

    /* All of it is read before any is shown: a fault does not leave half a row. */
    for (uint64_t i = 0; i < count; i++) {
        bytes[i] = read_byte(address + i);
    }
    console_print(monitor->console, "%016lx ", address);
    for (uint64_t i = 0; i < DUMP_ROW_BYTES; i++) {
        if (i < count) {
            console_print(monitor->console, " %02x", bytes[i]);
        } else {
            console_print(monitor->console, "   ");
        }
    }
    console_print(monitor->console, "  ");
    for (uint64_t i = 0; i < count; i++) {
        bool printable = bytes[i] >= ' ' && bytes[i] < 0x7f;
        console_print(monitor->console, "%c", printable ? bytes[i] : '.');
    }
    console_print(monitor->console, "\n");
}

void command_read(struct monitor *monitor, const struct arguments *arguments)
{
    virt_addr address = arguments->address;
    uint64_t count = arguments->bytes;

    touches(monitor, address, count > 0 ? count : WORD_BYTES);
    if (count == 0) {
        uint64_t value = *(const volatile uint64_t *)mm_port_pointer(address);
        console_print(monitor->console, "0x%lx: 0x%016lx\n", address.value, value);
        return;
    }
    for (uint64_t done = 0; done < count; done += DUMP_ROW_BYTES) {
        uint64_t rest = count - done;
        dump_row(monitor, address.value + done, rest < DUMP_ROW_BYTES ? rest : DUMP_ROW_BYTES);
    }
}

static void store(virt_addr address, uint64_t value, uint64_t byte_count)
{
    volatile void *memory = mm_port_pointer(address);

    switch (byte_count) {
    case 1:
        *(volatile uint8_t *)memory = (uint8_t)value;
        break;
    case 2:
        *(volatile uint16_t *)memory = (uint16_t)value;
        break;
    case 4:
        *(volatile uint32_t *)memory = (uint32_t)value;
        break;
    default:
        *(volatile uint64_t *)memory = value;
    }
}

/* Says so if the write would succeed and destroy the kernel. One that the CPU will refuse is let
 * pass, so that it shows how. */
static bool is_harmless(struct monitor *monitor, virt_addr address, uint64_t byte_count)
{
    virt_addr last = virt_addr_add(address, byte_count - 1);

    for (int i = 0; i < 2; i++) {
        virt_addr end = i == 0 ? address : last;
        struct translation translation = page_table_translate(&monitor->kernel->page_table, end);
        const char *reason = NULL;

        if (translation.result == TRANSLATE_OK &&
            (translation.effective.bits & PAGE_WRITABLE) != 0) {
            reason = guard_memory(monitor, translation.address, 1);
        }
        if (reason != NULL) {
            console_print(monitor->console,
                          "refused: %s, at physical 0x%lx; `force` writes all the same\n", reason,
                          translation.address.value);
            return false;
        }
    }
    return true;
}

void command_write(struct monitor *monitor, const struct arguments *arguments)
{
    uint64_t byte_count = arguments->given[ARGUMENT_WIDTH] ? arguments->bytes : WORD_BYTES;
    virt_addr address = arguments->address;
    uint64_t value = arguments->value;

    if (byte_count < WORD_BYTES && value >> (8 * byte_count) != 0) {
        console_print(monitor->console, "0x%lx does not fit in %lu byte%s\n", value, byte_count,
                      byte_count == 1 ? "" : "s");
        return;
    }
    if (!arguments->force && !is_harmless(monitor, address, byte_count)) {
        return;
    }
    touches(monitor, address, byte_count);
    store(address, value, byte_count);
    monitor->changed_by = "write";
    console_print(monitor->console, "0x%lx: 0x%0*lx written\n", address.value,
                  (int)(2 * byte_count), value);
}

/* Goes to the address with the trap flag set: after one instruction the CPU raises a debug
 * exception. IRETQ sets the flag so that the instruction at the address is that one. */
static void run_one_instruction(void *argument)
{
    const virt_addr *address = argument;

    __asm__ volatile("mov %%rsp, %%rax\n\t"
                     "push %0\n\t"
                     "push %%rax\n\t"
                     "pushfq\n\t"
                     "orq %1, (%%rsp)\n\t"
                     "push %2\n\t"
                     "push %3\n\t"
                     "iretq"
                     :
                     : "i"(SELECTOR_DATA), "i"(RFLAGS_TRAP), "i"(SELECTOR_CODE), "r"(address->value)
                     : "rax", "memory");
    __builtin_unreachable();
}

void command_fetch(struct monitor *monitor, const struct arguments *arguments)
{
    virt_addr address = arguments->address;
    uint64_t offset;

    touches(monitor, address, 1);
    struct caught_exception caught = exception_try(run_one_instruction, &address);
    if (caught.frame.vector != EXCEPTION_DEBUG) {
        fault_print(monitor, &caught);
        return;
    }
    const char *function = symbol_find(caught.frame.rip, &offset);
    console_print(monitor->console, "the instruction at 0x%lx was run; the next one is at 0x%lx",
                  address.value, caught.frame.rip);
    if (function != NULL) {
        console_print(monitor->console, " (%s+0x%lx)", function, offset);
    }
    console_print(monitor->console, "\n");
}
