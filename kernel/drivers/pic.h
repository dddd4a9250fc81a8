/* The pair of 8259A interrupt controllers, which firmware leaves as the BIOS needs them: with vectors
 * that are those of exceptions, and some interrupts let through. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { PIC_LINE_TIMER = 0 };

/* Moves the vectors to VECTOR_PIC_FIRST and holds all interrupts back. From then on an interrupt ends
 * by itself. Harmless on a machine that has no PIC. */
void pic_init(void);

/* Lets the interrupts of one line (0..7) through, beside what is let through already.
 * *Returns:* false if there is no PIC. */
__attribute__((warn_unused_result)) bool pic_unmask(unsigned line);

/* Acknowledges a pending interrupt that the CPU has not taken from the PIC.
 * *Returns:* false if there was none. */
bool pic_poll(void);

/* Which lines are held back: bits 0..7 those of the first controller, 8..15 those of the second. */
uint16_t pic_masks(void);
void pic_set_masks(uint16_t masks);
