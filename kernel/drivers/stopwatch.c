#include "kernel/drivers/stopwatch.h"

#include <stdbool.h>

#include "kernel/cpu/port_io.h"
#include "kernel/cpu/registers.h"

/* Source: Intel's data sheet "8254 Programmable Interval Timer"; port 0x61, the PC's system control
 * port B: its gate and its output. */
enum {
    PIT_CHANNEL_2 = 0x42,
    PIT_COMMAND = 0x43,
    PIT_COUNT_DOWN = 0xb0,        /* channel 2, low byte then high byte, mode 0, binary */
    PIT_READ_STATUS = 0xe8,       /* of channel 2, without its count */
    PIT_STATUS_PROGRAMMED = 0x3f, /* the bits of the status that repeat the command */
    PIT_FREQUENCY_HZ = 1193182,
    SYSTEM_CONTROL = 0x61,
    CONTROL_GATE = 1 << 0,
    CONTROL_SPEAKER = 1 << 1,
    CONTROL_OUTPUT = 1 << 5,
    MEASURED_MS = 3,
    MEASUREMENTS = 3,
    POLLS_MAX = 1000000, /* each takes a microsecond, or more */
};

/* The cycles of MEASURED_MS milliseconds, or 0: none was seen to pass. */
static uint64_t measure(void)
{
    enum { COUNT = PIT_FREQUENCY_HZ * MEASURED_MS / 1000 };
    unsigned polls = 0;

    /* Before the count begins: if the machine is held up in between, all that can come is too many
     * cycles. */
    uint64_t start = cpu_cycles();
    port_write_8(PIT_COMMAND, PIT_COUNT_DOWN);
    port_write_8(PIT_CHANNEL_2, COUNT & 0xff);
    port_write_8(PIT_CHANNEL_2, COUNT >> 8);
    while ((port_read_8(SYSTEM_CONTROL) & CONTROL_OUTPUT) == 0 && polls < POLLS_MAX) {
        polls++;
    }
    uint64_t cycles = cpu_cycles() - start;
    port_write_8(PIT_COMMAND, PIT_READ_STATUS);
    bool is_there = (port_read_8(PIT_CHANNEL_2) & PIT_STATUS_PROGRAMMED) == (PIT_COUNT_DOWN & 0x3f);
    /* Without the system control port the output is read as high from the first time on. */
    return is_there && polls > 0 && polls < POLLS_MAX ? cycles : 0;
}

/* Whatever holds the machine up makes a measurement longer: the shortest is the best. */
static uint64_t measure_repeatedly(void)
{
    uint8_t control = port_read_8(SYSTEM_CONTROL);
    uint64_t least = UINT64_MAX;

    port_write_8(SYSTEM_CONTROL, (uint8_t)((control & ~CONTROL_SPEAKER) | CONTROL_GATE));
    for (unsigned i = 0; i < MEASUREMENTS; i++) {
        uint64_t cycles = measure();
        least = cycles != 0 && cycles < least ? cycles : least;
    }
    port_write_8(SYSTEM_CONTROL, control);
    return least == UINT64_MAX ? 0 : least;
}

uint64_t stopwatch_ms(uint64_t cycles)
{
    static uint64_t measured;

    if (measured == 0) {
        measured = measure_repeatedly();
    }
    /* Whole measurements first: no product is larger than it must be. */
    return measured == 0 ? 0
                         : cycles / measured * MEASURED_MS +
                               cycles % measured * MEASURED_MS / measured;
}
