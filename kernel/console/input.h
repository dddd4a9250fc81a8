/* Where the monitor's keys come from: the serial port and the PS/2 keyboard, whichever has one. */
#pragma once

#include "kernel/console/scancode.h"
#include "kernel/console/terminal_keys.h"

struct input {
    struct terminal_keys terminal;
    struct scancode_state keyboard;
    bool may_sleep; /* a timer wakes the CPU */
    unsigned idle_polls;
};

/* apic: where the local APIC's registers are mapped. NULL: there is no timer, and the CPU never
 * sleeps. */
void input_init(struct input *self, volatile uint8_t *apic);

/* Waits for a key. When none comes for a while the CPU sleeps between looks at the devices, so that
 * a prompt that nobody answers, or that can never be answered since the input has ended, costs
 * next to nothing. */
enum key input_wait(struct input *self);
