/* The monitor: what the commands of the prompt work on. */
#pragma once

#include "kernel/paging/general_frames.h"
#include "kernel/state/kernel.h"

struct monitor {
    struct kernel *kernel;
    struct console *console;       /* the kernel's */
    struct frame_source *frames;   /* where free frames come from */
    struct general_frames general; /* that source, if it could be made */
    virt_addr touched;      /* what read, write or fetch was told; its first byte */
    virt_addr touched_last; /* and its last one */
    const char *changed_by; /* the last command that changed memory or tables; NULL: none has */
};
