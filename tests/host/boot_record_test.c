/* What the parsers of both boot protocols make of a record does not depend on what follows it,
 * wherever the record is cut off. */
#include "kernel/boot_info/multiboot2.h"
#include "kernel/boot_info/pvh.h"

#include "testing/test.h"
#include "tests/host/boot_memory.h"

#include <stdlib.h>

/* What follows a record: bytes that nobody would write, those that end a string, and those that
 * would do as an entry of a memory map, a module or a text. */
static const struct {
    uint8_t bytes[24];
} fills[] = {
    {{0}},
    {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
    {{0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}},
    {{'t', 'e', 's', 't', '=', 'a', 0, ' ', 'o', 'n', 'c', 'e', 0, 0, 0, 0, 8, 8, 8, 8, 8, 8, 8, 8}},
};
enum { FILL_COUNT = sizeof fills / sizeof fills[0] };

static void fill(uint8_t *bytes, size_t count, size_t fill_index)
{
    for (size_t i = 0; i < count; i++) {
        bytes[i] = fills[fill_index].bytes[i % sizeof fills[0].bytes];
    }
}

struct outcome {
    const char *error; /* NULL: none */
    struct boot_info info;
};

typedef const char *parse_function(const struct boot_memory *memory, struct boot_info *info);

static const char *parse_multiboot2(const struct boot_memory *memory, struct boot_info *info)
{
    return multiboot2_parse(memory, MULTIBOOT2_MAGIC, LAID_OUT_START, info);
}

static const char *parse_pvh(const struct boot_memory *memory, struct boot_info *info)
{
    return pvh_parse(memory, LAID_OUT_START, info);
}

/* Parses the first `count` bytes, in memory that ends with them: the sanitizers see what reads on.
 * They stand at an address that is as little aligned as the protocols allow. */
static struct outcome *parse_exactly(parse_function *parse, const uint8_t *bytes, size_t count)
{
    struct outcome *outcome = calloc(1, sizeof *outcome);
    uint8_t *exact = malloc(count + 1);

    memcpy(exact + 1, bytes, count);
    struct boot_memory memory = {exact + 1, LAID_OUT_START, LAID_OUT_START + count};
    outcome->error = parse(&memory, &outcome->info);
    free(exact);
    return outcome;
}

/* With an error, what was read before it does not matter: the kernel does not go on. */
static void check_same(struct test *test, struct outcome *left, struct outcome *right)
{
    CHECK_TEXT_EQUAL(left->error == NULL ? "" : left->error,
                     right->error == NULL ? "" : right->error);
    if (left->error == NULL) {
        CHECK(memcmp(&left->info, &right->info, sizeof left->info) == 0);
    }
    free(left);
    free(right);
}

static void lay_out_tag(struct laid_out *memory, uint32_t type, const void *body, size_t count,
                        size_t fill_index)
{
    lay_out(memory, (uint32_t[]){type, (uint32_t)(8 + count)}, 8);
    lay_out(memory, body, count);
    size_t end = memory->used;
    lay_out_padding(memory);
    fill(memory->bytes + end, memory->used - end, fill_index);
}

/* The bodies of the tags that the parser reads. */
struct tag_row {
    const char *name;
    uint32_t type;
    size_t byte_count;
    uint8_t bytes[80];
};

static const struct tag_row tags[] = {
    {"command_line", 1, 24, "test=abc access=fixed 12"},
    {"loader_name", 2, 9, "GRUB 2.06"},
    {"module", 3, 12, {0, 0, 0x40, 0, 0, 0, 0x50, 0, 'm', 0}},
    {"memory_map", 6, 8 + 2 * 24,
     {24, 0, 0, 0, 0, 0, 0, 0,
      0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
      0, 0, 0x18, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0}},
    {"framebuffer", 8, 30,
     {0, 0, 0, 0xfd, 0, 0, 0, 0, 0, 16, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 32, 1, 0, 0, 16, 8, 8, 8, 0,
      8}},
};

/* The tag, cut off after `count` bytes of its body and followed by one that the parser does not know;
 * and behind the information, what there happens to be. */
static struct outcome *parse_with_tag(const struct tag_row *row, size_t count, size_t fill_index)
{
    uint8_t unknown[48];
    struct laid_out memory = {.used = 0};

    fill(unknown, sizeof unknown, fill_index);
    lay_out(&memory, (uint32_t[]){0, 0}, 8);
    lay_out_tag(&memory, row->type, row->bytes, count, fill_index);
    lay_out_tag(&memory, 99, unknown, sizeof unknown, fill_index);
    if (row->type != 6) {
        lay_out_tag(&memory, 6, tags[3].bytes, tags[3].byte_count, fill_index);
    }
    lay_out_tag(&memory, 0, "", 0, fill_index);
    memcpy(memory.bytes, &(uint32_t){(uint32_t)memory.used}, 4);
    fill(memory.bytes + memory.used, 64, fill_index);
    return parse_exactly(parse_multiboot2, memory.bytes, memory.used + 64);
}

TEST_EACH(boot_records, of_multiboot2_end_with_their_tag, tags)
{
    for (size_t count = 0; count <= row->byte_count; count++) {
        for (size_t i = 1; i < FILL_COUNT; i++) {
            check_same(test, parse_with_tag(row, count, 0), parse_with_tag(row, count, i));
        }
    }
    struct outcome *whole = parse_with_tag(row, row->byte_count, 1);
    CHECK_EQUAL(whole->error == NULL, row->type != 1); /* the command line has no NUL */
    free(whole);
}

/* All tags, cut off after `count` bytes, where the information says so. */
static struct outcome *parse_information(size_t count, uint32_t total_bytes, size_t fill_index)
{
    struct laid_out memory = {.used = 0};

    lay_out(&memory, (uint32_t[]){0, 0}, 8);
    for (size_t i = 1; i < sizeof tags / sizeof tags[0]; i++) {
        lay_out_tag(&memory, tags[i].type, tags[i].bytes, tags[i].byte_count, 0);
    }
    lay_out_tag(&memory, 0, "", 0, 0);
    memcpy(memory.bytes, &total_bytes, 4);
    if (fill_index < FILL_COUNT) {
        fill(memory.bytes + count, memory.used + 64 - count, fill_index);
    }
    return parse_exactly(parse_multiboot2, memory.bytes, memory.used + 64);
}

enum { WHOLE = 8 + 24 + 24 + 64 + 40 + 8, AS_IT_WAS = FILL_COUNT };

TEST(boot_records, of_multiboot2_end_with_the_information)
{
    struct outcome *whole = parse_information(WHOLE, WHOLE, 1);

    CHECK(whole->error == NULL);
    free(whole);
    for (uint32_t count = 4; count < WHOLE; count++) {
        for (size_t i = 0; i <= AS_IT_WAS; i++) {
            struct outcome *cut = parse_information(count, count, i);
            CHECK(cut->error != NULL);
            check_same(test, parse_information(count, count, 0), cut);
        }
    }
}

TEST(boot_records, of_multiboot2_may_claim_any_size)
{
    static const uint32_t sizes[] = {0, 1, 4, 7, WHOLE + 65, UINT32_MAX - 8, UINT32_MAX - 7,
                                     UINT32_MAX};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct outcome *outcome = parse_information(WHOLE, sizes[i], AS_IT_WAS);
        REQUIRE(outcome->error != NULL);
        CHECK_TEXT_HAS(outcome->error, "information");
        free(outcome);
    }
}

