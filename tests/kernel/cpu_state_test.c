/* What a test leaves behind in the CPU and its interrupt controllers fails it by name: a demonstration
 * for each row of kernel/test_mode/cpu_items.c, and for each table that is compared. */
#include "kernel/cpu/registers.h"
#include "kernel/drivers/nmi_timer.h"
#include "kernel/drivers/pic.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/test_mode/cpu_state.h"
#include "kernel/traps/descriptors.h"
#include "kernel/traps/exception.h"
#include "tests/kernel/inner_run.h"
#include "tests/kernel/support.h"

#define ALARM UINT64_C(0x1000) /* where nothing is */

/* Each of these changes something as a test might: not by the functions of the list. `bits` are flipped. */

static void flip_interrupt_flag(struct test *test, uint32_t unused, uint64_t bits)
{
    (void)test;
    (void)unused;
    (void)bits;
    if (interrupts_are_on()) {
        interrupts_off();
    } else {
        interrupts_on();
    }
}

static void set_direction(struct test *test, uint32_t unused, uint64_t bits)
{
    (void)test;
    (void)unused;
    (void)bits;
    __asm__ volatile("std");
}

static void set_direction_and_end(struct test *test, uint32_t unused, uint64_t bits)
{
    set_direction(test, unused, bits);
    SKIP("with the direction flag set");
}

static void flip_flags(struct test *test, uint32_t unused, uint64_t bits)
{
    (void)test;
    (void)unused;
    rflags_write(rflags_read() ^ bits);
}

static void flip_msr(struct test *test, uint32_t number, uint64_t bits)
{
    (void)test;
    msr_write(number, msr_read(number) ^ bits);
}

static void flip_control(struct test *test, uint32_t number, uint64_t bits)
{
    uint64_t priority;

    (void)test;
    if (number == 0) {
        cr0_write(cr0_read() ^ bits);
    } else if (number == 3) {
        cr3_write(cr3_read() ^ bits);
    } else if (number == 4) {
        cr4_write(cr4_read() ^ bits);
    } else {
        __asm__ volatile("mov %%cr8, %0" : "=r"(priority));
        __asm__ volatile("mov %0, %%cr8" : : "r"(priority ^ bits) : "memory");
    }
}

/* Frees the tables at once: an inner test that leaves a frame would fail for that alone. */
static void use_other_tables(struct test *test, uint32_t unused, uint64_t bits)
{
    struct kernel *kernel = test->subject;
    struct page_table *table = &kernel->page_table;
    phys_addr root;

    (void)unused;
    (void)bits;
    REQUIRE(frame_source_allocate(kernel->table_frames, 0, &root));
    for (uint64_t at = 0; at < page_size_bytes(PAGE_4K); at++) {
        *physical_byte(kernel, phys_addr_add(root, at)) =
            *physical_byte(kernel, phys_addr_add(table->root, at));
    }
    cr3_write(root.value | (cr3_read() & ~CR3_FRAME_MASK));
    REQUIRE_EQUAL(frame_source_free(kernel->table_frames, 0, root), FRAME_FREE_OK);
}

static void flip_xcr0(struct test *test, uint32_t number, uint64_t bits)
{
    uint32_t low;
    uint32_t high;

    (void)test;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(number));
    __asm__ volatile("xsetbv" : : "c"(number), "a"(low ^ (uint32_t)bits), "d"(high));
}

static void set_debug(struct test *test, uint32_t number, uint64_t value)
{
    (void)test;
    if (number == 0) {
        __asm__ volatile("mov %0, %%dr0" : : "r"(value));
    } else if (number == 1) {
        __asm__ volatile("mov %0, %%dr1" : : "r"(value));
    } else if (number == 2) {
        __asm__ volatile("mov %0, %%dr2" : : "r"(value));
    } else if (number == 3) {
        __asm__ volatile("mov %0, %%dr3" : : "r"(value));
    } else {
        __asm__ volatile("mov %0, %%dr7" : : "r"(value));
    }
}

static void flip_segment(struct test *test, uint32_t segment, uint64_t bits)
{
    (void)test;
    descriptors_set_segment(segment, (uint16_t)(descriptors_segment(segment) ^ bits));
}

static void flip_limit(struct test *test, uint32_t name, uint64_t bits)
{
    struct descriptor_table table = descriptors_table(name);

    (void)test;
    table.limit = (uint16_t)(table.limit ^ bits);
    descriptors_set_table(name, table);
}

/* With the same contents elsewhere, exceptions go on. */
static void move_table(struct test *test, uint32_t name, uint64_t bits)
{
    static uint8_t copies[2][1024] __attribute__((aligned(16)));
    uint8_t *copy = copies[name == DESCRIPTORS_IDT];
    struct descriptor_table table = descriptors_table(name);

    (void)bits;
    REQUIRE((size_t)table.limit + 1 <= sizeof copies[0]);
    memcpy(copy, table.base, (size_t)table.limit + 1);
    descriptors_set_table(name, (struct descriptor_table){copy, table.limit});
}

