/* What the firmware says of the screen, in whichever words of a boot protocol. */
#pragma once

#include "mm/address.h"

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

/* Unchecked but for its kind: see boot_info/display_fault.h. */
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
