/* A target for libFuzzer: bytes become what a boot loader leaves in memory. Memory ends with the
 * input, so that the sanitizers see what reads on. The first byte chooses the protocol, and whether
 * what would keep a parser from going on is set right. */
#include "kernel/boot_info/multiboot2.h"
#include "kernel/boot_info/pvh.h"
#include "kernel/state/command_line.h"

#include <stdlib.h>
#include <string.h>

/* Called by libFuzzer, which declares it nowhere. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count);

#define START UINT64_C(0x9000)

static const char *parse(const uint8_t *bytes, size_t byte_count, bool pvh, struct boot_info *info)
{
    struct boot_memory memory = {bytes, START, START + byte_count};

    memset(info, 0, sizeof *info);
    return pvh ? pvh_parse(&memory, START, info)
               : multiboot2_parse(&memory, MULTIBOOT2_MAGIC, START, info);
}

static void check_map(const struct memory_map *map)
{
    if (map->region_count > MEMORY_MAP_CAPACITY) {
        abort();
    }
    for (size_t i = 0; i < map->region_count; i++) {
        const struct memory_region *region = &map->regions[i];
        if (region->start.value >= region->end.value ||
            (i > 0 && region->start.value < region[-1].end.value)) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count)
{
    static struct boot_info info;
    static struct boot_info again;

    if (byte_count == 0) {
        return 0;
    }
    bool pvh = (bytes[0] & 1) != 0;
    size_t count = byte_count - 1;
    uint8_t *exact = malloc(count + 1);
    memcpy(exact, bytes + 1, count);
    if ((bytes[0] & 2) == 0 && count >= sizeof(uint32_t)) {
        memcpy(exact, pvh ? &(uint32_t){0x336ec578} : &(uint32_t){(uint32_t)count},
               sizeof(uint32_t));
    }
    const char *error = parse(exact, count, pvh, &info);
    check_map(&info.memory_map);
    if (memchr(info.command_line, '\0', sizeof info.command_line) == NULL ||
        memchr(info.loader_name, '\0', sizeof info.loader_name) == NULL) {
        abort();
    }
    (void)command_line_parse(info.command_line);
    /* What follows the information does not matter. PVH's start_info points anywhere, and may take in
     * what follows. */
    if (!pvh && error == NULL) {
        uint8_t *followed = malloc(count + 64);
        memcpy(followed, exact, count);
        memset(followed + count, 0xff, 64);
        if (parse(followed, count + 64, pvh, &again) != NULL ||
            memcmp(&info, &again, sizeof info) != 0) {
            abort();
        }
        free(followed);
    }
    free(exact);
    return 0;
}
