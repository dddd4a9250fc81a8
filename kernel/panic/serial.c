#include "kernel/panic/serial.h"

#include "kernel/cpu/port_io.h"

/* Registers of a 16550 UART, as offsets from its base port. */
enum {
    COM1 = 0x3f8,
    UART_DATA = 0,
    UART_DIVISOR_LOW = 0,
    UART_INTERRUPT_ENABLE = 1,
    UART_DIVISOR_HIGH = 1,
    UART_FIFO_CONTROL = 2,
    UART_LINE_CONTROL = 3,
    UART_MODEM_CONTROL = 4,
    UART_LINE_STATUS = 5,

    LINE_8N1 = 0x03,
    LINE_DIVISOR_ACCESS = 0x80,
    FIFO_ENABLE_AND_CLEAR = 0x07,
    MODEM_DTR_RTS = 0x03,
    STATUS_RECEIVED = 0x01,
    STATUS_TRANSMIT_EMPTY = 0x20,
    STATUS_NO_PORT = 0xff,

    DIVISOR_115200 = 1,
    READY_TRIES = 100000, /* a port that is never ready must not hang the kernel */
};

/* For a terminal that knows ECMA-48: cursor to the upper left, then erase the display. */
static const char CLEAR_TERMINAL[] = "\x1b[H\x1b[2J";

void serial_init(void)
{
    port_write_8(COM1 + UART_INTERRUPT_ENABLE, 0);
    port_write_8(COM1 + UART_LINE_CONTROL, LINE_DIVISOR_ACCESS);
    port_write_8(COM1 + UART_DIVISOR_LOW, DIVISOR_115200);
    port_write_8(COM1 + UART_DIVISOR_HIGH, 0);
    port_write_8(COM1 + UART_LINE_CONTROL, LINE_8N1);
    port_write_8(COM1 + UART_FIFO_CONTROL, FIFO_ENABLE_AND_CLEAR);
    port_write_8(COM1 + UART_MODEM_CONTROL, MODEM_DTR_RTS);
}

static void serial_write_byte(char byte)
{
    for (unsigned tries = 0; tries < READY_TRIES; tries++) {
        if ((port_read_8(COM1 + UART_LINE_STATUS) & STATUS_TRANSMIT_EMPTY) != 0) {
            break;
        }
    }
    port_write_8(COM1 + UART_DATA, (uint8_t)byte);
}

void serial_write(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\f') {
            serial_write(CLEAR_TERMINAL, sizeof CLEAR_TERMINAL - 1);
            continue;
        }
        if (text[i] == '\n') {
            serial_write_byte('\r');
        }
        serial_write_byte(text[i]);
    }
}

bool serial_read(uint8_t *byte)
{
    uint8_t status = port_read_8(COM1 + UART_LINE_STATUS);

    if (status == STATUS_NO_PORT || (status & STATUS_RECEIVED) == 0) {
        return false;
    }
    *byte = port_read_8(COM1 + UART_DATA);
    return true;
}
