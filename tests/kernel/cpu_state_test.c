/* What a test leaves behind in the CPU and its interrupt controllers fails it by name. */
#include "kernel/cpu/registers.h"
#include "kernel/drivers/nmi_timer.h"
#include "kernel/drivers/pic.h"
#include "kernel/drivers/watchdog.h"
#include "kernel/traps/descriptors.h"
#include "kernel/traps/exception.h"
#include "tests/kernel/inner_run.h"
#include "tests/kernel/support.h"

static void leaves_nothing_at_all(struct test *test)
{
    (void)test;
}

static void leaves_interrupts_on(struct test *test)
{
    (void)test;
    interrupts_on();
}

static void leaves_write_protection_off(struct test *test)
{
    (void)test;
    cr0_write(cr0_read() & ~CR0_WRITE_PROTECT);
}

static void leaves_the_time_stamp_to_the_kernel(struct test *test)
{
    (void)test;
    cr4_write(cr4_read() ^ CR4_TIME_STAMP_DISABLE);
}

static void leaves_system_calls_on(struct test *test)
{
    (void)test;
    msr_write(MSR_EFER, msr_read(MSR_EFER) ^ EFER_SYSTEM_CALLS);
}

static void leaves_a_flush_owed(struct test *test)
{
    (void)test;
    mm_port_flush_owed(1);
}

static void leaves_other_tables(struct test *test)
{
    struct kernel *kernel = test->subject;
    struct page_table *table = &kernel->page_table;
    phys_addr root;

    REQUIRE(frame_source_allocate(kernel->table_frames, 0, &root));
    for (uint64_t at = 0; at < page_size_bytes(PAGE_4K); at++) {
        *physical_byte(kernel, phys_addr_add(root, at)) =
            *physical_byte(kernel, phys_addr_add(table->root, at));
    }
    cr3_write(root.value);
    REQUIRE_EQUAL(frame_source_free(kernel->table_frames, 0, root), FRAME_FREE_OK);
}

static void leaves_a_breakpoint(struct test *test)
{
    (void)test;
    __asm__ volatile("mov %0, %%dr0; mov %1, %%dr7" : : "r"(UINT64_C(0x1000)), "r"(UINT64_C(0x401)));
}

static void leaves_a_memory_type(struct test *test)
{
    const struct kernel *kernel = test->subject;

    if (kernel->cpu.page_attributes) {
        msr_write(MSR_PAT, msr_read(MSR_PAT) ^ PAT_WRITE_COMBINING << 56);
    }
}

static void leaves_an_entry_of_system_calls(struct test *test)
{
    const struct kernel *kernel = test->subject;

    if (kernel->cpu.system_calls) {
        msr_write(MSR_LSTAR, msr_read(MSR_LSTAR) + 1);
    }
}

static void leaves_a_base_of_gs(struct test *test)
{
    (void)test;
    msr_write(MSR_KERNEL_GS_BASE, 0x1000);
}

static void leaves_no_interrupt_table(struct test *test)
{
    (void)test;
    descriptors_set_table(DESCRIPTORS_IDT, (struct descriptor_table){0});
}

static void leaves_a_gate(struct test *test)
{
    (void)test;
    descriptors_set_gate(VECTOR_SOFTWARE, (uint64_t)interrupt_ignore, 0);
}

static void leaves_a_data_segment(struct test *test)
{
    (void)test;
    descriptors_set_segment(SEGMENT_ES, 0);
}

static void leaves_alignment_checked(struct test *test)
{
    (void)test;
    rflags_write(rflags_read() | RFLAGS_ALIGNMENT_CHECK);
}

static void leaves_a_task_nested(struct test *test)
{
    (void)test;
    rflags_write(rflags_read() | RFLAGS_NESTED_TASK);
}

static void leaves_the_direction_down(struct test *test)
{
    (void)test;
    __asm__ volatile("std");
}

static void leaves_the_direction_down_and_ends(struct test *test)
{
    leaves_the_direction_down(test);
    SKIP("with the direction flag set");
}

static void leaves_a_task_priority(struct test *test)
{
    (void)test;
    __asm__ volatile("mov %0, %%cr8" : : "r"(UINT64_C(5)));
}

static void leaves_the_timer_masked(struct test *test)
{
    (void)test;
    pic_set_masks((uint16_t)(pic_masks() ^ 1u << PIC_LINE_TIMER));
}

static void leaves_the_apic_off(struct test *test)
{
    (void)test;
    if (watchdog_is_there()) {
        nmi_timer_apic_write(APIC_SPURIOUS, nmi_timer_apic_read(APIC_SPURIOUS) & 0xff);
    }
}

