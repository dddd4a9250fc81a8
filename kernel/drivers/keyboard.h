/* The PS/2 keyboard behind an 8042 controller, read by polling. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Sets the keyboard going, with scancodes of set 1 and no interrupts. Returns false, and reads give
 * nothing, where there is no controller. */
bool keyboard_init(void);

/* Takes the next scancode; false if there is none. What a mouse sends is thrown away. */
bool keyboard_read(uint8_t *code);

/* Asks the controller to reset the machine. Returns if it does not do so. */
void keyboard_reset_machine(void);
