/* The first serial port, written to by polling. */
#pragma once

#include <stddef.h>

/* 115200 baud, 8 data bits, no parity. Harmless where there is no port. */
void serial_init(void);

/* Sends the bytes, a line feed as carriage return and line feed. */
void serial_write(const char *text, size_t length);
