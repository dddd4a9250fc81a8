/* The global descriptor table, the task state segment and the interrupt descriptor table. */
#pragma once

#include "mm/address.h"

/* Selectors; entry.asm and exceptions.asm use the same. */
enum {
    SELECTOR_CODE = 0x08,
    SELECTOR_DATA = 0x10,
    SELECTOR_CODE32 = 0x18,
    SELECTOR_TASK = 0x20,
    SELECTOR_USER_DATA = 0x30 | 3,
    SELECTOR_USER_CODE = 0x38 | 3,
};

/* Vectors that have gates: behind those of exceptions, those of the interrupt controllers, which
 * bring in nothing but spurious interrupts, and one for `int`.
 * Spurious: an interrupt that is withdrawn when the CPU asks for its vector comes as the last of its
 * controller. The local APIC's must end in four ones. */
enum {
    VECTOR_PIC_FIRST = 32,
    VECTOR_PIC_COUNT = 16,
    VECTOR_SPURIOUS = VECTOR_PIC_FIRST + VECTOR_PIC_COUNT - 1,
    VECTOR_SOFTWARE,
    VECTOR_COUNT
};

/* Stacks that the CPU changes to for certain exceptions, whatever the stack pointer is. */
enum interrupt_stack {
    INTERRUPT_STACK_DOUBLE_FAULT = 1,
    INTERRUPT_STACK_NMI = 2,
    INTERRUPT_STACK_MACHINE_CHECK = 3,
    INTERRUPT_STACK_COUNT = 3,
};

/* The page that holds all three, for whoever maps it. */
enum { DESCRIPTORS_BYTES = 0x1000 };
const uint8_t *descriptors_memory(void);

/* Loads GDT, TSS and IDT, with all gates as they are at first. The CPU then uses them at `place`,
 * where their page is mapped, writable. May be repeated, as is needed when the GDT was changed
 * elsewhere. */
void descriptors_load(virt_addr place);

/* Makes an entry point the handler of a vector, on the stack that the vector has; `int` may name it
 * from `privilege` (0 or 3) inwards. */
void descriptors_set_gate(unsigned vector, uint64_t handler, unsigned privilege);

/* Takes back descriptors_set_gate: an exception goes to exception_dispatch, an interrupt of the
 * controllers returns at once, VECTOR_SOFTWARE goes nowhere. */
void descriptors_reset_gate(unsigned vector);

/* Loads the data segment again. An exception in user mode leaves selectors of no segment behind,
 * which the CPU accepts in 64-bit mode. */
void descriptors_reload_data(void);

/* Sets where the stack ends that an exception in user mode is handled on. */
void descriptors_set_user_exception_stack(virt_addr top);

/* Sets where an interrupt stack ends. */
void descriptors_set_stack(enum interrupt_stack stack, virt_addr top);

/* Where a table is. The limit is its last byte. */
enum descriptor_table_name { DESCRIPTORS_GDT, DESCRIPTORS_IDT, DESCRIPTORS_TSS };
struct descriptor_table {
    uint8_t *base;
    uint16_t limit;
};

/* As the CPU has it; of the TSS, as this file has it. */
struct descriptor_table descriptors_table(enum descriptor_table_name table);

/* Loads the register of the GDT or the IDT. */
void descriptors_set_table(enum descriptor_table_name table, struct descriptor_table place);

/* The registers that hold selectors. */
enum segment { SEGMENT_DS, SEGMENT_ES, SEGMENT_SS, SEGMENT_FS, SEGMENT_GS, SEGMENT_LDT };
uint16_t descriptors_segment(enum segment segment);

/* FS and GS get the base of the segment, 0 for selector 0. */
void descriptors_set_segment(enum segment segment, uint16_t selector);
