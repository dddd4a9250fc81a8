/* QEMU's isa-debug-exit device at port 0xf4: ends the emulator with a status of 2 * value + 1. */
#pragma once

#include <stdint.h>

enum debug_exit_value {
    DEBUG_EXIT_PASS = 0x10,        /* status 33 */
    DEBUG_EXIT_FAIL = 0x11,        /* status 35 */
    DEBUG_EXIT_PANIC = 0x12,       /* status 37; also written by boot/requirements.asm */
    DEBUG_EXIT_BAD_REQUEST = 0x13, /* status 39 */
};

/* Ends QEMU, or stops the CPU where there is no such device. An emulator may run on for a moment
 * after the write, so nothing follows it. */
_Noreturn void debug_exit(enum debug_exit_value value);
