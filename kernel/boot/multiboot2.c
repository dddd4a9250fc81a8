#include "kernel/boot/multiboot2.h"

struct tag {
    uint32_t type;
    uint32_t size_bytes; /* with this header, without the padding to 8 bytes */
};

enum tag_type {
    TAG_END = 0,
    TAG_COMMAND_LINE = 1,
    TAG_LOADER_NAME = 2,
    TAG_MODULE = 3,
    TAG_MEMORY_MAP = 6,
    TAG_FRAMEBUFFER = 8,
};

struct module_tag {
    struct tag tag;
    uint32_t start;
    uint32_t end;
};

struct memory_map_tag {
    struct tag tag;
    uint32_t entry_bytes;
    uint32_t entry_version;
};

struct memory_map_entry {
    uint64_t start;
    uint64_t length_bytes;
    uint32_t type;
    uint32_t reserved;
};

struct framebuffer_tag {
    struct tag tag;
    uint64_t address;
    uint32_t pitch_bytes;
    uint32_t width;
    uint32_t height;
    uint8_t bits_per_pixel;
    uint8_t type;
    uint8_t reserved[2];
};
enum { FRAMEBUFFER_RGB = 1, FRAMEBUFFER_EGA_TEXT = 2 };

/* What follows a framebuffer tag of the type FRAMEBUFFER_RGB. */
struct framebuffer_colors {
    struct color_field red;
    struct color_field green;
    struct color_field blue;
};

_Static_assert(sizeof(struct memory_map_tag) == 16, "entries follow at offset 16");
_Static_assert(sizeof(struct memory_map_entry) == 24, "an entry has 24 bytes or more");
_Static_assert(sizeof(struct framebuffer_tag) == 32, "colour information follows at offset 32");
_Static_assert(sizeof(struct framebuffer_colors) == 6, "a byte for each position and each size");

static const char *parse_memory_map(const struct boot_memory *memory, uint64_t start,
                                    uint32_t size_bytes, struct boot_info *info)
{
    const struct memory_map_tag *header = boot_memory_at(memory, start, sizeof *header);

    if (size_bytes < sizeof *header) {
        return "the memory map tag is too short";
    }
    if (header->entry_bytes < sizeof(struct memory_map_entry) ||
        !is_aligned(header->entry_bytes, 8)) {
        return "the memory map has entries whose size is not 24, 32, ... bytes";
    }
    for (uint64_t at = sizeof *header; size_bytes - at >= header->entry_bytes;
         at += header->entry_bytes) {
        const struct memory_map_entry *entry = boot_memory_at(memory, start + at, sizeof *entry);
        if (memory_map_add(&info->memory_map, entry->start, entry->length_bytes,
                           memory_type_from_e820(entry->type)) != MEMORY_MAP_OK) {
            return "the memory map has too many regions";
        }
    }
    return NULL;
}

static const char *parse_framebuffer(const struct boot_memory *memory, uint64_t start,
                                     uint32_t size_bytes, struct boot_info *info)
{
    const struct framebuffer_tag *tag = boot_memory_at(memory, start, sizeof *tag);
    const struct framebuffer_colors *colors;

    if (size_bytes < sizeof *tag - sizeof tag->reserved) {
        return "the framebuffer tag is too short";
    }
    if (tag == NULL) {
        return "the framebuffer tag reaches past the end of memory";
    }
    info->display = (struct display){
        .kind = tag->type == FRAMEBUFFER_EGA_TEXT ? DISPLAY_VGA_TEXT : DISPLAY_FRAMEBUFFER,
        .address = phys_addr_of(tag->address),
        .width = tag->width,
        .height = tag->height,
        .pitch_bytes = tag->pitch_bytes,
        .bits_per_pixel = tag->bits_per_pixel,
    };
    if (tag->type == FRAMEBUFFER_RGB && size_bytes >= sizeof *tag + sizeof *colors) {
        colors = boot_memory_at(memory, start + sizeof *tag, sizeof *colors);
        info->display.red = colors->red;
        info->display.green = colors->green;
        info->display.blue = colors->blue;
    }
    return NULL;
}

static const char *parse_module(const struct boot_memory *memory, uint64_t start,
                                uint32_t size_bytes, struct boot_info *info)
{
    const struct module_tag *tag = boot_memory_at(memory, start, sizeof *tag);

    if (size_bytes < sizeof *tag) {
        return "a module tag is too short";
    }
    if (tag->end < tag->start) {
        return "a module ends before it starts";
    }
    if (memory_map_add(&info->memory_map, tag->start, tag->end - tag->start, MEMORY_MODULE) !=
        MEMORY_MAP_OK) {
        return "the memory map has too many regions";
    }
    return NULL;
}

/* The whole tag was found to be readable. */
static const char *parse_tag(const struct boot_memory *memory, uint64_t start,
                             const struct tag *tag, struct boot_info *info)
{
    switch (tag->type) {
    case TAG_COMMAND_LINE:
        return boot_info_copy_string(memory, start + sizeof *tag, info->command_line,
                                     sizeof info->command_line)
                   ? NULL
                   : "the command line is too long or does not end";
    case TAG_LOADER_NAME:
        return boot_info_copy_string(memory, start + sizeof *tag, info->loader_name,
                                     sizeof info->loader_name)
                   ? NULL
                   : "the name of the boot loader is too long or does not end";
    case TAG_MODULE:
        return parse_module(memory, start, tag->size_bytes, info);
    case TAG_MEMORY_MAP:
        return parse_memory_map(memory, start, tag->size_bytes, info);
    case TAG_FRAMEBUFFER:
        return parse_framebuffer(memory, start, tag->size_bytes, info);
    default:
        return NULL;
    }
}

const char *multiboot2_parse(const struct boot_memory *memory, uint32_t magic, uint64_t start,
                             struct boot_info *info)
{
    const uint32_t *total_bytes = boot_memory_at(memory, start, 2 * sizeof *total_bytes);
    bool has_memory_map = false;

    if (magic != MULTIBOOT2_MAGIC) {
        return "wrong multiboot2 magic: the kernel was entered by something else than a "
               "multiboot2 loader";
    }
    if (!is_aligned(start, 8) || total_bytes == NULL ||
        boot_memory_at(memory, start, *total_bytes) == NULL) {
        return "the multiboot2 information cannot be read";
    }
    uint64_t end = start + *total_bytes;
    uint64_t at = start + 8;

    while (end - at >= sizeof(struct tag)) {
        const struct tag *tag = boot_memory_at(memory, at, sizeof *tag);
        const char *error;

        if (tag->type == TAG_END) {
            return has_memory_map ? NULL : "the boot loader gave no memory map";
        }
        if (tag->size_bytes < sizeof *tag || tag->size_bytes > end - at) {
            return "a multiboot2 tag is longer than the information or shorter than its header";
        }
        error = parse_tag(memory, at, tag, info);
        if (error != NULL) {
            return error;
        }
        has_memory_map = has_memory_map || tag->type == TAG_MEMORY_MAP;
        at += align_up(tag->size_bytes, 8);
        if (at > end) {
            break;
        }
    }
    return "the multiboot2 information has no end tag";
}
