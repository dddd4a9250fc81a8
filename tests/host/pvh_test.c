/* A PVH start_info, well formed and malformed. */
#include "kernel/boot_info/pvh.h"

#include "testing/test.h"
#include "tests/host/boot_memory.h"

#include <stdlib.h>

struct raw_start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, command_line, rsdp, memory_map;
    uint32_t memory_map_count, reserved;
};

struct raw_region {
    uint64_t start, length_bytes;
    uint32_t type, reserved;
};

/* A good start_info at the start of the memory, and what it points to behind it. */
static struct raw_start_info *lay_out_good(struct laid_out *memory)
{
    static const struct raw_region regions[] = {
        {0x0, 0x9fc00, 1, 0},
        {0x9fc00, 0x400, 2, 0},
        {0x100000, 0x700000, 1, 0},
        {0x7f0000, 0x20000, 3, 0},
    };
    static const uint64_t module[] = {0x300000, 0x2000, 0, 0};
    struct raw_start_info info = {
        .magic = 0x336ec578, .version = 1, .module_count = 1, .memory_map_count = 4};

    memset(memory, 0, sizeof *memory);
    lay_out(memory, &info, sizeof info);
    info.command_line = lay_out(memory, "list", 5);
    lay_out_padding(memory);
    info.memory_map = lay_out(memory, regions, sizeof regions);
    info.modules = lay_out(memory, module, sizeof module);
    memcpy(memory->bytes, &info, sizeof info);
    return (struct raw_start_info *)memory->bytes;
}

static const char *parse(const struct laid_out *memory, struct boot_info *info)
{
    struct boot_memory readable = laid_out_memory(memory);

    memset(info, 0, sizeof *info);
    return pvh_parse(&readable, LAID_OUT_START, info);
}

TEST(pvh, tells_memory_map_modules_and_command_line)
{
    struct laid_out memory;
    struct boot_info info;

    lay_out_good(&memory);
    const char *error = parse(&memory, &info);
    REQUIRE(error == NULL);
    CHECK(strcmp(info.command_line, "list") == 0);
    CHECK_EQUAL(memory_map_bytes(&info.memory_map, MEMORY_RESERVED), 0x1000);
    CHECK_EQUAL(memory_map_bytes(&info.memory_map, MEMORY_MODULE), 0x2000);
    CHECK_EQUAL(memory_map_bytes(&info.memory_map, MEMORY_ACPI_RECLAIMABLE), 0x20000);
    CHECK_EQUAL(memory_map_bytes(&info.memory_map, MEMORY_USABLE),
                0x9f000 + 0x700000 - 0x2000 - 0x10000);
}

TEST(pvh, may_come_without_a_command_line)
{
    struct laid_out memory;
    struct boot_info info;

    lay_out_good(&memory)->command_line = 0;
    const char *error = parse(&memory, &info);
    CHECK(error == NULL);
    CHECK_EQUAL(info.command_line[0], 0);
}

static void check_error(struct test *test, const struct laid_out *memory, const char *part)
{
    struct boot_info info;
    const char *error = parse(memory, &info);

    REQUIRE(error != NULL);
    CHECK(strstr(error, part) != NULL);
}

TEST(pvh, refuses_a_wrong_magic)
{
    struct laid_out memory;

    lay_out_good(&memory)->magic = 0x36d76289;
    check_error(test, &memory, "magic");
}

TEST(pvh, refuses_a_missing_memory_map)
{
    struct laid_out memory;

    lay_out_good(&memory)->version = 0;
    check_error(test, &memory, "no memory map");
    lay_out_good(&memory)->memory_map_count = 0;
    check_error(test, &memory, "no memory map");
}

TEST(pvh, refuses_references_outside_of_memory)
{
    static const uint64_t outside[] = {8, UINT64_C(0x100000000), UINT64_MAX - 7};
    struct laid_out memory;

    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        lay_out_good(&memory)->memory_map = outside[i];
        check_error(test, &memory, "memory map");
        lay_out_good(&memory)->modules = outside[i];
        check_error(test, &memory, "module");
        lay_out_good(&memory)->command_line = outside[i];
        check_error(test, &memory, "command line");
    }
    lay_out_good(&memory)->memory_map_count = UINT32_MAX;
    check_error(test, &memory, "memory map");
}

TEST(pvh, refuses_a_start_info_that_ends_too_soon)
{
    struct laid_out memory;

    lay_out_good(&memory);
    memory.used = sizeof(struct raw_start_info) - 1;
    check_error(test, &memory, "start_info");
}

/* Whatever the bytes are, the parser stays inside of them; the sanitizers watch. */
TEST(pvh, survives_random_damage, .tags = "random")
{
    struct random random = test_random(test, 1);
    struct boot_info info;

    for (unsigned round = 0; round < 20000; round++) {
        struct laid_out memory;
        lay_out_good(&memory);
        for (unsigned left = 1 + random_below(&random, 8); left > 0; left--) {
            memory.bytes[random_below(&random, (unsigned)memory.used)] =
                (uint8_t)random_below(&random, 256);
        }
        uint8_t *exact = malloc(memory.used);
        REQUIRE(exact != NULL);
        memcpy(exact, memory.bytes, memory.used);
        struct boot_memory readable = {exact, LAID_OUT_START, LAID_OUT_START + memory.used};
        memset(&info, 0, sizeof info);
        (void)pvh_parse(&readable, LAID_OUT_START, &info);
        free(exact);
        CHECK(info.memory_map.region_count <= MEMORY_MAP_CAPACITY);
    }
}
