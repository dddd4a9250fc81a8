#include "kernel/boot_info/multiboot2.h"

struct information_header {
    uint32_t total_bytes; /* with this header */
    uint32_t reserved;
};

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

_Static_assert(sizeof(struct information_header) == 8, "tags follow at offset 8");
_Static_assert(sizeof(struct memory_map_tag) == 16, "entries follow at offset 16");
_Static_assert(sizeof(struct memory_map_entry) == 24, "an entry has 24 bytes or more");
_Static_assert(sizeof(struct framebuffer_tag) == 32, "colour information follows at offset 32");
_Static_assert(sizeof(struct framebuffer_colors) == 6, "a byte for each position and each size");

/* The entries of the memory map are gone through twice, usable ones first: memory_map_add wants it. */
static const char *parse_memory_map(const struct boot_memory *tag, struct boot_info *info)
{
    struct memory_map_tag header;
    struct memory_map_entry entry;

    if (!boot_memory_read(tag, tag->first, &header, sizeof header)) {
        return "the memory map tag is too short";
    }
    if (header.entry_bytes < sizeof entry || !is_aligned(header.entry_bytes, 8)) {
        return "the memory map has entries whose size is not 24, 32, ... bytes";
    }
    if ((tag->end - tag->first - sizeof header) % header.entry_bytes != 0) {
        return "the memory map tag ends within an entry";
    }
    for (unsigned pass = 0; pass < 2; pass++) {
        for (uint64_t at = tag->first + sizeof header;
             boot_memory_read(tag, at, &entry, sizeof entry); at += header.entry_bytes) {
            enum memory_type type = memory_type_from_e820(entry.type);
            if ((type == MEMORY_USABLE) == (pass == 0)) {
                memory_map_add(&info->memory_map, entry.start, entry.length_bytes, type);
            }
        }
    }
    return NULL;
}

static const char *parse_framebuffer(const struct boot_memory *tag, struct boot_info *info)
{
    struct framebuffer_tag fixed;
    struct framebuffer_colors colors;

    if (!boot_memory_read(tag, tag->first, &fixed, sizeof fixed - sizeof fixed.reserved)) {
        return "the framebuffer tag is too short";
    }
    info->display = (struct display){
        .kind = fixed.type == FRAMEBUFFER_EGA_TEXT ? DISPLAY_VGA_TEXT : DISPLAY_FRAMEBUFFER,
        .address = phys_addr_of(fixed.address),
        .width = fixed.width,
        .height = fixed.height,
        .pitch_bytes = fixed.pitch_bytes,
        .bits_per_pixel = fixed.bits_per_pixel,
    };
    if (fixed.type == FRAMEBUFFER_RGB &&
        boot_memory_read(tag, tag->first + sizeof fixed, &colors, sizeof colors)) {
        info->display.red = colors.red;
        info->display.green = colors.green;
        info->display.blue = colors.blue;
    }
    return NULL;
}

static const char *parse_module(const struct boot_memory *tag, struct boot_info *info)
{
    struct module_tag module;

    if (!boot_memory_read(tag, tag->first, &module, sizeof module)) {
        return "a module tag is too short";
    }
    if (module.end < module.start) {
        return "a module ends before it starts";
    }
    memory_map_add(&info->memory_map, module.start, module.end - module.start, MEMORY_MODULE);
    return NULL;
}

static const char *parse_tag(const struct boot_memory *tag, uint32_t type, struct boot_info *info)
{
    uint64_t text = tag->first + sizeof(struct tag);

    switch (type) {
    case TAG_COMMAND_LINE:
        return boot_memory_copy_string(tag, text, info->command_line, sizeof info->command_line)
                   ? NULL
                   : "the command line is too long or does not end";
    case TAG_LOADER_NAME:
        (void)boot_memory_copy_string(tag, text, info->loader_name, sizeof info->loader_name);
        return NULL;
    case TAG_MODULE:
        return parse_module(tag, info);
    case TAG_MEMORY_MAP:
        return parse_memory_map(tag, info);
    case TAG_FRAMEBUFFER:
        return parse_framebuffer(tag, info);
    default:
        return NULL;
    }
}

/* Goes through the tags between the header of the information and its end. */
static const char *parse_tags(const struct boot_memory *tags, struct boot_info *info)
{
    bool has_memory_map = false;
    uint64_t at = tags->first;
    struct tag header;

    while (boot_memory_read(tags, at, &header, sizeof header)) {
        struct boot_memory tag;
        const char *error;

        if (header.type == TAG_END) {
            return has_memory_map ? NULL : "the boot loader gave no memory map";
        }
        if (header.size_bytes < sizeof header ||
            !boot_memory_part(tags, at, header.size_bytes, &tag)) {
            return "a multiboot2 tag is longer than the information or shorter than its header";
        }
        error = parse_tag(&tag, header.type, info);
        if (error != NULL) {
            return error;
        }
        has_memory_map = has_memory_map || header.type == TAG_MEMORY_MAP;
        if (tags->end - at < align_up(header.size_bytes, 8)) {
            break;
        }
        at += align_up(header.size_bytes, 8);
    }
    return "the multiboot2 information has no end tag";
}

const char *multiboot2_parse(const struct boot_memory *memory, uint32_t magic, uint64_t start,
                             struct boot_info *info)
{
    struct information_header header;
    struct boot_memory tags;

    if (magic != MULTIBOOT2_MAGIC) {
        return "wrong multiboot2 magic: the kernel was entered by something else than a "
               "multiboot2 loader";
    }
    if (!is_aligned(start, 8) || !boot_memory_read(memory, start, &header, sizeof header)) {
        return "the multiboot2 information cannot be read";
    }
    if (header.total_bytes < sizeof header) {
        return "the multiboot2 information is shorter than its header";
    }
    if (!boot_memory_part(memory, start + sizeof header, header.total_bytes - sizeof header,
                          &tags)) {
        return "the multiboot2 information reaches past the end of memory";
    }
    return parse_tags(&tags, info);
}
