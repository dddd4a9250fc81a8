#include "kernel/test_mode/cpu_items.h"

#include "kernel/drivers/nmi_timer.h"
#include "kernel/drivers/pic.h"
#include "kernel/drivers/watchdog.h"
#include "kernel/traps/descriptors.h"

enum { CPUID_BASIC = 1, CPUID_EDX_APIC = 1 << 9, CPUID_EDX_SEP = 1 << 11, CPUID_EDX_MTRR = 1 << 12 };

static bool has_basic(uint32_t edx)
{
    return (cpuid_read(CPUID_BASIC, 0).edx & edx) != 0;
}

static bool has_apic(const struct kernel *kernel)
{
    (void)kernel;
    return has_basic(CPUID_EDX_APIC);
}

static bool has_apic_in_use(const struct kernel *kernel)
{
    (void)kernel;
    return watchdog_is_there();
}

static bool has_sysenter(const struct kernel *kernel)
{
    (void)kernel;
    return has_basic(CPUID_EDX_SEP);
}

static bool has_mtrr(const struct kernel *kernel)
{
    (void)kernel;
    return has_basic(CPUID_EDX_MTRR);
}

static bool has_system_calls(const struct kernel *kernel)
{
    return kernel->cpu.system_calls;
}

static bool has_page_attributes(const struct kernel *kernel)
{
    return kernel->cpu.page_attributes;
}

static bool has_supervisor_keys(const struct kernel *kernel)
{
    return kernel->cpu.supervisor_keys;
}

static bool has_xcr0(const struct kernel *kernel)
{
    (void)kernel;
    return (cr4_read() & CR4_XSAVE) != 0;
}

static bool direction_was_set;

void cpu_items_clear_direction(void)
{
    uint64_t flags = rflags_read();

    __asm__ volatile("cld");
    direction_was_set = direction_was_set || (flags & RFLAGS_DIRECTION) != 0;
}

static uint64_t read_direction(uint32_t unused)
{
    (void)unused;
    return direction_was_set;
}

static void write_direction(uint32_t unused, uint64_t value)
{
    (void)unused;
    direction_was_set = value != 0;
}

/* Of RFLAGS, the bits in `mask`. */
static uint64_t read_flags(uint32_t mask)
{
    return rflags_read() & mask;
}

static void write_flags(uint32_t mask, uint64_t value)
{
    rflags_write((rflags_read() & ~(uint64_t)mask) | value);
}

static uint64_t read_interrupt_flag(uint32_t unused)
{
    (void)unused;
    return interrupts_are_on();
}

static void write_interrupt_flag(uint32_t unused, uint64_t value)
{
    (void)unused;
    if (value != 0) {
        interrupts_on();
    } else {
        interrupts_off();
    }
}

static uint64_t read_control(uint32_t number)
{
    uint64_t cr8;

    switch (number) {
    case 0:
        return cr0_read();
    case 4:
        return cr4_read();
    default:
        __asm__ volatile("mov %%cr8, %0" : "=r"(cr8));
        return cr8;
    }
}

static void write_control(uint32_t number, uint64_t value)
{
    switch (number) {
    case 0:
        cr0_write(value);
        return;
    case 4:
        cr4_write(value);
        return;
    default:
        __asm__ volatile("mov %0, %%cr8" : : "r"(value) : "memory");
    }
}

static uint64_t read_root(uint32_t unused)
{
    (void)unused;
    return cr3_read() & CR3_FRAME_MASK;
}

static void write_root(uint32_t unused, uint64_t value)
{
    (void)unused;
    cr3_write(value);
}

static uint64_t read_root_flags(uint32_t unused)
{
    (void)unused;
    return cr3_read() & ~CR3_FRAME_MASK;
}

static void write_root_flags(uint32_t unused, uint64_t value)
{
    (void)unused;
    cr3_write((cr3_read() & CR3_FRAME_MASK) | value);
}

static uint64_t read_debug(uint32_t number)
{
    uint64_t value;

    switch (number) {
    case 0:
        __asm__ volatile("mov %%dr0, %0" : "=r"(value));
        return value;
    case 1:
        __asm__ volatile("mov %%dr1, %0" : "=r"(value));
        return value;
    case 2:
        __asm__ volatile("mov %%dr2, %0" : "=r"(value));
        return value;
    case 3:
        __asm__ volatile("mov %%dr3, %0" : "=r"(value));
        return value;
    default:
        __asm__ volatile("mov %%dr7, %0" : "=r"(value));
        return value;
    }
}

static void write_debug(uint32_t number, uint64_t value)
{
    switch (number) {
    case 0:
        __asm__ volatile("mov %0, %%dr0" : : "r"(value));
        return;
    case 1:
        __asm__ volatile("mov %0, %%dr1" : : "r"(value));
        return;
    case 2:
        __asm__ volatile("mov %0, %%dr2" : : "r"(value));
        return;
    case 3:
        __asm__ volatile("mov %0, %%dr3" : : "r"(value));
        return;
    default:
        __asm__ volatile("mov %0, %%dr7" : : "r"(value));
    }
}

static uint64_t read_extended_control(uint32_t number)
{
    uint32_t low;
    uint32_t high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(number));
    return (uint64_t)high << 32 | low;
}

