#include "kernel/boot_info/boot_info.h"

#include "kernel/lib/string.h"

bool boot_memory_part(const struct boot_memory *memory, uint64_t start, uint64_t length_bytes,
                      struct boot_memory *part)
{
    if (start < memory->first || start > memory->end || length_bytes > memory->end - start) {
        return false;
    }
    *part = (struct boot_memory){
        .bytes = memory->bytes + (start - memory->first),
        .first = start,
        .end = start + length_bytes,
    };
    return true;
}

bool boot_memory_read(const struct boot_memory *memory, uint64_t start, void *record,
                      size_t length_bytes)
{
    struct boot_memory part;

    if (!boot_memory_part(memory, start, length_bytes, &part)) {
        return false;
    }
    memcpy(record, part.bytes, length_bytes);
    return true;
}

bool boot_memory_copy_string(const struct boot_memory *memory, uint64_t start, char *text,
                             size_t limit_bytes)
{
    uint64_t room = start >= memory->first && start < memory->end ? memory->end - start : 0;

    for (size_t length = 0; length < limit_bytes && length < room; length++) {
        text[length] = (char)memory->bytes[start - memory->first + length];
        if (text[length] == '\0') {
            return true;
        }
    }
    text[room < limit_bytes ? room : limit_bytes - 1] = '\0';
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
