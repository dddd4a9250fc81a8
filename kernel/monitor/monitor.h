/* The prompt of normal mode: commands that show and change the kernel's own paging. */
#pragma once

#include "kernel/console/input.h"
#include "kernel/line/history.h"
#include "kernel/line/line_editor.h"
#include "kernel/paging/general_frames.h"
#include "kernel/state/kernel.h"

struct monitor {
    struct kernel *kernel;
    struct console *console;       /* the kernel's */
    struct frame_source *frames;   /* where free frames come from */
    struct general_frames general; /* that source, if all physical memory is mapped */
    struct input input;
    struct history history;
    struct line_editor editor;
    virt_addr touched;      /* what read, write or fetch was told; its first byte */
    virt_addr touched_last; /* and its last one */
    const char *changed_by; /* the last command that changed memory or tables; NULL: none has */
};

/* Reads commands and runs them until one ends the machine. What is left of the usable frames goes
 * to a general allocator, from which new page tables then come, too; with physical=off they stay
 * with the memory map. A fault or a panic inside a command ends the command alone. */
_Noreturn void monitor_run(struct kernel *kernel);