/* Memory that ends where addresses do. */
TEST(boot_records, may_stand_at_the_end_of_the_address_space)
{
    static const uint8_t bytes[32] = {24, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 16, 0, 0, 0, 'a'};
    struct boot_memory memory = {bytes, UINT64_MAX - 31, UINT64_MAX};
    struct boot_memory part;
    char text[64];
    uint64_t word;

    CHECK(!boot_memory_part(&memory, UINT64_MAX - 7, 8, &part));
    CHECK(!boot_memory_part(&memory, UINT64_MAX - 7, UINT64_MAX, &part));
    CHECK(!boot_memory_part(&memory, 0, UINT64_MAX, &part));
    CHECK(!boot_memory_read(&memory, UINT64_MAX - 6, &word, 8));
    CHECK(boot_memory_read(&memory, UINT64_MAX - 8, &word, 8));
    CHECK(boot_memory_part(&memory, UINT64_MAX, 0, &part));
    CHECK(!boot_memory_copy_string(&memory, UINT64_MAX, text, sizeof text));
    CHECK_TEXT_EQUAL(text, "");
    CHECK(!boot_memory_copy_string(&memory, 0, text, sizeof text));
    struct boot_info info = {0};
    CHECK(multiboot2_parse(&memory, MULTIBOOT2_MAGIC, UINT64_MAX - 31, &info) != NULL);
    CHECK(multiboot2_parse(&memory, MULTIBOOT2_MAGIC, UINT64_MAX - 7, &info) != NULL);
    CHECK(pvh_parse(&memory, UINT64_MAX - 31, &info) != NULL);
}

struct start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, command_line, rsdp, memory_map;
    uint32_t memory_map_count, reserved;
};

/* The records of PVH apart from each other, none aligned to more than 4 bytes, and between them what
 * there happens to be. */
enum {
    PVH_MODULES = 100,
    PVH_COMMAND_LINE = 204,
    PVH_MEMORY_MAP = 252,
    PVH_BYTES = PVH_MEMORY_MAP + 2 * 24,
};

