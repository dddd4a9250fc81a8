/* Multiboot2 information, well formed and malformed. */
#include "kernel/boot_info/multiboot2.h"

#include "testing/test.h"
#include "tests/host/boot_memory.h"

#include <stdlib.h>

static void begin(struct laid_out *memory)
{
    memset(memory, 0, sizeof *memory);
    lay_out(memory, (uint32_t[]){0, 0}, 8);
}

static void lay_out_tag(struct laid_out *memory, uint32_t type, const void *body, size_t count)
{
    lay_out(memory, (uint32_t[]){type, (uint32_t)(8 + count)}, 8);
    lay_out(memory, body, count);
    lay_out_padding(memory);
}

static void lay_out_memory_map(struct laid_out *memory)
{
    static const struct {
        uint32_t entry_bytes, version;
        struct {
            uint64_t start, length_bytes;
            uint32_t type, reserved;
        } entries[2];
    } body = {24, 0, {{0x0, 0x9fc00, 1, 0}, {0x100000, 0x700000, 1, 0}}};
    lay_out_tag(memory, 6, &body, sizeof body);
}

static void end(struct laid_out *memory)
{
    uint32_t total;

    lay_out_tag(memory, 0, "", 0);
    total = (uint32_t)memory->used;
    memcpy(memory->bytes, &total, 4);
}

static const char *parse(const struct laid_out *memory, struct boot_info *info)
{
    struct boot_memory readable = laid_out_memory(memory);

    memset(info, 0, sizeof *info);
    return multiboot2_parse(&readable, MULTIBOOT2_MAGIC, LAID_OUT_START, info);
}

static void check_error(struct test *test, const struct laid_out *memory, const char *part)
{
    struct boot_info info;
    const char *error = parse(memory, &info);

    REQUIRE(error != NULL);
    CHECK(strstr(error, part) != NULL);
}

TEST(multiboot2, tells_memory_map_command_line_loader_and_display)
{
    static const struct {
        uint64_t address;
        uint32_t pitch, width, height;
        uint8_t bits, type, reserved[2];
    } framebuffer = {0xb8000, 160, 80, 25, 16, 2, {0, 0}};
    struct laid_out memory;
    struct boot_info info;

    begin(&memory);
    lay_out_tag(&memory, 1, "paging=5 once", sizeof "paging=5 once");
    lay_out_tag(&memory, 2, "GRUB 2.06", sizeof "GRUB 2.06");
    lay_out_tag(&memory, 99, "unknown", 7);
    lay_out_memory_map(&memory);
    lay_out_tag(&memory, 3, (uint32_t[]){0x200000, 0x201000, 0}, 12);
    lay_out_tag(&memory, 8, &framebuffer, sizeof framebuffer);
    end(&memory);
    const char *error = parse(&memory, &info);
    REQUIRE(error == NULL);
    CHECK(strcmp(info.command_line, "paging=5 once") == 0);
    CHECK(strcmp(info.loader_name, "GRUB 2.06") == 0);
    CHECK_EQUAL(info.display.kind, DISPLAY_VGA_TEXT);
    CHECK_EQUAL(info.display.width, 80);
    CHECK_EQUAL(memory_map_bytes(&info.memory_map, MEMORY_USABLE), 0x9f000 + 0x6ff000);
    CHECK_EQUAL(memory_map_bytes(&info.memory_map, MEMORY_MODULE), 0x1000);
}

struct framebuffer_body {
    uint64_t address;
    uint32_t pitch, width, height;
    uint8_t bits, type, reserved[2];
    uint8_t colors[6]; /* position and size of red, green and blue */
};
enum { FRAMEBUFFER_BODY_BYTES = 30, COLORS_BYTES = 6 };

static const struct framebuffer_body framebuffer_body = {
    0xfedc0000000, 4096, 1024, 768, 32, 1, {0, 0}, {16, 8, 9, 7, 1, 6}};

/* What the parser makes of a framebuffer tag, cut off after `count` bytes. */
static struct display parse_framebuffer_tag(struct test *test, struct framebuffer_body body,
                                            size_t count)
{
    struct laid_out memory;
    struct boot_info info;

    begin(&memory);
    lay_out_tag(&memory, 8, &body, count);
    lay_out_memory_map(&memory);
    end(&memory);
    CHECK(parse(&memory, &info) == NULL);
    return info.display;
}

TEST(multiboot2, tells_where_a_framebuffer_is_and_what_its_pixels_are)
{
    struct display display =
        parse_framebuffer_tag(test, framebuffer_body, FRAMEBUFFER_BODY_BYTES);

    CHECK_EQUAL(display.kind, DISPLAY_FRAMEBUFFER);
    CHECK_EQUAL(display.address.value, 0xfedc0000000);
    CHECK_EQUAL(display.pitch_bytes, 4096);
    CHECK_EQUAL(display.width, 1024);
    CHECK_EQUAL(display.height, 768);
    CHECK_EQUAL(display.bits_per_pixel, 32);
    CHECK_EQUAL(display.red.position, 16);
    CHECK_EQUAL(display.red.bit_count, 8);
    CHECK_EQUAL(display.green.position, 9);
    CHECK_EQUAL(display.green.bit_count, 7);
    CHECK_EQUAL(display.blue.position, 1);
    CHECK_EQUAL(display.blue.bit_count, 6);
}

