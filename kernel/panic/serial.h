/* The first serial port, written to and read by polling. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 115200 baud, 8 data bits, no parity. Harmless where there is no port. */
void serial_init(void);

/* Sends the bytes, a line feed as carriage return and line feed, a form feed as the sequence that
 * clears a terminal. */
void serial_write(const char *text, size_t length);

/* Takes the oldest byte that was received; false if there is none. */
bool serial_read(uint8_t *byte);
