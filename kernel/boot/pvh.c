#include "kernel/boot/pvh.h"

#define START_INFO_MAGIC UINT32_C(0x336ec578)

struct start_info {
    uint32_t magic;
    uint32_t version;
    uint32_t flags;
    uint32_t module_count;
    uint64_t modules;
    uint64_t command_line;
    uint64_t rsdp;
    uint64_t memory_map; /* from here on: version 1 */
    uint32_t memory_map_count;
    uint32_t reserved;
};

struct memory_map_entry {
    uint64_t start;
    uint64_t length_bytes;
    uint32_t type;
    uint32_t reserved;
};

struct module_entry {
    uint64_t start;
    uint64_t length_bytes;
    uint64_t command_line;
    uint64_t reserved;
};

_Static_assert(sizeof(struct start_info) == 56, "start_info of version 1 has 56 bytes");
_Static_assert(sizeof(struct memory_map_entry) == 24, "a memory map entry has 24 bytes");
_Static_assert(sizeof(struct module_entry) == 32, "a module entry has 32 bytes");

static const char *parse_memory_map(const struct boot_memory *memory,
                                    const struct start_info *start_info, struct boot_info *info)
{
    const struct memory_map_entry *entries =
        boot_memory_at(memory, start_info->memory_map,
                       (uint64_t)start_info->memory_map_count * sizeof *entries);

    if (start_info->version < 1 || start_info->memory_map_count == 0) {
        return "the start_info has no memory map";
    }
    if (entries == NULL || !is_aligned(start_info->memory_map, 8)) {
        return "the memory map of the start_info cannot be read";
    }
    for (uint32_t i = 0; i < start_info->memory_map_count; i++) {
        if (memory_map_add(&info->memory_map, entries[i].start, entries[i].length_bytes,
                           memory_type_from_e820(entries[i].type)) != MEMORY_MAP_OK) {
            return "the memory map has too many regions";
        }
    }
    return NULL;
}

static const char *parse_modules(const struct boot_memory *memory,
                                 const struct start_info *start_info, struct boot_info *info)
{
    const struct module_entry *modules =
        boot_memory_at(memory, start_info->modules,
                       (uint64_t)start_info->module_count * sizeof *modules);

    if (start_info->module_count == 0) {
        return NULL;
    }
    if (modules == NULL || !is_aligned(start_info->modules, 8)) {
        return "the module list of the start_info cannot be read";
    }
    for (uint32_t i = 0; i < start_info->module_count; i++) {
        if (memory_map_add(&info->memory_map, modules[i].start, modules[i].length_bytes,
                           MEMORY_MODULE) != MEMORY_MAP_OK) {
            return "the memory map has too many regions";
        }
    }
    return NULL;
}

const char *pvh_parse(const struct boot_memory *memory, uint64_t start, struct boot_info *info)
{
    const struct start_info *start_info = boot_memory_at(memory, start, sizeof *start_info);
    const char *error;

    if (start_info == NULL || !is_aligned(start, 8)) {
        return "the start_info cannot be read";
    }
    if (start_info->magic != START_INFO_MAGIC) {
        return "wrong PVH magic: the kernel was entered by something else than a PVH loader";
    }
    if (start_info->command_line != 0 &&
        !boot_info_copy_string(memory, start_info->command_line, info->command_line,
                               sizeof info->command_line)) {
        return "the command line is too long or does not end";
    }
    error = parse_memory_map(memory, start_info, info);
    return error != NULL ? error : parse_modules(memory, start_info, info);
}
