#include "kernel/console/input.h"

#include "kernel/cpu/registers.h"
#include "kernel/drivers/keyboard.h"
#include "kernel/drivers/watchdog.h"
#include "kernel/panic/serial.h"

/* A pasted text comes in pieces that the UART can hold: waiting a little for the next one makes
 * it quick. */
enum { POLLS_BEFORE_SLEEP = 4000 };

void input_init(struct input *self, volatile uint8_t *apic)
{
    *self = (struct input){.may_sleep = watchdog_init(apic)};
    (void)keyboard_init();
}

/* A key from either device, or KEY_NONE when they have no more bytes. */
static enum key poll(struct input *self)
{
    enum key key = KEY_NONE;
    uint8_t byte;

    while (key == KEY_NONE && serial_read(&byte)) {
        key = terminal_keys_next(&self->terminal, byte);
    }
    while (key == KEY_NONE && keyboard_read(&byte)) {
        key = scancode_next(&self->keyboard, byte);
    }
    return key;
}

enum key input_wait(struct input *self)
{
    for (;;) {
        enum key key = poll(self);

        if (key != KEY_NONE) {
            self->idle_polls = 0;
            return key;
        }
        if (self->idle_polls < POLLS_BEFORE_SLEEP || !self->may_sleep) {
            self->idle_polls++;
            cpu_pause();
        } else {
            cpu_sleep();
        }
    }
}
