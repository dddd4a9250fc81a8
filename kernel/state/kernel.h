/* The running kernel, as its entry functions get it: everything that booting has put together. */
#pragma once

#include "kernel/boot_info/boot_info.h"
#include "kernel/console/console.h"
#include "kernel/cpu/features.h"
#include "kernel/cpu/registers.h"
#include "kernel/state/command_line.h"
#include "mm/page_table.h"

struct kernel {
    struct console console;
    const struct boot_info *boot_info; /* read-only memory */
    struct command_line options;
    uint64_t report_key; /* taken out of the command line; 0: none, or test mode has it */
    struct cpu_features cpu;
    volatile uint8_t *local_apic; /* its registers; NULL: it has none in memory */
    struct page_table page_table; /* the active tables, reached through the map of all RAM */
    struct frame_range usable_ranges[MEMORY_MAP_CAPACITY];
    struct range_source frames; /* the usable frames that nothing has taken yet */
    struct frame_range table_range;
    struct range_source window_frames;  /* those that a window shows, if the access has one */
    struct frame_source *table_frames;  /* where frames of new tables come from */
};

/* What runs once the kernel is up. Each image defines its own with KERNEL_ENTRY. */
_Noreturn void kernel_entry(struct kernel *kernel);

/* Makes `function` the entry of the image. It must be void function(struct kernel *). When it
 * returns, the CPU stops. */
#define KERNEL_ENTRY(function)                                                                     \
    _Static_assert(__builtin_types_compatible_p(__typeof__(&(function)),                           \
                                                void (*)(struct kernel *)),                        \
                   "the kernel's entry must have the type void (struct kernel *)");                \
    void kernel_entry(struct kernel *kernel)                                                       \
    {                                                                                              \
        function(kernel);                                                                          \
        cpu_halt();                                                                                \
    }                                                                                              \
    _Static_assert(1, "takes the semicolon")