/* A screen that cannot be drawn on does not keep the kernel from starting. */
TEST(multiboot2, knows_no_colors_of_a_framebuffer_that_tells_none)
{
    struct framebuffer_body with_palette = framebuffer_body;

    with_palette.type = 0;
    struct display display = parse_framebuffer_tag(test, with_palette, FRAMEBUFFER_BODY_BYTES);
    CHECK_EQUAL(display.kind, DISPLAY_FRAMEBUFFER);
    CHECK_EQUAL(display.red.bit_count, 0);
    display =
        parse_framebuffer_tag(test, framebuffer_body, FRAMEBUFFER_BODY_BYTES - COLORS_BYTES);
    CHECK_EQUAL(display.kind, DISPLAY_FRAMEBUFFER);
    CHECK_EQUAL(display.red.position, 0);
    display = parse_framebuffer_tag(test, framebuffer_body, FRAMEBUFFER_BODY_BYTES - 1);
    CHECK_EQUAL(display.red.position, 0);
}

TEST(multiboot2, refuses_a_wrong_magic)
{
    struct laid_out memory;
    struct boot_info info = {0};
    const char *error;

    begin(&memory);
    lay_out_memory_map(&memory);
    end(&memory);
    struct boot_memory readable = laid_out_memory(&memory);
    error = multiboot2_parse(&readable, 0x2badb002, LAID_OUT_START, &info);
    REQUIRE(error != NULL);
    CHECK(strstr(error, "magic") != NULL);
}

TEST(multiboot2, refuses_information_outside_of_memory)
{
    struct laid_out memory;
    struct boot_info info = {0};

    begin(&memory);
    end(&memory);
    struct boot_memory readable = laid_out_memory(&memory);
    static const uint64_t starts[] = {0, 8, LAID_OUT_START + 4, UINT64_C(0xfffffff8)};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        CHECK(multiboot2_parse(&readable, MULTIBOOT2_MAGIC, starts[i], &info) != NULL);
    }
}

TEST(multiboot2, refuses_a_missing_memory_map)
{
    struct laid_out memory;

    begin(&memory);
    end(&memory);
    check_error(test, &memory, "no memory map");
}

TEST(multiboot2, refuses_a_missing_end_tag)
{
    struct laid_out memory;

    begin(&memory);
    lay_out_memory_map(&memory);
    memcpy(memory.bytes, &(uint32_t){(uint32_t)memory.used}, 4);
    check_error(test, &memory, "end tag");
}

TEST(multiboot2, refuses_tags_that_are_too_short_or_too_long)
{
    static const uint32_t sizes[] = {0, 7, 5000, UINT32_MAX};
    struct laid_out memory;

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        begin(&memory);
        lay_out(&memory, (uint32_t[]){6, sizes[i]}, 8);
        end(&memory);
        check_error(test, &memory, "tag");
    }
    for (uint32_t type = 3; type <= 8; type++) {
        begin(&memory);
        lay_out_tag(&memory, type, "", 0);
        end(&memory);
        struct boot_info info;
        CHECK(parse(&memory, &info) != NULL);
    }
}

TEST(multiboot2, refuses_memory_map_entries_of_an_impossible_size)
{
    static const uint32_t sizes[] = {0, 8, 23, 25};
    struct laid_out memory;

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        begin(&memory);
        lay_out_tag(&memory, 6, (uint32_t[]){sizes[i], 0, 0, 0, 0, 0, 0, 0}, 32);
        end(&memory);
        check_error(test, &memory, "entries");
    }
}

TEST(multiboot2, refuses_a_command_line_without_an_end)
{
    static char long_line[BOOT_COMMAND_LINE_BYTES + 1];
    struct laid_out memory;

    memset(long_line, 'x', sizeof long_line);
    begin(&memory);
    lay_out_tag(&memory, 1, long_line, sizeof long_line);
    end(&memory);
    check_error(test, &memory, "command line");
}

/* Whatever the bytes are, the parser stays inside of them; the sanitizers watch. */
TEST(multiboot2, survives_random_damage, .tags = "random")
{
    struct random random = test_random(test, 1);
    struct boot_info info;

    for (unsigned round = 0; round < 20000; round++) {
        struct laid_out memory;
        begin(&memory);
        lay_out_tag(&memory, 1, "once", 5);
        lay_out_memory_map(&memory);
        lay_out_tag(&memory, 3, (uint32_t[]){0x200000, 0x201000, 0}, 12);
        lay_out_tag(&memory, 8, &framebuffer_body, FRAMEBUFFER_BODY_BYTES);
        end(&memory);
        for (unsigned left = 1 + random_below(&random, 8); left > 0; left--) {
            memory.bytes[random_below(&random, (unsigned)memory.used)] =
                (uint8_t)random_below(&random, 256);
        }
        uint8_t *exact = malloc(memory.used);
        REQUIRE(exact != NULL);
        memcpy(exact, memory.bytes, memory.used);
        struct boot_memory readable = {exact, LAID_OUT_START, LAID_OUT_START + memory.used};
        memset(&info, 0, sizeof info);
        (void)multiboot2_parse(&readable, MULTIBOOT2_MAGIC, LAID_OUT_START, &info);
        free(exact);
        CHECK(info.memory_map.region_count <= MEMORY_MAP_CAPACITY);
    }
}
