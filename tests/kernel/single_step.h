/* Code run one instruction at a time, by the CPU's trap flag: what is true in between can be looked
 * at, and instructions can be counted on any machine. */
#pragma once

#include <stdint.h>

/* Calls function(argument), and after_each(context) behind every instruction of it; after_each may
 * be NULL. It runs with interrupts off and is not itself stepped through. Calls do not nest.
 * Returns how many instructions ran. The few that make the call are counted too, each repetition of
 * a string instruction counts as one.
 * Source: Intel SDM volume 3, 17.3.1.4 "Single-Step Exception Condition". */
uint64_t single_step(void (*function)(void *argument), void *argument,
                     void (*after_each)(void *context), void *context);
