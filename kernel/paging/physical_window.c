#include "kernel/paging/physical_window.h"

#include "kernel/cpu/features.h"
#include "kernel/layout/image.h"
#include "kernel/panic/panic.h"

/* Below, the memory type may change with each page: see MTRRfix4K_C0000 and its like. The 1 MiB of
 * these registers, rounded up to a huge page. */
#define SMALL_PAGES_END UINT64_C(0x200000)

static uint64_t lower(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Where what begins at `start` has to end: regions are cut where huge pages may begin, and where the
 * part of the image that is written begins. */
static uint64_t piece_end(uint64_t start, uint64_t region_end)
{
    const uint64_t cuts[] = {SMALL_PAGES_END, image_physical(image_data_start).value};
    uint64_t end = region_end;

    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        end = start < cuts[i] ? lower(end, cuts[i]) : end;
    }
    return end;
}

/* All of the image before its data is text and read-only data. */
static bool is_read_only(enum memory_type type, uint64_t start)
{
    return type == MEMORY_BOOT_INFO || type == MEMORY_ACPI_RECLAIMABLE || type == MEMORY_ACPI_NVS ||
           (type == MEMORY_KERNEL && start < image_physical(image_data_start).value);
}

static uint64_t flags_of(enum memory_type type, uint64_t start)
{
    if (!memory_type_is_ram(type)) {
        return PAGE_WRITABLE | PAGE_NO_EXECUTE | cpu_features_device_type().bits;
    }
    return is_read_only(type, start) ? PAGE_NO_EXECUTE : PAGE_WRITABLE | PAGE_NO_EXECUTE;
}

void physical_window_map(const struct builder *builder, uint64_t offset,
                         const struct memory_map *map, phys_addr first, phys_addr end,
                         enum window_rest rest)
{
    uint64_t piece = 0;

    for (uint64_t at = first.value; at < end.value; at = piece) {
        struct memory_region region = memory_map_at(map, phys_addr_of(at));
        piece = piece_end(at, lower(region.end.value, end.value));
        if (memory_type_is_ram(region.type) || rest == WINDOW_REST_UNCACHED) {
            builder_map(builder, offset + at, phys_addr_of(at), piece - at,
                        at < SMALL_PAGES_END ? RANGE_PAGES_4K : RANGE_PAGES_LARGEST,
                        flags_of(region.type, at));
        }
    }
}

void physical_window_cut(const struct builder *builder, uint64_t offset, phys_addr boundary)
{
    for (;;) {
        struct translation page =
            page_table_translate(&builder->table, virt_addr_of(offset + boundary.value));
        if (page.result != TRANSLATE_OK || is_aligned(boundary.value, level_bytes(page.level))) {
            return;
        }
        virt_addr start =
            virt_addr_of(offset + align_down(boundary.value, level_bytes(page.level)));
        enum split_result result = tlb_flush_ignore(page_table_split(
            &builder->table, start, (enum page_size)page.level, builder->frames));
        if (result != SPLIT_OK) {
            PANIC("cannot split the page at 0x%lx: %s", start.value, split_result_text(result));
        }
    }
}
