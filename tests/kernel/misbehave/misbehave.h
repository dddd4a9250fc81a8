/* What a kernel can do wrong, at any time. */
#pragma once

#include "kernel/state/kernel.h"

struct misdeed {
    const char *name;
    void (*commit)(struct kernel *kernel);
};

void triple_fault(struct kernel *kernel);
void reset_by_keyboard_controller(struct kernel *kernel);
void reset_by_port_cf9(struct kernel *kernel);
void hang_with_interrupts_off(struct kernel *kernel);
void hang_with_interrupts_on(struct kernel *kernel);
void hang_with_devices_masked(struct kernel *kernel);
void spin_with_interrupts_off(struct kernel *kernel);
void flood(struct kernel *kernel);
void exit_with_success(struct kernel *kernel);
void overflow_the_stack(struct kernel *kernel);
void run_into_nowhere(struct kernel *kernel);
void lose_the_stack(struct kernel *kernel);
