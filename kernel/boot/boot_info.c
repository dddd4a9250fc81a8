#include "kernel/boot/boot_info.h"

bool boot_info_copy_string(const struct boot_memory *memory, uint64_t start, char *text,
                           size_t limit_bytes)
{
    for (size_t length = 0; length < limit_bytes; length++) {
        const char *character = boot_memory_at(memory, start + length, 1);
        if (character == NULL) {
            break;
        }
        text[length] = *character;
        if (*character == '\0') {
            return true;
        }
    }
    text[0] = '\0';
    return false;
}

enum memory_type memory_type_from_e820(uint32_t number)
{
    switch (number) {
    case 1:
        return MEMORY_USABLE;
    case 3:
        return MEMORY_ACPI_RECLAIMABLE;
    case 4:
        return MEMORY_ACPI_NVS;
    case 5:
        return MEMORY_BAD;
    default:
        return MEMORY_RESERVED;
    }
}

const char *boot_protocol_name(enum boot_protocol protocol)
{
    return protocol == BOOT_PVH ? "PVH" : "multiboot2";
}
