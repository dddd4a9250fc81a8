/* The shortest way to say why the kernel ends: for when a report has failed. */
#pragma once

#include "kernel/traps/exception.h"

/* Writes vector, error code, rip and CR2 of an exception, and of a second one unless that is NULL, to
 * the serial port. Needs this code and the stack, and of the kernel's other memory nothing. */
void last_words(const struct exception_frame *first, const struct exception_frame *second);
