/* A timer whose interrupt no code can hold off: channel 0 of the PIT, through the PIC, to the local
 * APIC's pin LINT0, which delivers it as an NMI.
 *
 *   PIT channel 0 --IRQ 0--> PIC --INTR--> LINT0 --NMI--> CPU
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { NMI_TIMER_TICK_MS = 50 };

/* Sets the timer going, from then on with a tick every NMI_TIMER_TICK_MS;
 * A handler of the NMI must be there before, and pic_init must have been called.
 *
 * physical_memory_offset: where physical memory is mapped, up to 4 GiB at least.
 * *Returns:* false, with every interrupt held back, if the machine lacks one of the three or has its
 * local APIC in x2APIC mode. */
__attribute__((warn_unused_result)) bool nmi_timer_start(uint64_t physical_memory_offset);

/* To be called at each NMI while the timer is going: lets the next tick come, and says whether this
 * NMI is one. */
bool nmi_timer_acknowledge(void);
