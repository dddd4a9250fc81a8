#include "kernel/traps/stacks.h"

#include "kernel/layout/image.h"
#include "kernel/layout/layout.h"

#include <stddef.h>

/* The kernel stack is the last: entry.asm starts at the end of this section. */
static struct {
    uint8_t double_fault[0x4000];
    uint8_t nmi[0x2000];
    uint8_t machine_check[0x2000];
    uint8_t kernel[0x10000];
} memory __attribute__((section(".bss.stacks"), aligned(4096)));

struct stack_memory stack_memory(enum stack_name name)
{
    const struct stack_memory stacks[STACK_COUNT] = {
        [STACK_DOUBLE_FAULT] = {"double-fault stack", memory.double_fault,
                                sizeof memory.double_fault},
        [STACK_NMI] = {"NMI stack", memory.nmi, sizeof memory.nmi},
        [STACK_MACHINE_CHECK] = {"machine-check stack", memory.machine_check,
                                 sizeof memory.machine_check},
        [STACK_KERNEL] = {"kernel stack", memory.kernel, sizeof memory.kernel},
    };
    return stacks[name];
}

virt_addr stack_top(enum stack_name name)
{
    return virt_addr_of(LAYOUT_STACKS + ((uint64_t)name + 1) * LAYOUT_STACK_SLOT_BYTES);
}

virt_addr stack_bottom(enum stack_name name)
{
    return virt_addr_of(stack_top(name).value - stack_memory(name).bytes);
}

static bool range_contains(uint64_t start, uint64_t bytes, uint64_t address, uint64_t length_bytes)
{
    return address >= start && length_bytes <= bytes && address - start <= bytes - length_bytes;
}

bool stacks_contain(uint64_t address, uint64_t length_bytes)
{
    for (enum stack_name name = 0; name < STACK_COUNT; name++) {
        struct stack_memory stack = stack_memory(name);
        if (range_contains((uint64_t)stack.start, stack.bytes, address, length_bytes) ||
            range_contains(stack_bottom(name).value, stack.bytes, address, length_bytes)) {
            return true;
        }
    }
    return false;
}

const char *stack_overflowed_into(virt_addr address)
{
    for (enum stack_name name = 0; name < STACK_COUNT; name++) {
        uint64_t slot = stack_top(name).value - LAYOUT_STACK_SLOT_BYTES;
        if (address.value >= slot && address.value < stack_bottom(name).value) {
            return stack_memory(name).name;
        }
    }
    return NULL;
}
