/* An excursion to user mode: a few instructions at privilege level 3, up to the exception that ends
 * them. */
#pragma once

#include "kernel/traps/exception.h"

/* Runs the code at `code`, which users may execute, with `argument` in RDI, no stack and interrupts
 * off. It has to end by an exception; returns that. */
struct caught_exception user_mode_try(virt_addr code, uint64_t argument);
