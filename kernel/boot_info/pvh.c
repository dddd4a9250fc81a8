#include "kernel/boot_info/pvh.h"

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

/* The entries are gone through twice, usable ones first: memory_map_add wants it. */
static const char *parse_memory_map(const struct boot_memory *memory,
                                    const struct start_info *start_info, struct boot_info *info)
{
    struct memory_map_entry entry;
    struct boot_memory entries;

    if (start_info->version < 1 || start_info->memory_map_count == 0) {
        return "the start_info has no memory map";
    }
    if (!boot_memory_part(memory, start_info->memory_map,
                          (uint64_t)start_info->memory_map_count * sizeof entry, &entries)) {
        return "the memory map of the start_info cannot be read";
    }
    for (unsigned pass = 0; pass < 2; pass++) {
        for (uint64_t at = entries.first; boot_memory_read(&entries, at, &entry, sizeof entry);
             at += sizeof entry) {
            enum memory_type type = memory_type_from_e820(entry.type);
            if ((type == MEMORY_USABLE) == (pass == 0)) {
                memory_map_add(&info->memory_map, entry.start, entry.length_bytes, type);
            }
        }
    }
    return NULL;
}

static const char *parse_modules(const struct boot_memory *memory,
                                 const struct start_info *start_info, struct boot_info *info)
{
    struct module_entry module;
    struct boot_memory modules;

    if (start_info->module_count == 0) {
        return NULL;
    }
    if (!boot_memory_part(memory, start_info->modules,
                          (uint64_t)start_info->module_count * sizeof module, &modules)) {
        return "the module list of the start_info cannot be read";
    }
    for (uint64_t at = modules.first; boot_memory_read(&modules, at, &module, sizeof module);
         at += sizeof module) {
        memory_map_add(&info->memory_map, module.start, module.length_bytes, MEMORY_MODULE);
    }
    return NULL;
}

/* Reads as much of the start_info as its version has. The rest is left zeroed. */
static bool read_start_info(const struct boot_memory *memory, uint64_t start,
                            struct start_info *start_info)
{
    *start_info = (struct start_info){0};
    if (!boot_memory_read(memory, start, start_info, offsetof(struct start_info, memory_map))) {
        return false;
    }
    return start_info->version < 1 || start_info->magic != START_INFO_MAGIC ||
           boot_memory_read(memory, start, start_info, sizeof *start_info);
}

const char *pvh_parse(const struct boot_memory *memory, uint64_t start, struct boot_info *info)
{
    struct start_info start_info;
    const char *error;

    if (!read_start_info(memory, start, &start_info)) {
        return "the start_info cannot be read";
    }
    if (start_info.magic != START_INFO_MAGIC) {
        return "wrong PVH magic: the kernel was entered by something else than a PVH loader";
    }
    if (start_info.command_line != 0 &&
        !boot_memory_copy_string(memory, start_info.command_line, info->command_line,
                                 sizeof info->command_line)) {
        return "the command line is too long or does not end";
    }
    error = parse_memory_map(memory, &start_info, info);
    return error != NULL ? error : parse_modules(memory, &start_info, info);
}