/* Whether the machine has what the row leaves. */
static bool has_pats(const struct kernel *kernel)
{
    return kernel->cpu.page_attributes;
}

static bool has_system_calls(const struct kernel *kernel)
{
    return kernel->cpu.system_calls;
}

/* Without a local APIC, whose task priority it is, QEMU's CR8 stays 0. */
static bool has_task_priority(const struct kernel *kernel)
{
    (void)kernel;
    return (cpuid_read(1, 0).edx & 1 << 9) != 0;
}

static bool has_watchdog(const struct kernel *kernel)
{
    (void)kernel;
    return watchdog_is_there();
}

static const struct {
    const char *name;
    void (*function)(struct test *test);
    const char *text;
    bool (*is_there)(const struct kernel *kernel); /* NULL: on every machine */
} register_rows[] = {
    {"interrupt flag", leaves_interrupts_on,
     "# left behind: the interrupt flag was 0x0 and is 0x1\nnot ok", NULL},
    {"CR0", leaves_write_protection_off, "# left behind: CR0 was 0x8001", NULL},
    {"CR3", leaves_other_tables, "# left behind: the root in CR3 was 0x", NULL},
    {"CR4", leaves_the_time_stamp_to_the_kernel, "# left behind: CR4 was 0x", NULL},
    {"EFER", leaves_system_calls_on, "# left behind: EFER was 0x", has_system_calls},
    {"DR7", leaves_a_breakpoint, "# left behind: DR7 was 0x400 and is 0x401\n", NULL},
    {"DR0", leaves_a_breakpoint, "# left behind: DR0 was 0x0 and is 0x1000\n", NULL},
    {"PAT", leaves_a_memory_type, "# left behind: the PAT was 0x", has_pats},
    {"LSTAR", leaves_an_entry_of_system_calls, "# left behind: LSTAR was 0x", has_system_calls},
    {"KERNEL_GS_BASE", leaves_a_base_of_gs, " (KERNEL_GS_BASE) was 0x0 and is 0x1000\n", NULL},
    {"IDT", leaves_no_interrupt_table, "# left behind: the limit of the IDT was 0x", NULL},
    {"gate", leaves_a_gate, "# left behind: the contents of the IDT (checksum) was 0x", NULL},
    {"ES", leaves_a_data_segment, "# left behind: ES was 0x10 and is 0x0\n", NULL},
    {"AC", leaves_alignment_checked,
     "# left behind: the alignment-check flag in RFLAGS was 0x0 and is 0x40000\n", NULL},
    {"NT", leaves_a_task_nested, "# left behind: the nested-task flag in RFLAGS was 0x0 and is 0x4000\n", NULL},
    {"DF", leaves_the_direction_down, "# left behind: the direction flag was 0x0 and is 0x1\n", NULL},
    {"DF by a jump", leaves_the_direction_down_and_ends,
     "# left behind: the direction flag was 0x0 and is 0x1\n", NULL},
    {"CR8", leaves_a_task_priority, "# left behind: CR8 was 0x0 and is 0x5\n", has_task_priority},
    {"PIC", leaves_the_timer_masked, "# left behind: the mask of the PICs was 0x", has_watchdog},
    {"APIC", leaves_the_apic_off,
     "# left behind: the local APIC's spurious-interrupt register was 0x", has_watchdog},
    {"flush token", leaves_a_flush_owed,
     "# left behind: the number of flushes owed was 0x0 and is 0x1\nnot ok", NULL},
};

TEST_EACH(leftovers, in_the_registers_are_named_and_put_right, register_rows)
{
    struct kernel *kernel = test->subject;
    uint64_t cr3 = cr3_read();

    if (row->is_there != NULL && !row->is_there(kernel)) {
        SKIP("the machine has none");
    }
    /* A tick of the watchdog's that came while there is no IDT would be the machine's end. */
    uint16_t masks = pic_masks();
    pic_set_masks((uint16_t)(masks | 1u << PIC_LINE_TIMER));
    run_inner_function(test, row->function);
    pic_set_masks(masks);
    CHECK_TEXT_HAS(inner.text, row->text);
    CHECK_EQUAL(inner.result, TEST_RUN_FAILED);
    CHECK_EQUAL(cr3_read(), cr3);
    CHECK(!interrupts_are_on());
    run_inner_function(test, leaves_nothing_at_all);
    CHECK_TEXT_HAS(inner.text, "1..1\nok 1 inner.it\n");
}