static struct outcome *parse_start_info(uint32_t version, uint32_t module_count,
                                        uint32_t region_count, size_t count, size_t fill_index)
{
    static const uint64_t modules[] = {0x400000, 0x1000, 0, 0, 0x500000, 0x1000, 0, 0};
    static const uint8_t regions[] = {0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x70, 0,
                                      0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
                                      0, 0, 0x18, 0, 0, 0, 0, 0, 0, 0x10, 0, 0,
                                      0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0};
    const struct start_info info = {
        .magic = 0x336ec578,
        .version = version,
        .module_count = module_count,
        .modules = LAID_OUT_START + PVH_MODULES,
        .command_line = LAID_OUT_START + PVH_COMMAND_LINE,
        .memory_map = LAID_OUT_START + PVH_MEMORY_MAP,
        .memory_map_count = region_count,
    };
    uint8_t bytes[PVH_BYTES + 64];

    fill(bytes, sizeof bytes, fill_index);
    memcpy(bytes, &info, version == 0 ? 40 : sizeof info);
    memcpy(bytes + PVH_MODULES, modules, 32 * module_count);
    memcpy(bytes + PVH_COMMAND_LINE, "test=abc", 9);
    memcpy(bytes + PVH_MEMORY_MAP, regions, 24 * region_count);
    return parse_exactly(parse_pvh, bytes, count);
}

TEST(boot_records, of_pvh_end_with_their_count)
{
    for (uint32_t version = 0; version <= 2; version++) {
        for (uint32_t modules = 0; modules <= 2; modules++) {
            for (uint32_t regions = 0; regions <= 2; regions++) {
                for (size_t i = 1; i < FILL_COUNT; i++) {
                    check_same(test, parse_start_info(version, modules, regions, PVH_BYTES + 64, 0),
                               parse_start_info(version, modules, regions, PVH_BYTES + 64, i));
                }
            }
        }
    }
    struct outcome *good = parse_start_info(1, 2, 2, PVH_BYTES, 1);
    REQUIRE(good->error == NULL);
    CHECK_TEXT_EQUAL(good->info.command_line, "test=abc");
    CHECK_EQUAL(memory_map_bytes(&good->info.memory_map, MEMORY_MODULE), 0x2000);
    CHECK_EQUAL(memory_map_bytes(&good->info.memory_map, MEMORY_RESERVED), 0x1000);
    CHECK_EQUAL(memory_map_bytes(&good->info.memory_map, MEMORY_USABLE), 0x700000 - 0x3000);
    free(good);
}

TEST(boot_records, of_pvh_are_refused_where_memory_ends_within_them)
{
    for (size_t count = 0; count < PVH_BYTES; count++) {
        struct outcome *cut = parse_start_info(1, 2, 2, count, 1);
        CHECK(cut->error != NULL);
        free(cut);
    }
}

/* Strings of lengths around what there is room for. */
struct length_row {
    const char *name;
    size_t loader_name;
    size_t command_line;
};

static const struct length_row lengths[] = {
    {"n_less_1", BOOT_LOADER_NAME_BYTES - 1, BOOT_COMMAND_LINE_BYTES - 1},
    {"n", BOOT_LOADER_NAME_BYTES, BOOT_COMMAND_LINE_BYTES},
    {"n_and_1", BOOT_LOADER_NAME_BYTES + 1, BOOT_COMMAND_LINE_BYTES + 1},
    {"2n", 2 * BOOT_LOADER_NAME_BYTES, 2 * BOOT_COMMAND_LINE_BYTES},
};

static struct outcome *parse_text(uint32_t type, size_t length)
{
    static char text[2 * BOOT_COMMAND_LINE_BYTES + 1];
    static struct laid_out memory;

    memset(text, 'x', length);
    text[length] = '\0';
    memory.used = 0;
    lay_out(&memory, (uint32_t[]){0, 0}, 8);
    lay_out_tag(&memory, type, text, length + 1, 1);
    lay_out_tag(&memory, 6, tags[3].bytes, tags[3].byte_count, 1);
    lay_out_tag(&memory, 0, "", 0, 1);
    memcpy(memory.bytes, &(uint32_t){(uint32_t)memory.used}, 4);
    return parse_exactly(parse_multiboot2, memory.bytes, memory.used);
}

TEST_EACH(boot_records, cut_the_loaders_name_and_refuse_a_command_line_that_is_too_long, lengths)
{
    struct outcome *name = parse_text(2, row->loader_name);
    struct outcome *line = parse_text(1, row->command_line);
    size_t shown = row->loader_name < BOOT_LOADER_NAME_BYTES ? row->loader_name
                                                             : BOOT_LOADER_NAME_BYTES - 1;

    CHECK(name->error == NULL);
    CHECK_EQUAL(strlen(name->info.loader_name), shown);
    CHECK_EQUAL(line->error == NULL, row->command_line < BOOT_COMMAND_LINE_BYTES);
    free(name);
    free(line);
}
