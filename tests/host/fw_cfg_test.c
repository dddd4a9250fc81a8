/* Files of a fw_cfg device: found, missing, too long, and of a device that is none. */
#include "kernel/drivers/fw_cfg_file.h"

#include "testing/test.h"

#include <stdbool.h>
#include <string.h>

enum { NAME_BYTES = 56, ENTRY_BYTES = 64, FILE_ITEM = 0x20, LIMIT_BYTES = 16 };

/* A device with one directory and one file. */
struct device {
    const char *signature;
    uint8_t directory[4 + 4 * ENTRY_BYTES];
    size_t directory_bytes;
    uint8_t file[2 * LIMIT_BYTES];
    size_t file_bytes;

    const uint8_t *selected;
    size_t left_bytes;
    size_t bytes_read;
};

static void select_item(void *context, uint16_t item)
{
    struct device *device = context;

    device->left_bytes = 0;
    if (item == FW_CFG_SIGNATURE) {
        device->selected = (const uint8_t *)device->signature;
        device->left_bytes = 4;
    } else if (item == FW_CFG_DIRECTORY) {
        device->selected = device->directory;
        device->left_bytes = device->directory_bytes;
    } else if (item == FILE_ITEM) {
        device->selected = device->file;
        device->left_bytes = device->file_bytes;
    }
}

static void read_bytes(void *context, void *bytes, size_t count)
{
    struct device *device = context;
    size_t known = count < device->left_bytes ? count : device->left_bytes;

    memset(bytes, 0, count);
    memcpy(bytes, device->selected, known);
    device->selected += known;
    device->left_bytes -= known;
    device->bytes_read += count;
}

static void put_big_endian(uint8_t *bytes, size_t count, uint64_t value)
{
    for (size_t i = 0; i < count; i++) {
        bytes[i] = (uint8_t)(value >> (8 * (count - 1 - i)));
    }
}

static void add_file(struct device *device, const char *name, uint32_t size_bytes)
{
    uint8_t *entry = device->directory + device->directory_bytes;
    size_t name_bytes = strlen(name);

    put_big_endian(entry, 4, size_bytes);
    put_big_endian(entry + 4, 2, FILE_ITEM);
    memcpy(entry + 8, name, name_bytes < NAME_BYTES ? name_bytes : NAME_BYTES);
    device->directory_bytes += ENTRY_BYTES;
}

static void set_file_count(struct device *device, uint32_t count)
{
    put_big_endian(device->directory, 4, count);
}

/* The file "a/b" behind another one. */
static void make(struct device *device, const void *content, size_t size_bytes)
{
    memset(device, 0, sizeof *device);
    device->signature = "QEMU";
    device->directory_bytes = 4;
    device->file_bytes = size_bytes;
    memcpy(device->file, content, size_bytes);
    set_file_count(device, 2);
    add_file(device, "a/bc", 1);
    add_file(device, "a/b", (uint32_t)size_bytes);
}

static enum fw_cfg_result read_file(struct device *device, char *text)
{
    const struct fw_cfg_device reached = {select_item, read_bytes, device};

    memcpy(text, "before", sizeof "before");
    return fw_cfg_file_read(&reached, "a/b", text, LIMIT_BYTES);
}

struct content_row {
    const char *name;
    const char *content;
    size_t size_bytes;
    enum fw_cfg_result result;
    const char *text; /* afterwards; NULL if it has no meaning */
};

static const struct content_row contents[] = {
    {"text", "list", 4, FW_CFG_OK, "list"},
    {"empty", "", 0, FW_CFG_OK, ""},
    {"ends_with_nul", "list", 5, FW_CFG_OK, "list"},
    {"nul_alone", "", 1, FW_CFG_OK, ""},
    {"nul_inside", "li\0st", 5, FW_CFG_NOT_TEXT, NULL},
    {"two_nuls", "li\0", 4, FW_CFG_NOT_TEXT, NULL},
    {"as_long_as_fits", "123456789012345", 15, FW_CFG_OK, "123456789012345"},
    {"one_more", "1234567890123456", 16, FW_CFG_TOO_LONG, "before"},
    {"twice", "12345678901234567890123456789012", 32, FW_CFG_TOO_LONG, "before"},
};

TEST_EACH(fw_cfg, takes_a_file_as_text_or_refuses_it, contents)
{
    struct device device;
    char text[LIMIT_BYTES];

    make(&device, row->content, row->size_bytes);
    CHECK_EQUAL(read_file(&device, text), row->result);
    if (row->text != NULL) {
        CHECK_TEXT_EQUAL(text, row->text);
    }
}

TEST(fw_cfg, refuses_any_length_that_does_not_fit)
{
    static const uint32_t sizes[] = {LIMIT_BYTES, 0x7fffffff, 0x80000000, 0xfffffff0, UINT32_MAX};
    struct device device;
    char text[LIMIT_BYTES];

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        make(&device, "list", 4);
        put_big_endian(device.directory + 4 + ENTRY_BYTES, 4, sizes[i]);
        CHECK_EQUAL(read_file(&device, text), FW_CFG_TOO_LONG);
        CHECK_TEXT_EQUAL(text, "before");
    }
}

TEST(fw_cfg, has_no_file_without_a_device_or_an_entry)
{
    struct device device;
    char text[LIMIT_BYTES];

    make(&device, "list", 4);
    device.signature = "\377\377\377\377"; /* what ports without a device read */
    CHECK_EQUAL(read_file(&device, text), FW_CFG_ABSENT);
    make(&device, "list", 4);
    set_file_count(&device, 0);
    CHECK_EQUAL(read_file(&device, text), FW_CFG_ABSENT);
    make(&device, "list", 4);
    set_file_count(&device, 1);
    CHECK_EQUAL(read_file(&device, text), FW_CFG_ABSENT);
    make(&device, "list", 4);
    memset(device.directory + 4 + ENTRY_BYTES + 8, 'a', NAME_BYTES); /* a name that does not end */
    CHECK_EQUAL(read_file(&device, text), FW_CFG_ABSENT);
    CHECK_TEXT_EQUAL(text, "before");
}

/* The last one is a directory of one file whose count is little-endian. */
TEST(fw_cfg, refuses_a_directory_of_more_files_than_there_are_items)
{
    static const uint32_t counts[] = {FW_CFG_FILES_MAX + 1, 2 * FW_CFG_FILES_MAX, UINT32_MAX,
                                      0x01000000};
    struct device device;
    char text[LIMIT_BYTES];

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        make(&device, "list", 4);
        set_file_count(&device, counts[i]);
        CHECK_EQUAL(read_file(&device, text), FW_CFG_BAD_DIRECTORY);
        CHECK_TEXT_EQUAL(text, "before");
        CHECK_AT_MOST(device.bytes_read, 8u);
    }
}

TEST(fw_cfg, looks_through_as_many_files_as_there_are_items)
{
    struct device device;
    char text[LIMIT_BYTES];

    make(&device, "list", 4);
    memset(device.directory + 4, 0, 2 * ENTRY_BYTES);
    set_file_count(&device, FW_CFG_FILES_MAX);
    CHECK_EQUAL(read_file(&device, text), FW_CFG_ABSENT);
    CHECK_EQUAL(device.bytes_read, 8u + FW_CFG_FILES_MAX * ENTRY_BYTES);
}
