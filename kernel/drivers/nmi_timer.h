/* A timer whose interrupt no code can hold off: channel 0 of the PIT, through the PIC, to the local
 * APIC's pin LINT0, which delivers it as an NMI.
 *
 *   PIT channel 0 --IRQ 0--> PIC --INTR--> LINT0 --NMI--> CPU
 */
#pragma once

#include "mm/address.h"

enum { NMI_TIMER_TICK_MS = 50 };

/* Finds the local APIC's registers: a page of physical memory that has to be mapped uncached.
 * *Returns:* false if the CPU has none, or has it off or in x2APIC mode. */
__attribute__((warn_unused_result)) bool nmi_timer_find_apic(phys_addr *registers);

/* Sets the timer going, from then on with a tick every NMI_TIMER_TICK_MS. A handler of the NMI must
 * be there before, and pic_init must have been called.
 *
 * apic: where the registers that nmi_timer_find_apic has found are mapped; NULL: nowhere.
 * *Returns:* false, with every interrupt held back, if the machine lacks one of the three. */
__attribute__((warn_unused_result)) bool nmi_timer_start(volatile uint8_t *apic);

/* To be called at each NMI while the timer is going: lets the next tick come, and says whether this
 * NMI is one. */
bool nmi_timer_acknowledge(void);

/* Registers of the local APIC.
 * Source: Intel SDM volume 3, 11.4.1 "The Local APIC Block Diagram". */
enum nmi_timer_apic_register {
    APIC_SPURIOUS = 0xf0,
    APIC_LVT_TIMER = 0x320,
    APIC_LINT0 = 0x350,
    APIC_LINT1 = 0x360,
};

/* Only while the timer is going. */
uint32_t nmi_timer_apic_read(uint32_t apic_register);
void nmi_timer_apic_write(uint32_t apic_register, uint32_t value);
