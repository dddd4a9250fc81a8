#include "kernel/traps/descriptors.h"

#include "kernel/traps/exception.h"
#include "mm_port.h"

#include <stddef.h>

struct __attribute__((packed)) task_state {
    uint32_t reserved0;
    uint64_t privilege_stacks[3];
    uint64_t reserved1;
    uint64_t interrupt_stacks[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map_offset;
};
_Static_assert(sizeof(struct task_state) == 104, "a 64-bit TSS has 104 bytes");

struct gate {
    uint16_t offset_0;
    uint16_t selector;
    uint8_t interrupt_stack;
    uint8_t type;
    uint16_t offset_16;
    uint32_t offset_32;
    uint32_t reserved;
};
_Static_assert(sizeof(struct gate) == 16, "a 64-bit gate has 16 bytes");

struct __attribute__((packed)) table_register {
    uint16_t limit;
    void *base;
};

enum {
    GATE_INTERRUPT = 0x8e, /* present, privilege 0, interrupts off */
    GATE_PRIVILEGE_SHIFT = 5,
    TASK_AVAILABLE = 0x89, /* present, 64-bit TSS that is not busy */
};

enum { SEGMENT_COUNT = 8 };

/* What the CPU reads to deliver an exception: on a page of its own, which it uses at another
 * address than this file does. */
static struct tables {
    struct gate gates[VECTOR_COUNT];
    uint64_t segments[SEGMENT_COUNT];
    struct task_state task;
} tables __attribute__((aligned(4096))) = {
    .segments =
        {
            [SELECTOR_CODE / 8] = UINT64_C(0x00af9a000000ffff),
            [SELECTOR_DATA / 8] = UINT64_C(0x00cf92000000ffff),
            [SELECTOR_CODE32 / 8] = UINT64_C(0x00cf9a000000ffff),
            [SELECTOR_USER_DATA / 8] = UINT64_C(0x00cff2000000ffff),
            [SELECTOR_USER_CODE / 8] = UINT64_C(0x00affa000000ffff),
        },
    .task = {.io_map_offset = sizeof(struct task_state)},
};
_Static_assert(sizeof tables <= DESCRIPTORS_BYTES, "the tables fit into their page");

/* Source: Intel SDM volume 3, 8.2.3 "TSS Descriptor in 64-bit mode". */
static void describe_task(uint64_t base)
{
    uint64_t limit = sizeof tables.task - 1;

    tables.segments[SELECTOR_TASK / 8] = limit | (base & 0xffffff) << 16 |
                                  (uint64_t)TASK_AVAILABLE << 40 | (base >> 24 & 0xff) << 56;
    tables.segments[SELECTOR_TASK / 8 + 1] = base >> 32;
}

/* Source: Intel SDM volume 3, 6.14.1 "64-Bit Mode IDT". */
static struct gate gate_to(uint64_t handler, uint8_t interrupt_stack, unsigned privilege)
{
    return (struct gate){
        .offset_0 = (uint16_t)handler,
        .selector = SELECTOR_CODE,
        .interrupt_stack = interrupt_stack,
        .type = (uint8_t)(GATE_INTERRUPT | privilege << GATE_PRIVILEGE_SHIFT),
        .offset_16 = (uint16_t)(handler >> 16),
        .offset_32 = (uint32_t)(handler >> 32),
    };
}

static uint8_t interrupt_stack_of(unsigned vector)
{
    switch (vector) {
    case EXCEPTION_DOUBLE_FAULT:
        return INTERRUPT_STACK_DOUBLE_FAULT;
    case EXCEPTION_NMI:
        return INTERRUPT_STACK_NMI;
    case EXCEPTION_MACHINE_CHECK:
        return INTERRUPT_STACK_MACHINE_CHECK;
    default:
        return 0;
    }
}

void descriptors_set_gate(unsigned vector, uint64_t handler, unsigned privilege)
{
    tables.gates[vector] = gate_to(handler, interrupt_stack_of(vector), privilege);
}

void descriptors_reset_gate(unsigned vector)
{
    if (vector < EXCEPTION_COUNT) {
        descriptors_set_gate(vector, exception_entries[vector], 0);
    } else if (vector <= VECTOR_SPURIOUS) {
        descriptors_set_gate(vector, (uint64_t)interrupt_ignore, 0);
    } else {
        tables.gates[vector] = (struct gate){0};
    }
}

const uint8_t *descriptors_memory(void)
{
    return (const uint8_t *)&tables;
}

void descriptors_load(virt_addr place)
{
    uint8_t *seen = mm_port_pointer(place);
    struct table_register gdt = {sizeof tables.segments - 1,
                                 &seen[offsetof(struct tables, segments)]};
    struct table_register idt = {sizeof tables.gates - 1, &seen[offsetof(struct tables, gates)]};

    describe_task((uint64_t)&seen[offsetof(struct tables, task)]);
    for (unsigned vector = 0; vector < VECTOR_COUNT; vector++) {
        descriptors_reset_gate(vector);
    }
    __asm__ volatile("lgdt %0\n\t"
                     "push %1\n\t"
                     "lea 1f(%%rip), %%rax\n\t"
                     "push %%rax\n\t"
                     "lretq\n"
                     "1:\n\t"
                     "mov %2, %%eax\n\t"
                     "mov %%eax, %%ds\n\t"
                     "mov %%eax, %%es\n\t"
                     "mov %%eax, %%ss\n\t"
                     "xor %%eax, %%eax\n\t"
                     "mov %%eax, %%fs\n\t"
                     "mov %%eax, %%gs\n\t"
                     "ltr %3\n\t"
                     "lidt %4"
                     :
                     : "m"(gdt), "i"(SELECTOR_CODE), "i"(SELECTOR_DATA),
                       "r"((uint16_t)SELECTOR_TASK), "m"(idt)
                     : "rax", "memory");
}

void descriptors_reload_data(void)
{
    __asm__ volatile("mov %0, %%ds\n\t"
                     "mov %0, %%es\n\t"
                     "mov %0, %%ss"
                     :
                     : "r"(SELECTOR_DATA)
                     : "memory");
}

void descriptors_set_user_exception_stack(virt_addr top)
{
    tables.task.privilege_stacks[0] = top.value;
}

void descriptors_set_stack(enum interrupt_stack stack, virt_addr top)
{
    tables.task.interrupt_stacks[stack - 1] = top.value;
}

struct descriptor_table descriptors_table(enum descriptor_table_name table)
{
    struct table_register place = {sizeof tables.task - 1, &tables.task};

