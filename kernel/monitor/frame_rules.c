#include "kernel/monitor/frame_rules.h"

#include "kernel/layout/image.h"

static const struct memory_map *map_of(const struct monitor *monitor)
{
    return &monitor->kernel->boot_info->memory_map;
}

static uint64_t end_of(phys_addr start, uint64_t bytes)
{
    return bytes > UINT64_MAX - start.value ? UINT64_MAX : start.value + bytes;
}

/* Why memory of this type, from `start` on, must not have these rights. */
static const char *rights_reason(const struct monitor *monitor, enum memory_type type,
                                 uint64_t start, uint64_t end, page_flags flags)
{
    uint64_t data = image_physical(image_data_start).value;
    bool executable = monitor->kernel->cpu.no_execute && (flags.bits & PAGE_NO_EXECUTE) == 0;
    bool holds_constant = type == MEMORY_BOOT_INFO || (type == MEMORY_KERNEL && start < data);
    bool holds_variable = type == MEMORY_PAGE_TABLES || (type == MEMORY_KERNEL && end > data);

    if (holds_constant && (flags.bits & PAGE_WRITABLE) != 0) {
        return "the kernel's text, constants or boot info are there, which stay read-only";
    }
    if (holds_variable && executable) {
        return "the kernel's data or page tables are there, which are not to be executed";
    }
    return NULL;
}

const char *frame_rules_rights(const struct monitor *monitor, phys_addr frame, uint64_t bytes,
                               page_flags flags)
{
    uint64_t end = end_of(frame, bytes);

    for (uint64_t at = frame.value; at < end;) {
        struct memory_region region = memory_map_at(map_of(monitor), phys_addr_of(at));
        uint64_t piece_end = region.end.value < end ? region.end.value : end;
        const char *reason = rights_reason(monitor, region.type, at, piece_end, flags);

        if (reason != NULL || region.end.value <= at) {
            return reason;
        }
        at = region.end.value;
    }
    return NULL;
}

/* Steps over what is not mapped by whole entries. Both distances are taken from the start, so that
 * nothing is lost at 2^64. */
const char *frame_rules_rights_of_pages(const struct monitor *monitor, virt_addr start,
                                        uint64_t bytes, page_flags flags)
{
    for (uint64_t done = 0; done < bytes;) {
        virt_addr at = virt_addr_add(start, done);
        struct translation page = page_table_translate(&monitor->kernel->page_table, at);

        if (page.result == TRANSLATE_NOT_CANONICAL) {
            return NULL; /* the change itself says so */
        }
        uint64_t rest = level_bytes(page.level) - (at.value & (level_bytes(page.level) - 1));
        uint64_t piece = rest < bytes - done ? rest : bytes - done;
        const char *reason = page.result == TRANSLATE_OK
                                 ? frame_rules_rights(monitor, page.address, piece, flags)
                                 : NULL;
        if (reason != NULL) {
            return reason;
        }
        done += piece;
    }
    return NULL;
}

enum frame_kind frame_rules_kind(const struct monitor *monitor, phys_addr frame, uint64_t bytes,
                                 phys_addr *boundary)
{
    uint64_t end = end_of(frame, bytes);
    struct memory_region region = memory_map_at(map_of(monitor), frame);
    bool is_ram = memory_type_is_ram(region.type);

    while (region.end.value < end && region.end.value > frame.value) {
        *boundary = region.end;
        region = memory_map_at(map_of(monitor), region.end);
        if (memory_type_is_ram(region.type) != is_ram) {
            return FRAMES_OF_BOTH;
        }
        if (region.end.value <= boundary->value) {
            break; /* beyond all physical addresses */
        }
    }
    return is_ram ? FRAMES_OF_RAM : FRAMES_OF_DEVICES;
}
