/* The kernel's stacks. Until the kernel has its own address space they are used where the image
 * is linked; in it each has a slot of the stack area, with unmapped pages below: see
 * layout/layout.h. */
#pragma once

#include "mm/address.h"

enum stack_name {
    STACK_DOUBLE_FAULT,
    STACK_NMI,
    STACK_MACHINE_CHECK,
    STACK_KERNEL,
    STACK_COUNT,
};

/* The bytes of a stack inside the image. */
struct stack_memory {
    const char *name;
    uint8_t *start;
    uint64_t bytes;
};

struct stack_memory stack_memory(enum stack_name name);

/* The end of the stack in the kernel's address space, from where it grows down. */
virt_addr stack_top(enum stack_name name);

/* The lowest mapped address of the stack in the kernel's address space. */
virt_addr stack_bottom(enum stack_name name);

/* True when all of [address, address + length_bytes) is in one stack, in either of its places. */
bool stacks_contain(uint64_t address, uint64_t length_bytes);

/* The name of the stack that ran over if `address` is in a guard area, or NULL. */
const char *stack_overflowed_into(virt_addr address);
