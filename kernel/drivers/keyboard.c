#include "kernel/drivers/keyboard.h"

#include "kernel/cpu/port_io.h"

/* Source: IBM Personal System/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary
 * Device Controller". */
enum {
    PORT_DATA = 0x60,
    PORT_STATUS = 0x64,
    PORT_COMMAND = 0x64,

    STATUS_OUTPUT_FULL = 0x01,
    STATUS_INPUT_FULL = 0x02,
    STATUS_FROM_MOUSE = 0x20,
    STATUS_NO_CONTROLLER = 0xff,

    COMMAND_READ_CONFIGURATION = 0x20,
    COMMAND_WRITE_CONFIGURATION = 0x60,
    COMMAND_DISABLE_MOUSE = 0xa7,
    COMMAND_DISABLE_KEYBOARD = 0xad,
    COMMAND_ENABLE_KEYBOARD = 0xae,
    COMMAND_PULSE_RESET = 0xfe,

    CONFIGURATION_INTERRUPTS = 0x03,
    CONFIGURATION_KEYBOARD_OFF = 0x10,
    CONFIGURATION_TO_SET_1 = 0x40,

    KEYBOARD_START_SCANNING = 0xf4,

    READY_TRIES = 10000, /* a controller that is never ready must not hang the kernel */
    BUFFERED_CODES_MAX = 64,
};

static bool present;

static bool wait_until(uint8_t mask, uint8_t wanted)
{
    for (unsigned tries = 0; tries < READY_TRIES; tries++) {
        if ((port_read_8(PORT_STATUS) & mask) == wanted) {
            return true;
        }
    }
    return false;
}

static bool write_byte(uint16_t port, uint8_t byte)
{
    if (!wait_until(STATUS_INPUT_FULL, 0)) {
        return false;
    }
    port_write_8(port, byte);
    return true;
}

static void drop_buffered_codes(void)
{
    for (unsigned i = 0;
         i < BUFFERED_CODES_MAX && (port_read_8(PORT_STATUS) & STATUS_OUTPUT_FULL) != 0; i++) {
        (void)port_read_8(PORT_DATA);
    }
}

static bool configure(void)
{
    if (!write_byte(PORT_COMMAND, COMMAND_READ_CONFIGURATION) ||
        !wait_until(STATUS_OUTPUT_FULL, STATUS_OUTPUT_FULL)) {
        return false;
    }
    uint8_t configuration = port_read_8(PORT_DATA);
    configuration &= (uint8_t) ~(CONFIGURATION_INTERRUPTS | CONFIGURATION_KEYBOARD_OFF);
    configuration |= CONFIGURATION_TO_SET_1;
    return write_byte(PORT_COMMAND, COMMAND_WRITE_CONFIGURATION) &&
           write_byte(PORT_DATA, configuration);
}

bool keyboard_init(void)
{
    present = false;
    if (port_read_8(PORT_STATUS) == STATUS_NO_CONTROLLER ||
        !write_byte(PORT_COMMAND, COMMAND_DISABLE_KEYBOARD) ||
        !write_byte(PORT_COMMAND, COMMAND_DISABLE_MOUSE)) {
        return false;
    }
    drop_buffered_codes();
    if (!configure() || !write_byte(PORT_COMMAND, COMMAND_ENABLE_KEYBOARD) ||
        !write_byte(PORT_DATA, KEYBOARD_START_SCANNING)) {
        return false;
    }
    /* What the keyboard answers comes as a code that means nothing. */
    present = true;
    return present;
}

bool keyboard_read(uint8_t *code)
{
    uint8_t status;

    while (present && ((status = port_read_8(PORT_STATUS)) & STATUS_OUTPUT_FULL) != 0) {
        *code = port_read_8(PORT_DATA);
        if ((status & STATUS_FROM_MOUSE) == 0) {
            return true;
        }
    }
    return false;
}

void keyboard_reset_machine(void)
{
    if (write_byte(PORT_COMMAND, COMMAND_PULSE_RESET)) {
        (void)wait_until(0, 1); /* what is reset does not come back from here */
    }
}
