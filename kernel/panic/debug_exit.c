#include "kernel/panic/debug_exit.h"

#include "kernel/cpu/port_io.h"
#include "kernel/cpu/registers.h"

enum { DEBUG_EXIT_PORT = 0xf4 };

void debug_exit(enum debug_exit_value value)
{
    port_write_8(DEBUG_EXIT_PORT, (uint8_t)value);
    cpu_halt();
}