static void flip_table(struct test *test, uint32_t name, uint64_t place)
{
    (void)test;
    descriptors_table(name).base[place] ^= 1;
}

static void flip_apic(struct test *test, uint32_t number, uint64_t bits)
{
    (void)test;
    nmi_timer_apic_write(number, nmi_timer_apic_read(number) ^ (uint32_t)bits);
}

static void flip_pic_masks(struct test *test, uint32_t unused, uint64_t bits)
{
    (void)test;
    (void)unused;
    pic_set_masks((uint16_t)(pic_masks() ^ bits));
}

static bool has_system_calls(const struct kernel *kernel)
{
    return kernel->cpu.system_calls;
}

/* Otherwise all bits are read as ones. By a line of the second PIC, which is masked. */
static bool has_pic(const struct kernel *kernel)
{
    uint16_t masks = pic_masks();

    (void)kernel;
    pic_set_masks(masks ^ 0x8000);
    bool is_there = pic_masks() != masks;
    pic_set_masks(masks);
    return is_there;
}

/* name: of the row whose change is to be told. is_possible: whether the machine allows the change; NULL: each
 * does that has what the row is about. */
struct demonstration {
    const char *name;
    void (*change)(struct test *test, uint32_t number, uint64_t bits);
    uint32_t number;
    uint64_t bits;
    bool (*is_possible)(const struct kernel *kernel);
};

enum { DEFAULT_TYPE_FIXED = 1 << 10, LVT_MASKED = 1 << 16, LVT_VECTOR = 0x20 };

static const struct demonstration demonstrations[] = {
    {"the interrupt flag", flip_interrupt_flag, 0, 0, NULL},
    {"the direction flag", set_direction, 0, 0, NULL},
    {"the direction flag", set_direction_and_end, 0, 0, NULL},
    {"the I/O privilege level in RFLAGS", flip_flags, 0, RFLAGS_IO_PRIVILEGE, NULL},
    {"the nested-task flag in RFLAGS", flip_flags, 0, RFLAGS_NESTED_TASK, NULL},
    {"the alignment-check flag in RFLAGS", flip_flags, 0, RFLAGS_ALIGNMENT_CHECK, NULL},
    {"the base of the IDT", move_table, DESCRIPTORS_IDT, 0, NULL},
    {"the limit of the IDT", flip_limit, DESCRIPTORS_IDT, 0x10, NULL},
    {"the base of the GDT", move_table, DESCRIPTORS_GDT, 0, NULL},
    {"the limit of the GDT", flip_limit, DESCRIPTORS_GDT, 0x40, NULL},
    {"CR0", flip_control, 0, CR0_WRITE_PROTECT, NULL},
    {"the root in CR3", use_other_tables, 0, 0, NULL},
    {"CR4", flip_control, 4, CR4_TIME_STAMP_DISABLE, NULL},
    {"the PCID or flags in CR3", flip_control, 3, PAGE_WRITE_THROUGH, NULL},
    {"CR8", flip_control, 8, 2, NULL},
    {"EFER", flip_msr, MSR_EFER, EFER_SYSTEM_CALLS, has_system_calls},
    {"XCR0", flip_xcr0, 0, 2, NULL},
    {"DS", flip_segment, SEGMENT_DS, SELECTOR_DATA, NULL},
    {"ES", flip_segment, SEGMENT_ES, SELECTOR_DATA, NULL},
    {"SS", flip_segment, SEGMENT_SS, SELECTOR_DATA, NULL},
    {"FS", flip_segment, SEGMENT_FS, SELECTOR_DATA, NULL},
    {"GS", flip_segment, SEGMENT_GS, SELECTOR_DATA, NULL},
    {"the LDT register", flip_segment, SEGMENT_LDT, 3, NULL},
    {"the base of FS", flip_msr, MSR_FS_BASE, ALARM, NULL},
    {"the base of GS", flip_msr, MSR_GS_BASE, ALARM, NULL},
    {"the other base of GS (KERNEL_GS_BASE)", flip_msr, MSR_KERNEL_GS_BASE, ALARM, NULL},
    {"STAR", flip_msr, MSR_STAR, 1, NULL},
    {"LSTAR", flip_msr, MSR_LSTAR, 1, NULL},
    {"CSTAR", flip_msr, MSR_CSTAR, 1, NULL},
    {"SFMASK", flip_msr, MSR_SFMASK, 1, NULL},
    {"SYSENTER_CS", flip_msr, MSR_SYSENTER_CS, 8, NULL},
    {"SYSENTER_ESP", flip_msr, MSR_SYSENTER_ESP, 8, NULL},
    {"SYSENTER_EIP", flip_msr, MSR_SYSENTER_EIP, 8, NULL},
    {"the PAT", flip_msr, MSR_PAT, PAT_WRITE_COMBINING << 56, NULL},
    {"MTRR_DEF_TYPE", flip_msr, MSR_MTRR_DEFAULT_TYPE, DEFAULT_TYPE_FIXED, NULL},
    {"PKRS", flip_msr, MSR_PKRS, UINT64_C(1) << 31, NULL},
    /* Its place: a local APIC that was switched off cannot be switched on again everywhere. */
    {"APIC_BASE", flip_msr, MSR_APIC_BASE, 0x1000, NULL},
    {"DR7", set_debug, 7, 0x402, NULL},
    {"DR0", set_debug, 0, ALARM, NULL},
    {"DR1", set_debug, 1, ALARM, NULL},
    {"DR2", set_debug, 2, ALARM, NULL},
    {"DR3", set_debug, 3, ALARM, NULL},
    {"the local APIC's spurious-interrupt register", flip_apic, APIC_SPURIOUS, 0x100, NULL},
    {"the local APIC's timer", flip_apic, APIC_LVT_TIMER, LVT_VECTOR, NULL},
    {"the local APIC's pin LINT0", flip_apic, APIC_LINT0, LVT_MASKED, NULL},
    {"the local APIC's pin LINT1", flip_apic, APIC_LINT1, LVT_VECTOR, NULL},
    {"the mask of the PICs", flip_pic_masks, 0, 4, has_pic},
    {"the contents of the GDT (checksum)", flip_table, DESCRIPTORS_GDT, SELECTOR_CODE32, NULL},
    {"the contents of the IDT (checksum)", flip_table, DESCRIPTORS_IDT, 16 * VECTOR_SPURIOUS, NULL},
    {"the contents of the TSS (checksum)", flip_table, DESCRIPTORS_TSS, 0, NULL},
};
enum { DEMONSTRATION_COUNT = sizeof demonstrations / sizeof demonstrations[0] };

