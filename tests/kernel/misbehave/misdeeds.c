#include "tests/kernel/misbehave/misbehave.h"

#include "kernel/cpu/port_io.h"
#include "kernel/cpu/registers.h"
#include "kernel/panic/debug_exit.h"
#include "kernel/panic/serial.h"

enum {
    KEYBOARD_COMMAND = 0x64,
    KEYBOARD_RESET = 0xfe,
    RESET_CONTROL = 0xcf9,
    RESET_NOW = 0x06,
    PIC_MASTER_MASK = 0x21,
    PIC_SLAVE_MASK = 0xa1,
};

void triple_fault(struct kernel *kernel)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) empty = {0, 0};

    (void)kernel;
    __asm__ volatile("lidt %0; int3" : : "m"(empty));
}

void reset_by_keyboard_controller(struct kernel *kernel)
{
    (void)kernel;
    port_write_8(KEYBOARD_COMMAND, KEYBOARD_RESET);
    cpu_halt();
}

void reset_by_port_cf9(struct kernel *kernel)
{
    (void)kernel;
    port_write_8(RESET_CONTROL, RESET_NOW);
    cpu_halt();
}

void hang_with_interrupts_off(struct kernel *kernel)
{
    (void)kernel;
    cpu_halt();
}

/* Before anyone has told the interrupt controller what its interrupts are. */
void hang_with_devices_masked(struct kernel *kernel)
{
    port_write_8(PIC_MASTER_MASK, 0xff);
    port_write_8(PIC_SLAVE_MASK, 0xff);
    hang_with_interrupts_on(kernel);
}

void hang_with_interrupts_on(struct kernel *kernel)
{
    (void)kernel;
    for (;;) {
        __asm__ volatile("sti; hlt");
    }
}

void spin_with_interrupts_off(struct kernel *kernel)
{
    (void)kernel;
    for (;;) {
        __asm__ volatile("cli; pause");
    }
}

void flood(struct kernel *kernel)
{
    (void)kernel;
    for (;;) {
        serial_write("a flood of words without an end, ", 33);
    }
}

void exit_with_success(struct kernel *kernel)
{
    (void)kernel;
    debug_exit(DEBUG_EXIT_PASS);
}

/* Uses `page_count` pages of the stack: each call's array is used after the next call. */
static uint64_t use_stack(uint64_t page_count)
{
    volatile uint8_t page[4096];

    page[0] = (uint8_t)page_count;
    return page_count == 0 ? 0 : use_stack(page_count - 1) + page[0];
}

void overflow_the_stack(struct kernel *kernel)
{
    (void)kernel;
    (void)use_stack(10000);
}

void run_into_nowhere(struct kernel *kernel)
{
    void (*nowhere)(void) = (void (*)(void))UINT64_C(0x123456789000);

    (void)kernel;
    nowhere();
}

void lose_the_stack(struct kernel *kernel)
{
    (void)kernel;
    __asm__ volatile("mov $0x123456789000, %rsp; push %rax");
}
