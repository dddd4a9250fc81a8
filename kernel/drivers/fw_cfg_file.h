/* The files of a fw_cfg device, read through functions that reach the device. Pure: also built for the
 * host. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    FW_CFG_SIGNATURE = 0x0000, /* items of the device: "QEMU", */
    FW_CFG_DIRECTORY = 0x0019, /* and the list of its files */
    FW_CFG_FILES_MAX = 0x3fe0, /* their items are 0x20 to 0x3fff */
};

/* An item is selected, then read from its start; behind its end are zeros. */
struct fw_cfg_device {
    void (*select)(void *context, uint16_t item);
    void (*read)(void *context, void *bytes, size_t count);
    void *context;
};

enum fw_cfg_result {
    FW_CFG_OK,
    FW_CFG_ABSENT,        /* no such device or no file of that name */
    FW_CFG_TOO_LONG,      /* the file does not fit */
    FW_CFG_NOT_TEXT,      /* a byte of the file that is not its last is NUL */
    FW_CFG_BAD_DIRECTORY, /* it has more files than a device can have */
};

/* Copies the file and a NUL into `text` of limit_bytes bytes. A NUL at the file's own end is no part of
 * the text. Not OK: `text` is unchanged if there is no such file or it does not fit, and has
 * no meaning if it is no text.
 * Source: QEMU, docs/specs/fw_cfg. */
__attribute__((warn_unused_result)) enum fw_cfg_result
fw_cfg_file_read(const struct fw_cfg_device *device, const char *name, char *text,
                 size_t limit_bytes);
