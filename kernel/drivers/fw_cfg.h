/* QEMU's fw_cfg device: named files that the emulator's command line hands to the guest. */
#pragma once

#include "kernel/drivers/fw_cfg_file.h"

/* The device at its I/O ports, for fw_cfg_file_read, which finds out whether it is there. */
extern const struct fw_cfg_device fw_cfg_ports;
