#include "kernel/drivers/fw_cfg.h"

#include "kernel/cpu/port_io.h"

enum { PORT_SELECT = 0x510, PORT_DATA = 0x511 };

static void select_item(void *context, uint16_t item)
{
    (void)context;
    port_write_16(PORT_SELECT, item);
}

static void read_bytes(void *context, void *bytes, size_t count)
{
    (void)context;
    port_read_bytes(PORT_DATA, bytes, count);
}

const struct fw_cfg_device fw_cfg_ports = {.select = select_item, .read = read_bytes};
