#include "kernel/paging/kernel_space.h"

#include "kernel/layout/image.h"
#include "kernel/layout/layout.h"
#include "kernel/paging/physical_window.h"
#include "kernel/panic/panic.h"
#include "kernel/traps/descriptors.h"
#include "kernel/traps/stacks.h"
#include "mm/page_tree.h"

/* Maps a part of the image where it is linked. */
static void map_image(const struct builder *builder, const uint8_t *start, const uint8_t *end,
                      uint64_t flags)
{
    builder_map(builder, (uint64_t)start, image_physical(start), (uint64_t)(end - start),
                RANGE_PAGES_4K, flags);
}

static void map_stacks(const struct builder *builder)
{
    for (enum stack_name name = 0; name < STACK_COUNT; name++) {
        struct stack_memory stack = stack_memory(name);
        builder_map(builder, stack_bottom(name).value, image_physical(stack.start), stack.bytes,
                    RANGE_PAGES_4K, PAGE_WRITABLE | PAGE_NO_EXECUTE);
    }
}

static void map_physical_memory(const struct builder *builder, const struct memory_map *map)
{
    phys_addr end = memory_map_ram_end(map);

    if (end.value > LAYOUT_PHYSICAL_MEMORY_END - LAYOUT_PHYSICAL_MEMORY) {
        PANIC("the memory map reaches to 0x%lx; the kernel can map 64 TiB of physical memory",
              end.value);
    }
    physical_window_map(builder, LAYOUT_PHYSICAL_MEMORY, map, phys_addr_of(0), end,
                        WINDOW_REST_UNMAPPED);
}

/* The table for temporary mappings, and its last entry by which it is reached itself. */
static void map_temporary_table(const struct builder *builder)
{
    const struct page_table *table = &builder->table;
    virt_addr self =
        virt_addr_of(LAYOUT_TEMPORARY + level_bytes(2) - page_size_bytes(PAGE_4K));
    struct path_entry path[PAGING_LEVELS_MAX];

    /* Mapped to anything for the moment, so that the table exists. */
    builder_map(builder, self.value, phys_addr_of(0), page_size_bytes(PAGE_4K), RANGE_PAGES_4K,
                PAGE_WRITABLE | PAGE_NO_EXECUTE);
    unsigned count = page_table_path(table, self, path);
    phys_addr frame = page_entry_table(path[count - 2].entry);
    if (tlb_flush_ignore(page_table_unmap(table, self, PAGE_4K)) != PAGE_OK) {
        PANIC("the table for temporary mappings is not there");
    }
    builder_map(builder, self.value, frame, page_size_bytes(PAGE_4K), RANGE_PAGES_4K,
                PAGE_WRITABLE | PAGE_NO_EXECUTE);
}

static phys_addr new_root(const struct table_access *access, struct frame_source *frames,
                          unsigned levels)
{
    phys_addr root;

    if (!frame_source_allocate(frames, 0, &root)) {
        PANIC("no usable memory for the root of the kernel's page tables");
    }
    if (!access_reaches(access, access->kind, root)) {
        PANIC("the first usable memory is at 0x%lx, out of reach while booting", root.value);
    }
    mm_port_zero_table(access_new_table(access, access->kind, levels, root));
    return root;
}

struct page_table kernel_space_build(const struct boot_info *info,
                                     struct paging_features features, unsigned levels,
                                     struct table_access access, enum access_strategy strategy,
                                     struct frame_source *frames)
{
    struct builder builder = {
        .table =
            {
                .root = new_root(&access, frames, levels),
                .levels = levels,
                .features = features,
                .access = access,
            },
        .frames = frames,
    };
    const struct memory_map *map = &info->memory_map;
    phys_addr page_1 = phys_addr_of(page_size_bytes(PAGE_4K));
    phys_addr low_end = phys_addr_of(LAYOUT_IDENTITY_END);

    physical_window_map(&builder, LAYOUT_IDENTITY, map, page_1, low_end, WINDOW_REST_UNCACHED);
    if (strategy == STRATEGY_FIXED) {
        physical_window_map(&builder, LAYOUT_FIXED_OFFSET, map, page_1, low_end,
                            WINDOW_REST_UNMAPPED);
    }
    map_temporary_table(&builder);
    if (info->has_physical_memory) {
        map_physical_memory(&builder, map);
    }
    map_stacks(&builder);
    builder_map(&builder, LAYOUT_DESCRIPTORS, image_physical(descriptors_memory()),
                DESCRIPTORS_BYTES, RANGE_PAGES_4K, PAGE_WRITABLE | PAGE_NO_EXECUTE);
    builder_map(&builder, LAYOUT_BOOT_INFO, image_physical(image_boot_info_start),
                (uint64_t)(image_boot_info_end - image_boot_info_start), RANGE_PAGES_4K,
                PAGE_NO_EXECUTE);
    map_image(&builder, image_text_start, image_text_end, 0);
    map_image(&builder, image_rodata_start, image_rodata_end, PAGE_NO_EXECUTE);
    map_image(&builder, image_data_start, image_data_end, PAGE_WRITABLE | PAGE_NO_EXECUTE);
    if (info->has_recursive_slot &&
        page_table_link_recursive(&builder.table, info->recursive_slot) != MAP_OK) {
        PANIC("the recursive slot %u of the root is in use", info->recursive_slot);
    }
    return builder.table;
}

volatile uint8_t *kernel_space_map_device(const struct page_table *table, virt_addr page,
                                          phys_addr start, uint64_t bytes, page_flags memory_type,
                                          struct frame_source *frames)
{
    struct builder builder = {.table = *table, .frames = frames};
    uint64_t page_bytes = page_size_bytes(PAGE_4K);
    uint64_t first_frame = align_down(start.value, page_bytes);
    uint64_t end = align_up(start.value + bytes, page_bytes);

    builder_map(&builder, page.value, phys_addr_of(first_frame), end - first_frame, RANGE_PAGES_4K,
                PAGE_WRITABLE | PAGE_NO_EXECUTE | memory_type.bits);
    return mm_port_pointer(virt_addr_add(page, start.value - first_frame));
}

phys_addr kernel_space_finish(const struct page_table *table, struct range_source *frames)
{
    struct builder builder = {.table = *table, .frames = &frames->source};
    phys_addr end;

    /* Tables for smaller pages move the end. */
    do {
        end = range_source_position(frames);
        physical_window_cut(&builder, LAYOUT_PHYSICAL_MEMORY, end);
    } while (range_source_position(frames).value != end.value);
    return end;
}

void kernel_space_enter(const struct page_table *table, void (*function)(void *argument),
                        void *argument)
{
    descriptors_set_stack(INTERRUPT_STACK_DOUBLE_FAULT, stack_top(STACK_DOUBLE_FAULT));
    descriptors_set_stack(INTERRUPT_STACK_NMI, stack_top(STACK_NMI));
    descriptors_set_stack(INTERRUPT_STACK_MACHINE_CHECK, stack_top(STACK_MACHINE_CHECK));
    __asm__ volatile("mov %0, %%cr3\n\t"
                     "mov %1, %%rsp\n\t"
                     "xor %%ebp, %%ebp\n\t"   /* where backtraces end: the kernel's own, */
                     ".cfi_undefined rip\n\t" /* and those of debuggers */
                     "call *%2\n\t"
                     "ud2"
                     :
                     : "r"(table->root.value), "r"(stack_top(STACK_KERNEL).value), "r"(function),
                       "D"(argument)
                     : "memory");
    __builtin_unreachable();
}
