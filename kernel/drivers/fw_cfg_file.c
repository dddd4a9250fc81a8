#include "kernel/drivers/fw_cfg_file.h"

#include "kernel/lib/string.h"

#include <stdbool.h>

enum { FILE_NAME_BYTES = 56 };

struct directory_entry {
    uint32_t size_bytes; /* big-endian */
    uint16_t item;       /* big-endian */
    uint16_t reserved;
    char name[FILE_NAME_BYTES];
};
_Static_assert(sizeof(struct directory_entry) == 64, "a directory entry has 64 bytes");

static bool is_present(const struct fw_cfg_device *device)
{
    char signature[4];

    device->select(device->context, FW_CFG_SIGNATURE);
    device->read(device->context, signature, sizeof signature);
    return memcmp(signature, "QEMU", sizeof signature) == 0;
}

/* Returns: FW_CFG_OK, with the file's entry, or why there is none. */
static enum fw_cfg_result find(const struct fw_cfg_device *device, const char *name,
                               struct directory_entry *entry)
{
    uint32_t file_count;

    device->select(device->context, FW_CFG_DIRECTORY);
    device->read(device->context, &file_count, sizeof file_count);
    file_count = __builtin_bswap32(file_count);
    if (file_count > FW_CFG_FILES_MAX) {
        return FW_CFG_BAD_DIRECTORY;
    }
    for (uint32_t i = 0; i < file_count; i++) {
        device->read(device->context, entry, sizeof *entry);
        if (strncmp(entry->name, name, sizeof entry->name) == 0) {
            return FW_CFG_OK;
        }
    }
    return FW_CFG_ABSENT;
}

enum fw_cfg_result fw_cfg_file_read(const struct fw_cfg_device *device, const char *name,
                                    char *text, size_t limit_bytes)
{
    struct directory_entry entry;

    if (!is_present(device)) {
        return FW_CFG_ABSENT;
    }
    enum fw_cfg_result result = find(device, name, &entry);
    if (result != FW_CFG_OK) {
        return result;
    }
    uint32_t size_bytes = __builtin_bswap32(entry.size_bytes);
    if (size_bytes >= limit_bytes) {
        return FW_CFG_TOO_LONG;
    }
    device->select(device->context, __builtin_bswap16(entry.item));
    device->read(device->context, text, size_bytes);
    text[size_bytes] = '\0';
    return strlen(text) + 1 < size_bytes ? FW_CFG_NOT_TEXT : FW_CFG_OK;
}
