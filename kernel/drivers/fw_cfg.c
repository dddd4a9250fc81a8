#include "kernel/drivers/fw_cfg.h"

#include "kernel/cpu/port_io.h"
#include "kernel/lib/string.h"

enum {
    PORT_SELECT = 0x510,
    PORT_DATA = 0x511,
    FILE_SIGNATURE = 0x0000,
    FILE_DIRECTORY = 0x0019,
    FILE_NAME_BYTES = 56,
};

struct directory_entry {
    uint32_t size_bytes; /* big-endian */
    uint16_t select;     /* big-endian */
    uint16_t reserved;
    char name[FILE_NAME_BYTES];
};
_Static_assert(sizeof(struct directory_entry) == 64, "a directory entry has 64 bytes");

static void select_file(uint16_t file)
{
    port_write_16(PORT_SELECT, file);
}

static bool device_is_present(void)
{
    char signature[4];

    select_file(FILE_SIGNATURE);
    port_read_bytes(PORT_DATA, signature, sizeof signature);
    return memcmp(signature, "QEMU", sizeof signature) == 0;
}

enum fw_cfg_result fw_cfg_read_text(const char *name, char *text, size_t limit_bytes)
{
    uint32_t file_count;

    if (!device_is_present()) {
        return FW_CFG_ABSENT;
    }
    select_file(FILE_DIRECTORY);
    port_read_bytes(PORT_DATA, &file_count, sizeof file_count);
    file_count = __builtin_bswap32(file_count);
    for (uint32_t i = 0; i < file_count; i++) {
        struct directory_entry entry;

        port_read_bytes(PORT_DATA, &entry, sizeof entry);
        if (strncmp(entry.name, name, sizeof entry.name) != 0) {
            continue;
        }
        uint32_t size_bytes = __builtin_bswap32(entry.size_bytes);
        if (size_bytes >= limit_bytes) {
            return FW_CFG_TOO_LONG;
        }
        select_file(__builtin_bswap16(entry.select));
        port_read_bytes(PORT_DATA, text, size_bytes);
        text[size_bytes] = '\0';
        return FW_CFG_OK;
    }
    return FW_CFG_ABSENT;
}
