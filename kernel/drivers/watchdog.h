/* Notices that code takes too long, also with interrupts off, by an NMI from a timer. */
#pragma once

#include "kernel/traps/exception.h"

/* Prepares the timer. Without one, nothing here has an effect, and false is returned.
 * apic: where the local APIC's registers are mapped; NULL: there are none. */
bool watchdog_init(volatile uint8_t *apic);

/* Whether watchdog_init has found a timer. */
bool watchdog_is_there(void);

/* Calls expired(context, frame) once, after limit_ms at the earliest and two ticks of the timer
 * (0.1 s) later at the latest, unless watchdog_stop is called before. `frame` tells where the CPU
 * was, and it goes on there if `expired` returns. Runs on the NMI stack. Replaces what was set. */
void watchdog_start(uint32_t limit_ms,
                    void (*expired)(void *context, const struct exception_frame *frame),
                    void *context);
void watchdog_stop(void);
