/* QEMU's fw_cfg device: named files that the emulator's command line hands to the guest. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum fw_cfg_result {
    FW_CFG_OK,
    FW_CFG_ABSENT,   /* no such device or no file of that name */
    FW_CFG_TOO_LONG, /* the file does not fit */
};

/* Copies the file and a NUL into `text` of limit_bytes bytes, which is unchanged otherwise.
 * Source: QEMU, docs/specs/fw_cfg. */
__attribute__((warn_unused_result)) enum fw_cfg_result
fw_cfg_read_text(const char *name, char *text, size_t limit_bytes);