static size_t index_of(const char *name)
{
    size_t index = 0;

    while (cpu_state_name(index) != NULL && strcmp(cpu_state_name(index), name) != 0) {
        index++;
    }
    return index;
}

TEST(leftovers, are_demonstrated_for_each_row_of_the_list)
{
    for (size_t i = 0; cpu_state_name(i) != NULL; i++) {
        size_t at = 0;
        while (at < DEMONSTRATION_COUNT && strcmp(demonstrations[at].name, cpu_state_name(i)) != 0) {
            at++;
        }
        CHECK_TEXT_EQUAL(at < DEMONSTRATION_COUNT ? demonstrations[at].name : "", cpu_state_name(i));
    }
    for (size_t i = 0; i < DEMONSTRATION_COUNT; i++) {
        CHECK(cpu_state_name(index_of(demonstrations[i].name)) != NULL);
    }
}

static struct cpu_state before, after;

/* XCR0 is there only while CR4 says so. */
static void forbid_xcr0(struct test *test, void *unused)
{
    (void)test;
    (void)unused;
    cr4_write(cr4_read() & ~CR4_XSAVE);
}

static void allow_xcr0(struct test *test)
{
    enum { CPUID_BASIC = 1, CPUID_ECX_XSAVE = 1 << 26 };

    if ((cr4_read() & CR4_XSAVE) == 0 &&
        (cpuid_read(CPUID_BASIC, 0).ecx & CPUID_ECX_XSAVE) != 0) {
        cr4_write(cr4_read() | CR4_XSAVE);
        test_defer(test, forbid_xcr0, NULL);
    }
}

static void let_the_timer_tick(struct test *test, void *masks)
{
    (void)test;
    pic_set_masks(*(const uint16_t *)masks);
}

/* A tick of the watchdog's that came while there is no IDT would be the machine's end. */
static void hold_the_timer_back(struct test *test)
{
    static uint16_t masks;

    masks = pic_masks();
    pic_set_masks((uint16_t)(masks | 1u << PIC_LINE_TIMER));
    test_defer(test, let_the_timer_tick, &masks);
}

static const struct demonstration *shown;

static void show(struct test *test)
{
    shown->change(test, shown->number, shown->bits);
}

TEST_EACH(leftovers, in_the_registers_are_named_and_put_right, demonstrations)
{
    static char text[128];
    size_t index = index_of(row->name);

    hold_the_timer_back(test);
    allow_xcr0(test);
    cpu_state_take(&before, test->subject);
    bool is_register = index < cpu_item_count;
    if ((is_register && !before.is_there[index]) ||
        (row->is_possible != NULL && !row->is_possible(test->subject))) {
        SKIP("the machine has none");
    }
    shown = row;
    run_inner_function(test, show);
    CHECK_EQUAL(inner.result, TEST_RUN_FAILED);
    format_text(text, sizeof text, "# left behind: %s was 0x", row->name);
    CHECK_TEXT_HAS(inner.text, text);
    if (is_register) {
        format_text(text, sizeof text, " was 0x%lx and is 0x", before.values[index]);
        CHECK_TEXT_HAS(inner.text, text);
    }
    cpu_state_take(&after, test->subject);
    CHECK_EQUAL(memcmp(&before, &after, sizeof before), 0);
}