static void write_extended_control(uint32_t number, uint64_t value)
{
    __asm__ volatile("xsetbv"
                     :
                     : "c"(number), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static uint64_t read_segment(uint32_t segment)
{
    return descriptors_segment(segment);
}

static void write_segment(uint32_t segment, uint64_t value)
{
    descriptors_set_segment(segment, (uint16_t)value);
}

static uint64_t read_table_base(uint32_t table)
{
    return (uint64_t)descriptors_table(table).base;
}

static void write_table_base(uint32_t table, uint64_t value)
{
    struct descriptor_table now = descriptors_table(table);

    descriptors_set_table(table, (struct descriptor_table){(uint8_t *)value, now.limit});
}

static uint64_t read_table_limit(uint32_t table)
{
    return descriptors_table(table).limit;
}

static void write_table_limit(uint32_t table, uint64_t value)
{
    struct descriptor_table now = descriptors_table(table);

    descriptors_set_table(table, (struct descriptor_table){now.base, (uint16_t)value});
}

static uint64_t read_apic(uint32_t offset)
{
    return nmi_timer_apic_read(offset);
}

static void write_apic(uint32_t offset, uint64_t value)
{
    nmi_timer_apic_write(offset, (uint32_t)value);
}

static uint64_t read_pic_masks(uint32_t unused)
{
    (void)unused;
    return pic_masks();
}

static void write_pic_masks(uint32_t unused, uint64_t value)
{
    (void)unused;
    pic_set_masks((uint16_t)value);
}

#define MSR(name_, number_, is_there_) {name_, msr_read, msr_write, number_, is_there_}
#define FLAGS(name_, mask_) {name_, read_flags, write_flags, mask_, NULL}
#define CONTROL(number_) {"CR" #number_, read_control, write_control, number_, NULL}
#define DEBUG(number_) {"DR" #number_, read_debug, write_debug, number_, NULL}
#define SEGMENT(name_, segment_) {name_, read_segment, write_segment, segment_, NULL}
#define APIC(name_, offset_) {name_, read_apic, write_apic, offset_, has_apic_in_use}

const struct cpu_item cpu_items[] = {
    {"the interrupt flag", read_interrupt_flag, write_interrupt_flag, 0, NULL},
    {"the direction flag", read_direction, write_direction, 0, NULL},
    FLAGS("the I/O privilege level in RFLAGS", RFLAGS_IO_PRIVILEGE),
    FLAGS("the nested-task flag in RFLAGS", RFLAGS_NESTED_TASK),
    FLAGS("the alignment-check flag in RFLAGS", RFLAGS_ALIGNMENT_CHECK),
    {"the base of the IDT", read_table_base, write_table_base, DESCRIPTORS_IDT, NULL},
    {"the limit of the IDT", read_table_limit, write_table_limit, DESCRIPTORS_IDT, NULL},
    {"the base of the GDT", read_table_base, write_table_base, DESCRIPTORS_GDT, NULL},
    {"the limit of the GDT", read_table_limit, write_table_limit, DESCRIPTORS_GDT, NULL},
    CONTROL(0),
    {"the root in CR3", read_root, write_root, 0, NULL},
    CONTROL(4),
    {"the PCID or flags in CR3", read_root_flags, write_root_flags, 0, NULL},
    /* The local APIC's task priority: without one, QEMU's stays 0. */
    {"CR8", read_control, write_control, 8, has_apic},
    MSR("EFER", MSR_EFER, NULL),
    {"XCR0", read_extended_control, write_extended_control, 0, has_xcr0},
    SEGMENT("DS", SEGMENT_DS),
    SEGMENT("ES", SEGMENT_ES),
    SEGMENT("SS", SEGMENT_SS),
    SEGMENT("FS", SEGMENT_FS),
    SEGMENT("GS", SEGMENT_GS),
    SEGMENT("the LDT register", SEGMENT_LDT),
    MSR("the base of FS", MSR_FS_BASE, NULL),
    MSR("the base of GS", MSR_GS_BASE, NULL),
    MSR("the other base of GS (KERNEL_GS_BASE)", MSR_KERNEL_GS_BASE, NULL),
    MSR("STAR", MSR_STAR, has_system_calls),
    MSR("LSTAR", MSR_LSTAR, has_system_calls),
    MSR("CSTAR", MSR_CSTAR, has_system_calls),
    MSR("SFMASK", MSR_SFMASK, has_system_calls),
    MSR("SYSENTER_CS", MSR_SYSENTER_CS, has_sysenter),
    MSR("SYSENTER_ESP", MSR_SYSENTER_ESP, has_sysenter),
    MSR("SYSENTER_EIP", MSR_SYSENTER_EIP, has_sysenter),
    MSR("the PAT", MSR_PAT, has_page_attributes),
    MSR("MTRR_DEF_TYPE", MSR_MTRR_DEFAULT_TYPE, has_mtrr),
    MSR("PKRS", MSR_PKRS, has_supervisor_keys),
    MSR("APIC_BASE", MSR_APIC_BASE, has_apic),
    DEBUG(7),
    DEBUG(0),
    DEBUG(1),
    DEBUG(2),
    DEBUG(3),
    APIC("the local APIC's spurious-interrupt register", APIC_SPURIOUS),
    APIC("the local APIC's timer", APIC_LVT_TIMER),
    APIC("the local APIC's pin LINT0", APIC_LINT0),
    APIC("the local APIC's pin LINT1", APIC_LINT1),
    {"the mask of the PICs", read_pic_masks, write_pic_masks, 0, NULL},
};
const size_t cpu_item_count = sizeof cpu_items / sizeof cpu_items[0];
_Static_assert(sizeof cpu_items / sizeof cpu_items[0] <= CPU_ITEMS_MAX, "a state has room for each item");
