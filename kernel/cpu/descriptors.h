/* The global descriptor table, the task state segment and the interrupt descriptor table. */
#pragma once

#include "mm/address.h"

/* Selectors; entry.asm and exceptions.asm use the same. */
enum {
    SELECTOR_CODE = 0x08,
    SELECTOR_DATA = 0x10,
    SELECTOR_CODE32 = 0x18,
    SELECTOR_TASK = 0x20,
};

/* Stacks that the CPU changes to for certain exceptions, whatever the stack pointer is. */
enum interrupt_stack {
    INTERRUPT_STACK_DOUBLE_FAULT = 1,
    INTERRUPT_STACK_NMI = 2,
    INTERRUPT_STACK_MACHINE_CHECK = 3,
    INTERRUPT_STACK_COUNT = 3,
};

/* Loads GDT, TSS and IDT. May be repeated, as is needed when the GDT was changed elsewhere. */
void descriptors_load(void);

/* Sets where an interrupt stack ends. */
void descriptors_set_stack(enum interrupt_stack stack, virt_addr top);
