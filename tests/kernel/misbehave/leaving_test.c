/* Tests that leave the CPU and its interrupt controllers otherwise than they found them. */
#include "kernel/cpu/port_io.h"
#include "kernel/cpu/registers.h"
#include "kernel/drivers/nmi_timer.h"
#include "kernel/drivers/pic.h"
#include "kernel/traps/descriptors.h"
#include "kernel/traps/exception.h"
#include "testing/test.h"

#define ALARM UINT64_C(0x1000) /* where nothing is */

static void flip_flags(uint64_t mask) { rflags_write(rflags_read() ^ mask); }
static void change_msr(uint32_t number) { msr_write(number, msr_read(number) ^ 0x10); }

TEST(bad, leaves_the_direction_flag_set) { __asm__ volatile("std"); }
TEST(bad, leaves_alignment_checked) { flip_flags(RFLAGS_ALIGNMENT_CHECK); }
TEST(bad, leaves_a_task_nested) { flip_flags(RFLAGS_NESTED_TASK); }
TEST(bad, leaves_ports_to_user_mode) { flip_flags(RFLAGS_IO_PRIVILEGE); }
TEST(bad, leaves_itself_traced) { flip_flags(RFLAGS_TRAP); }

TEST(bad, leaves_a_breakpoint_armed)
{
    __asm__ volatile("mov %0, %%dr3; mov %1, %%dr7" : : "r"(ALARM), "r"(UINT64_C(0x440)));
}

TEST(bad, leaves_a_breakpoint_address) { __asm__ volatile("mov %0, %%dr1" : : "r"(ALARM)); }
TEST(bad, leaves_a_memory_type) { msr_write(MSR_PAT, msr_read(MSR_PAT) ^ UINT64_C(1) << 56); }
TEST(bad, leaves_ranges_of_memory_types) { change_msr(MSR_MTRR_DEFAULT_TYPE); }
TEST(bad, leaves_segments_of_system_calls) { change_msr(MSR_STAR); }
TEST(bad, leaves_an_entry_of_system_calls) { change_msr(MSR_LSTAR); }
TEST(bad, leaves_an_entry_of_old_system_calls) { change_msr(MSR_CSTAR); }
TEST(bad, leaves_a_mask_of_system_calls) { change_msr(MSR_SFMASK); }
TEST(bad, leaves_a_code_segment_of_sysenter) { change_msr(MSR_SYSENTER_CS); }
TEST(bad, leaves_a_stack_of_sysenter) { change_msr(MSR_SYSENTER_ESP); }
TEST(bad, leaves_an_entry_of_sysenter) { change_msr(MSR_SYSENTER_EIP); }
TEST(bad, leaves_a_base_of_fs) { change_msr(MSR_FS_BASE); }
TEST(bad, leaves_a_base_of_gs) { change_msr(MSR_GS_BASE); }
TEST(bad, leaves_another_base_of_gs) { change_msr(MSR_KERNEL_GS_BASE); }
TEST(bad, leaves_system_calls_changed) { msr_write(MSR_EFER, msr_read(MSR_EFER) ^ EFER_SYSTEM_CALLS); }
TEST(bad, leaves_extended_states_on) { cr4_write(cr4_read() ^ CR4_XSAVE); }
TEST(bad, leaves_flags_in_cr3) { cr3_write(cr3_read() ^ 0x8); }
TEST(bad, leaves_a_task_priority) { __asm__ volatile("mov %0, %%cr8" : : "r"(UINT64_C(2))); }

TEST(bad, leaves_no_interrupt_table)
{
    descriptors_set_table(DESCRIPTORS_IDT, (struct descriptor_table){0});
}

/* With the same gates elsewhere, exceptions go on. */
TEST(bad, leaves_the_interrupt_table_elsewhere)
{
    static uint8_t copy[4096] __attribute__((aligned(16)));
    struct descriptor_table idt = descriptors_table(DESCRIPTORS_IDT);

    for (size_t i = 0; i <= idt.limit; i++) {
        copy[i] = idt.base[i];
    }
    descriptors_set_table(DESCRIPTORS_IDT, (struct descriptor_table){copy, idt.limit});
}

TEST(bad, leaves_a_gate) { descriptors_set_gate(VECTOR_SOFTWARE, (uint64_t)interrupt_ignore, 3); }

TEST(bad, leaves_a_longer_segment_table)
{
    struct descriptor_table gdt = descriptors_table(DESCRIPTORS_GDT);

    gdt.limit = (uint16_t)(gdt.limit + 8);
    descriptors_set_table(DESCRIPTORS_GDT, gdt);
}

TEST(bad, leaves_a_segment_changed) { descriptors_table(DESCRIPTORS_GDT).base[SELECTOR_CODE32] ^= 1; }
TEST(bad, leaves_a_data_segment) { descriptors_set_segment(SEGMENT_DS, 0); }
TEST(bad, leaves_a_segment_in_fs) { descriptors_set_segment(SEGMENT_FS, SELECTOR_DATA); }

/* Where nothing is: the next double fault would have no stack. */
TEST(bad, leaves_an_interrupt_stack)
{
    descriptors_set_stack(INTERRUPT_STACK_DOUBLE_FAULT, virt_addr_of(ALARM));
}

TEST(bad, leaves_the_timer_masked) { pic_set_masks((uint16_t)(pic_masks() | 1)); }
TEST(bad, leaves_an_interrupt_let_through) { pic_set_masks((uint16_t)(pic_masks() & ~0x4u)); }
TEST(bad, leaves_the_local_apic_off) { nmi_timer_apic_write(APIC_SPURIOUS, 0xff); }
TEST(bad, leaves_nmis_masked)
{
    nmi_timer_apic_write(APIC_LINT0, nmi_timer_apic_read(APIC_LINT0) | 1 << 16);
}
TEST(bad, leaves_the_local_apics_timer_on) { nmi_timer_apic_write(APIC_LVT_TIMER, 0x30); }
TEST(bad, leaves_the_local_apic_without_registers)
{
    msr_write(MSR_APIC_BASE, msr_read(MSR_APIC_BASE) & ~(UINT64_C(1) << 11));
}
