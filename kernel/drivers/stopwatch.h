/* Measures time by the CPU's time-stamp counter, whose rate channel 2 of the PIT tells. */
#pragma once

#include <stdint.h>

/* How many milliseconds `cycles` of the time-stamp counter last at most, within a few percent. The
 * first call takes some 10 ms.
 * *Returns:* 0 on a machine without a PIT or its system control port, where it cannot be known. */
uint64_t stopwatch_ms(uint64_t cycles);
