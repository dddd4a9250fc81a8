/* What the kernel knows about the machine when it starts: the same, whichever way it was booted. */
#pragma once

#include "kernel/boot_info/memory_map.h"
#include "kernel/screen/display.h"

enum boot_protocol {
    BOOT_MULTIBOOT2 = 1, /* these values are written in boot/entry.asm */
    BOOT_PVH = 2,
};

/* With the NUL. A longer command line stops the boot: its first part may ask for something else than
 * the whole. A longer loader name, which is only shown, is cut off. */
enum { BOOT_COMMAND_LINE_BYTES = 1024, BOOT_LOADER_NAME_BYTES = 64 };

struct boot_info {
    enum boot_protocol protocol;
    char loader_name[BOOT_LOADER_NAME_BYTES];   /* "" if the protocol does not tell; maybe cut off */
    char command_line[BOOT_COMMAND_LINE_BYTES]; /* "" if there is none */
    struct memory_map memory_map;
    struct display display;
    bool has_physical_memory;        /* all of it is mapped */
    uint64_t physical_memory_offset; /* where physical address 0 is; valid if has_physical_memory */
    bool has_recursive_slot;
    unsigned recursive_slot; /* valid if has_recursive_slot */
};

/* Physical memory as the parsers of boot protocols may read it: addresses first..end-1, visible
 * at `bytes`. What lies outside is a malformed reference. A parser narrows it to each record that it
 * reads, so that nothing of what follows the record can be taken for a part of it. */
struct boot_memory {
    const uint8_t *bytes;
    uint64_t first;
    uint64_t end;
};

/* Narrows memory to [start, start + length_bytes). Returns: false if not all of that can be read. */
__attribute__((warn_unused_result)) bool boot_memory_part(const struct boot_memory *memory,
                                                          uint64_t start, uint64_t length_bytes,
                                                          struct boot_memory *part);

/* Copies the `length_bytes` bytes at physical address `start`, which need no alignment, to `record`.
 * Returns: false, with nothing copied, if not all of them can be read. */
__attribute__((warn_unused_result)) bool boot_memory_read(const struct boot_memory *memory,
                                                          uint64_t start, void *record,
                                                          size_t length_bytes);

/* Copies the NUL-terminated string at `start` into `text`, which gets a NUL in any case.
 * Returns: false if the string does not end in `memory`, or has more than limit_bytes - 1 characters;
 * `text` then has its first ones. */
bool boot_memory_copy_string(const struct boot_memory *memory, uint64_t start, char *text,
                             size_t limit_bytes);

/* The type of a firmware region by its number in an E820 table. Unknown numbers are reserved. */
enum memory_type memory_type_from_e820(uint32_t number);

/* A short name of the protocol. */
const char *boot_protocol_name(enum boot_protocol protocol);
