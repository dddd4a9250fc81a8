/* A target for libFuzzer: bytes become what a fw_cfg device hands out. The first byte says how much of
 * the rest is the directory; the files share what follows it. */
#include "kernel/state/command_line.h"
#include "kernel/drivers/fw_cfg_file.h"

#include <stdlib.h>
#include <string.h>

/* Called by libFuzzer, which declares it nowhere. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count);

enum { DIRECTORY_UNIT_BYTES = 4, READ_BYTES_MAX = (FW_CFG_FILES_MAX + 1) * 64 + 2048 };

struct device {
    const uint8_t *directory;
    const uint8_t *files;
    const uint8_t *end;
    const uint8_t *at;
    const uint8_t *at_end;
    size_t bytes_read;
};

static void select_item(void *context, uint16_t item)
{
    static const uint8_t signature[] = {'Q', 'E', 'M', 'U'};
    struct device *device = context;

    if (item == FW_CFG_SIGNATURE) {
        device->at = signature;
        device->at_end = signature + sizeof signature;
    } else {
        device->at = item == FW_CFG_DIRECTORY ? device->directory : device->files;
        device->at_end = item == FW_CFG_DIRECTORY ? device->files : device->end;
    }
}

static void read_bytes(void *context, void *bytes, size_t count)
{
    struct device *device = context;
    size_t left = (size_t)(device->at_end - device->at);
    size_t known = count < left ? count : left;

    memset(bytes, 0, count);
    memcpy(bytes, device->at, known);
    device->at += known;
    device->bytes_read += count;
    if (device->bytes_read > READ_BYTES_MAX) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count)
{
    if (byte_count == 0) {
        return 0;
    }
    size_t directory_bytes = bytes[0] * (size_t)DIRECTORY_UNIT_BYTES;
    size_t rest = byte_count - 1;
    struct device device = {
        .directory = bytes + 1,
        .files = bytes + 1 + (directory_bytes < rest ? directory_bytes : rest),
        .end = bytes + byte_count,
    };
    const struct fw_cfg_device reached = {select_item, read_bytes, &device};

    for (size_t limit_bytes = 1; limit_bytes <= 1024; limit_bytes *= 4) {
        char *text = malloc(limit_bytes); /* exact, for the sanitizers */
        text[0] = '\0';
        device.bytes_read = 0;
        enum fw_cfg_result result =
            fw_cfg_file_read(&reached, "opt/assay/cmdline", text, limit_bytes);
        if (result == FW_CFG_OK) {
            if (strlen(text) >= limit_bytes) {
                abort();
            }
            (void)command_line_parse(text);
        } else if (result != FW_CFG_NOT_TEXT && text[0] != '\0') {
            abort();
        }
        free(text);
    }
    return 0;
}
