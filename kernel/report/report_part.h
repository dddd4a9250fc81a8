/* The parts of what the kernel says when it ends. Any of them may read memory that is lost. */
#pragma once

#include "kernel/console/console.h"

/* Before the first part: finds out whether the screen is there. A console whose screen is lost keeps
 * to the serial port. */
void report_begin(struct console *console);

/* Calls part(argument), which prints to `console`. If that ends in an exception or a panic, the fault
 * may be in the screen: the part is run again for the serial port alone, to which the console then
 * keeps. If it ends so again, a line says what is in the way. */
void report_part(struct console *console, void (*part)(void *argument), void *argument);

/* The last line. */
void report_end(struct console *console);
