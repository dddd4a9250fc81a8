/* The prompt of normal mode: reads lines, and runs the commands in them. */
#pragma once

#include "kernel/state/kernel.h"

/* Reads commands and runs them until one ends the machine. What is left of the usable frames goes
 * to a general allocator, from which new page tables then come, too; with physical=off, or without
 * room for its notes, they stay with the memory map. A fault or a panic inside a command ends the command
 * alone. */
_Noreturn void monitor_run(struct kernel *kernel);
