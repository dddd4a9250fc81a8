/* Telling about a fault that a command has run into. */
#pragma once

#include "kernel/monitor/monitor.h"
#include "kernel/traps/exception.h"

/* One line that says what the CPU has refused, and for a page fault one that says why. */
void fault_print(struct monitor *monitor, const struct caught_exception *caught);
