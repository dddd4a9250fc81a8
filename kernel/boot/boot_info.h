/* What the kernel knows about the machine when it starts: the same, whichever way it was booted. */
#pragma once

#include "kernel/boot/memory_map.h"

enum boot_protocol {
    BOOT_MULTIBOOT2 = 1, /* these values are written in boot/entry.asm */
    BOOT_PVH = 2,
};

enum display_kind {
    DISPLAY_NONE,
    DISPLAY_VGA_TEXT, /* 80 x 25 cells of 16 bits at 0xb8000 */
    DISPLAY_FRAMEBUFFER,
};

/* The bits of a pixel that hold one colour. */
struct color_field {
    uint8_t position;  /* of the lowest bit */
    uint8_t bit_count; /* 0: the pixel has none */
};

/* What the firmware says, unchecked but for its kind: see framebuffer_fault. */
struct display {
    enum display_kind kind;
    phys_addr address;
    uint32_t width;       /* cells or pixels */
    uint32_t height;
    uint32_t pitch_bytes; /* from one row to the next */
    uint32_t bits_per_pixel;
    struct color_field red; /* of a framebuffer */
    struct color_field green;
    struct color_field blue;
};

enum { BOOT_COMMAND_LINE_BYTES = 1024, BOOT_LOADER_NAME_BYTES = 64 };

struct boot_info {
    enum boot_protocol protocol;
    char loader_name[BOOT_LOADER_NAME_BYTES];   /* "" if the protocol does not tell */
    char command_line[BOOT_COMMAND_LINE_BYTES]; /* "" if there is none */
    struct memory_map memory_map;
    struct display display;
    bool has_physical_memory;        /* all of it is mapped */
    uint64_t physical_memory_offset; /* where physical address 0 is; valid if has_physical_memory */
    bool has_recursive_slot;
    unsigned recursive_slot; /* valid if has_recursive_slot */
};

/* Physical memory as the parsers of boot protocols may read it: addresses first..end-1, visible
 * at `bytes`. What lies outside is a malformed reference. */
struct boot_memory {
    const uint8_t *bytes;
    uint64_t first;
    uint64_t end;
};

/* The `length_bytes` bytes at physical address `start`, or NULL when not all can be read. */
static inline const void *boot_memory_at(const struct boot_memory *memory, uint64_t start,
                                         uint64_t length_bytes)
{
    if (start < memory->first || start > memory->end || length_bytes > memory->end - start) {
        return NULL;
    }
    return memory->bytes + (start - memory->first);
}

/* Copies a NUL-terminated string of at most limit_bytes - 1 characters into `text`.
 * Returns: false if the string is not readable or too long; `text` is then "". */
__attribute__((warn_unused_result)) bool
boot_info_copy_string(const struct boot_memory *memory, uint64_t start, char *text,
                      size_t limit_bytes);

/* The type of a firmware region by its number in an E820 table. Unknown numbers are reserved. */
enum memory_type memory_type_from_e820(uint32_t number);

/* A short name of the protocol. */
const char *boot_protocol_name(enum boot_protocol protocol);
