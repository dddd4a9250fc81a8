#include "kernel/paging/region.h"

#include "kernel/layout/image.h"
#include "kernel/layout/layout.h"
#include "kernel/screen/framebuffer.h"
#include "kernel/traps/descriptors.h"
#include "kernel/traps/stacks.h"

/* Of each stack there are two regions, the guard and what is mapped. */
enum {
    REGIONS_BEFORE_STACKS = 4,
    STACK_REGIONS = 2 * STACK_COUNT,
    REGIONS_AFTER_STACKS = 10,
    REGION_COUNT = REGIONS_BEFORE_STACKS + STACK_REGIONS + REGIONS_AFTER_STACKS,
};

static struct region region(enum region_kind kind, uint64_t start, uint64_t end, const char *name,
                            const char *short_name)
{
    return (struct region){kind, virt_addr_of(start), virt_addr_of(end - 1), name, short_name};
}

static struct region low_region(size_t index)
{
    const struct region regions[REGIONS_BEFORE_STACKS] = {
        region(REGION_PAGE_0, 0, level_bytes(1), "page 0, unmapped at boot", NULL),
        region(REGION_IDENTITY, LAYOUT_IDENTITY + level_bytes(1), LAYOUT_IDENTITY_END,
               "first 2 MiB, identity", "identity"),
        region(REGION_FIXED, LAYOUT_FIXED_OFFSET, LAYOUT_FIXED_OFFSET + LAYOUT_IDENTITY_END,
               "page tables, with access=fixed", "fixed"),
        region(REGION_PHYSICAL_MEMORY, LAYOUT_PHYSICAL_MEMORY, LAYOUT_PHYSICAL_MEMORY_END,
               "physical memory: the RAM", "physical"),
    };
    return regions[index];
}

static struct region stack_region(size_t index)
{
    static const char *const guard_names[STACK_COUNT] = {
        [STACK_DOUBLE_FAULT] = "guard of the double-fault stack",
        [STACK_NMI] = "guard of the NMI stack",
        [STACK_MACHINE_CHECK] = "guard of the machine-check stack",
        [STACK_KERNEL] = "guard of the kernel stack",
    };
    enum stack_name name = (enum stack_name)(index / 2);
    uint64_t top = stack_top(name).value;
    uint64_t bottom = stack_bottom(name).value;

    return index % 2 == 0 ? region(REGION_STACK_GUARD, top - LAYOUT_STACK_SLOT_BYTES, bottom,
                                   guard_names[name], NULL)
                          : region(REGION_STACK, bottom, top, stack_memory(name).name,
                                   name == STACK_KERNEL ? "stack" : NULL);
}

/* From the boot info on. The recursive entry is one of the root's: what it covers depends on the
 * number of levels. With four it lies before the image, with five before all other upper regions,
 * but no two regions overlap. */
static struct region high_region(size_t index, unsigned levels)
{
    uint64_t boot_info_bytes = (uint64_t)(image_boot_info_end - image_boot_info_start);
    uint64_t recursive =
        virt_addr_new_truncate((uint64_t)LAYOUT_RECURSIVE_SLOT << level_shift(levels), levels)
            .value;
    const struct region regions[REGIONS_AFTER_STACKS] = {
        region(REGION_DESCRIPTORS, LAYOUT_DESCRIPTORS, LAYOUT_DESCRIPTORS + DESCRIPTORS_BYTES,
               "GDT, TSS and IDT", "descriptors"),
        region(REGION_BOOT_INFO, LAYOUT_BOOT_INFO, LAYOUT_BOOT_INFO + boot_info_bytes,
               "boot info, read-only", "boot_info"),
        region(REGION_TEMPORARY, LAYOUT_TEMPORARY, LAYOUT_TEMPORARY + level_bytes(2),
               "temporary mappings", "temporary"),
        region(REGION_FRAMEBUFFER, LAYOUT_FRAMEBUFFER,
               LAYOUT_FRAMEBUFFER + FRAMEBUFFER_BYTES_MAX + level_bytes(1),
               "framebuffer, if there is one", "framebuffer"),
        region(REGION_VGA_TEXT, LAYOUT_VGA_TEXT, LAYOUT_VGA_TEXT + level_bytes(1),
               "VGA screen, if there is one", "screen"),
        region(REGION_LOCAL_APIC, LAYOUT_LOCAL_APIC, LAYOUT_LOCAL_APIC + level_bytes(1),
               "local APIC, if there is one", "apic"),
        region(REGION_RECURSIVE, recursive, recursive + level_bytes(levels),
               "page tables, if recursive", "recursive"),
        region(REGION_TEXT, (uint64_t)image_text_start, (uint64_t)image_text_end, "kernel text",
               "text"),
        region(REGION_RODATA, (uint64_t)image_rodata_start, (uint64_t)image_rodata_end,
               "kernel read-only data", "rodata"),
        region(REGION_DATA, (uint64_t)image_data_start, (uint64_t)image_data_end, "kernel data",
               "data"),
    };
    return regions[index];
}

size_t region_count(void)
{
    return REGION_COUNT;
}

struct region region_at(size_t index, unsigned levels)
{
    return index < REGIONS_BEFORE_STACKS ? low_region(index)
           : index < REGIONS_BEFORE_STACKS + STACK_REGIONS
               ? stack_region(index - REGIONS_BEFORE_STACKS)
               : high_region(index - REGIONS_BEFORE_STACKS - STACK_REGIONS, levels);
}

bool region_find(virt_addr address, unsigned levels, struct region *found)
{
    for (size_t i = 0; i < REGION_COUNT; i++) {
        struct region candidate = region_at(i, levels);
        if (address.value >= candidate.start.value && address.value <= candidate.last.value) {
            *found = candidate;
            return true;
        }
    }
    return false;
}
