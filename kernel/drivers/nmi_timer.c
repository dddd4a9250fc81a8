#include "kernel/drivers/nmi_timer.h"

#include "kernel/cpu/port_io.h"
#include "kernel/cpu/registers.h"
#include "kernel/drivers/pic.h"
#include "kernel/traps/descriptors.h"

#include <stddef.h>

/* The 8254: Intel's data sheet "8254 Programmable Interval Timer". */
enum {
    PIT_CHANNEL_0 = 0x40,
    PIT_COMMAND = 0x43,
    PIT_RATE_GENERATOR = 0x34,   /* channel 0, low byte then high byte, mode 2, binary */
    PIT_READ_STATUS = 0xe2,      /* of channel 0, without its count */
    PIT_STATUS_PROGRAMMED = 0x3f, /* the bits of the status that repeat the command */
    PIT_FREQUENCY_HZ = 1193182,
    PIT_COUNT = PIT_FREQUENCY_HZ / (1000 / NMI_TIMER_TICK_MS),
};
_Static_assert(PIT_COUNT < 0x10000, "the PIT counts 16 bits");

/* Source: Intel SDM volume 3, 11.4.3 "Enabling or Disabling the Local APIC", 11.5.1 "Local Vector
 * Table", 11.9 "Spurious Interrupt". */
#define APIC_BASE_ENABLED (UINT64_C(1) << 11)
#define APIC_BASE_X2APIC (UINT64_C(1) << 10)
enum {
    CPUID_BASIC = 1,
    CPUID_EDX_APIC = 1 << 9,
    SPURIOUS_ENABLE = 0x100,
    LINT_NMI = 0x400, /* not masked, edge */
};

static bool pit_start(void)
{
    port_write_8(PIT_COMMAND, PIT_RATE_GENERATOR);
    port_write_8(PIT_CHANNEL_0, PIT_COUNT & 0xff);
    port_write_8(PIT_CHANNEL_0, PIT_COUNT >> 8);
    port_write_8(PIT_COMMAND, PIT_READ_STATUS);
    return (port_read_8(PIT_CHANNEL_0) & PIT_STATUS_PROGRAMMED) == PIT_RATE_GENERATOR;
}

bool nmi_timer_find_apic(phys_addr *registers)
{
    if ((cpuid_read(CPUID_BASIC, 0).edx & CPUID_EDX_APIC) == 0) {
        return false;
    }
    uint64_t base = msr_read(MSR_APIC_BASE);

    *registers = phys_addr_of(base & CR3_FRAME_MASK);
    return (base & (APIC_BASE_ENABLED | APIC_BASE_X2APIC)) == APIC_BASE_ENABLED;
}

/* The local APIC's registers, once the timer was started. */
static volatile uint8_t *registers_of_apic;

static volatile uint32_t *apic_at(uint32_t apic_register)
{
    return (volatile uint32_t *)(registers_of_apic + apic_register);
}

uint32_t nmi_timer_apic_read(uint32_t apic_register)
{
    return *apic_at(apic_register);
}

void nmi_timer_apic_write(uint32_t apic_register, uint32_t value)
{
    *apic_at(apic_register) = value;
}

bool nmi_timer_start(volatile uint8_t *apic)
{
    if (apic == NULL || !pit_start() || !pic_unmask(PIC_LINE_TIMER)) {
        return false;
    }
    registers_of_apic = apic;
    nmi_timer_apic_write(APIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
    nmi_timer_apic_write(APIC_LINT0, LINT_NMI);
    return true;
}

/* No one acknowledges the interrupt as such, so INTR would stay high and not rise again: polling
 * the PIC acknowledges it, and the automatic end of interrupt does the rest. */
bool nmi_timer_acknowledge(void)
{
    return pic_poll();
}