    if (table == DESCRIPTORS_GDT) {
        __asm__ volatile("sgdt %0" : "=m"(place));
    } else if (table == DESCRIPTORS_IDT) {
        __asm__ volatile("sidt %0" : "=m"(place));
    }
    return (struct descriptor_table){place.base, place.limit};
}

void descriptors_set_table(enum descriptor_table_name table, struct descriptor_table place)
{
    struct table_register value = {place.limit, place.base};

    if (table == DESCRIPTORS_GDT) {
        __asm__ volatile("lgdt %0" : : "m"(value) : "memory");
    } else if (table == DESCRIPTORS_IDT) {
        __asm__ volatile("lidt %0" : : "m"(value) : "memory");
    }
}

uint16_t descriptors_segment(enum segment segment)
{
    uint16_t selector = 0;

    switch (segment) {
    case SEGMENT_DS:
        __asm__ volatile("mov %%ds, %0" : "=r"(selector));
        break;
    case SEGMENT_ES:
        __asm__ volatile("mov %%es, %0" : "=r"(selector));
        break;
    case SEGMENT_SS:
        __asm__ volatile("mov %%ss, %0" : "=r"(selector));
        break;
    case SEGMENT_FS:
        __asm__ volatile("mov %%fs, %0" : "=r"(selector));
        break;
    case SEGMENT_GS:
        __asm__ volatile("mov %%gs, %0" : "=r"(selector));
        break;
    case SEGMENT_LDT:
        __asm__ volatile("sldt %0" : "=r"(selector));
        break;
    }
    return selector;
}

void descriptors_set_segment(enum segment segment, uint16_t selector)
{
    switch (segment) {
    case SEGMENT_DS:
        __asm__ volatile("mov %0, %%ds" : : "r"(selector) : "memory");
        break;
    case SEGMENT_ES:
        __asm__ volatile("mov %0, %%es" : : "r"(selector) : "memory");
        break;
    case SEGMENT_SS:
        __asm__ volatile("mov %0, %%ss" : : "r"(selector) : "memory");
        break;
    case SEGMENT_FS:
        __asm__ volatile("mov %0, %%fs" : : "r"(selector) : "memory");
        break;
    case SEGMENT_GS:
        __asm__ volatile("mov %0, %%gs" : : "r"(selector) : "memory");
        break;
    case SEGMENT_LDT:
        __asm__ volatile("lldt %0" : : "r"(selector) : "memory");
        break;
    }
}
