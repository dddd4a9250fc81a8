#include "kernel/paging/kernel_space.h"

#include "kernel/boot/image.h"
#include "kernel/cpu/descriptors.h"
#include "kernel/cpu/stacks.h"
#include "kernel/drivers/framebuffer.h"
#include "kernel/panic.h"
#include "kernel/paging/layout.h"
#include "mm/page_range.h"
#include "mm/page_tree.h"

/* The least of physical memory that is mapped: devices are below 4 GiB. */
#define PHYSICAL_MEMORY_BYTES_MIN (UINT64_C(4) << 30)

struct builder {
    struct page_table table;
    struct frame_source *frames;
};

/* Maps [page, page + bytes) to consecutive frames with pages of one size. */
static void map(const struct builder *builder, uint64_t page, phys_addr frame, uint64_t bytes,
                enum page_size size, uint64_t flags)
{
    if (!builder->table.features.no_execute) {
        flags &= ~PAGE_NO_EXECUTE;
    }
    enum map_result result = tlb_flush_ignore(page_table_map_range(
        &builder->table, page_range_of(virt_addr_of(page), bytes >> PAGE_SHIFT), frame,
        (enum range_pages)size, page_flags_of(PAGE_PRESENT | flags), builder->frames));
    if (result != MAP_OK) {
        PANIC("cannot map 0x%lx in the kernel's address space: %s", page, map_result_text(result));
    }
}

/* Maps a part of the image where it is linked. */
static void map_image(const struct builder *builder, const uint8_t *start, const uint8_t *end,
                      uint64_t flags)
{
    map(builder, (uint64_t)start, image_physical(start), (uint64_t)(end - start), PAGE_4K, flags);
}

static void map_stacks(const struct builder *builder)
{
    for (enum stack_name name = 0; name < STACK_COUNT; name++) {
        struct stack_memory stack = stack_memory(name);
        map(builder, stack_bottom(name).value, image_physical(stack.start), stack.bytes, PAGE_4K,
            PAGE_WRITABLE | PAGE_NO_EXECUTE);
    }
}

static void map_physical_memory(const struct builder *builder, const struct boot_info *info)
{
    enum page_size size = builder->table.features.pages_1g ? PAGE_1G : PAGE_2M;
    uint64_t bytes =
        align_up(memory_map_ram_end(&info->memory_map).value, page_size_bytes(size));

    if (bytes < PHYSICAL_MEMORY_BYTES_MIN) {
        bytes = PHYSICAL_MEMORY_BYTES_MIN;
    }
    if (bytes > LAYOUT_PHYSICAL_MEMORY_END - LAYOUT_PHYSICAL_MEMORY) {
        PANIC("the memory map reaches to 0x%lx; the kernel can map 64 TiB of physical memory",
              bytes);
    }
    map(builder, LAYOUT_PHYSICAL_MEMORY, phys_addr_of(0), bytes, size,
        PAGE_WRITABLE | PAGE_NO_EXECUTE);
}

/* The table for temporary mappings, and its last entry by which it is reached itself. */
static void map_temporary_table(const struct builder *builder)
{
    const struct page_table *table = &builder->table;
    virt_addr self =
        virt_addr_of(LAYOUT_TEMPORARY + level_bytes(2) - page_size_bytes(PAGE_4K));
    struct path_entry path[PAGING_LEVELS_MAX];

    /* Mapped to anything for the moment, so that the table exists. */
    map(builder, self.value, phys_addr_of(0), page_size_bytes(PAGE_4K), PAGE_4K,
        PAGE_WRITABLE | PAGE_NO_EXECUTE);
    unsigned count = page_table_path(table, self, path);
    phys_addr frame = page_entry_table(path[count - 2].entry);
    if (tlb_flush_ignore(page_table_unmap(table, self, PAGE_4K)) != PAGE_OK) {
        PANIC("the table for temporary mappings is not there");
    }
    map(builder, self.value, frame, page_size_bytes(PAGE_4K), PAGE_4K,
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
    uint64_t first_page_bytes = page_size_bytes(PAGE_4K);

    map(&builder, LAYOUT_IDENTITY + first_page_bytes, phys_addr_of(first_page_bytes),
        LAYOUT_IDENTITY_END - LAYOUT_IDENTITY - first_page_bytes, PAGE_4K,
        PAGE_WRITABLE | PAGE_NO_EXECUTE);
    if (strategy == STRATEGY_FIXED) {
        map(&builder, LAYOUT_FIXED_OFFSET + first_page_bytes, phys_addr_of(first_page_bytes),
            LAYOUT_IDENTITY_END - first_page_bytes, PAGE_4K, PAGE_WRITABLE | PAGE_NO_EXECUTE);
    }
    map_temporary_table(&builder);
    if (info->has_physical_memory) {
        map_physical_memory(&builder, info);
    }
    map_stacks(&builder);
    map(&builder, LAYOUT_BOOT_INFO, image_physical(image_boot_info_start),
        (uint64_t)(image_boot_info_end - image_boot_info_start), PAGE_4K, PAGE_NO_EXECUTE);
    map_image(&builder, image_text_start, image_text_end, 0);
    map_image(&builder, image_rodata_start, image_rodata_end, PAGE_NO_EXECUTE);
    map_image(&builder, image_data_start, image_data_end, PAGE_WRITABLE | PAGE_NO_EXECUTE);
    if (info->has_recursive_slot &&
        page_table_link_recursive(&builder.table, info->recursive_slot) != MAP_OK) {
        PANIC("the recursive slot %u of the root is in use", info->recursive_slot);
    }
    return builder.table;
}

uint8_t *kernel_space_map_framebuffer(const struct page_table *table,
                                      const struct display *display, page_flags memory_type,
                                      struct frame_source *frames)
{
    struct builder builder = {.table = *table, .frames = frames};
    uint64_t page_bytes = page_size_bytes(PAGE_4K);
    uint64_t first_frame = align_down(display->address.value, page_bytes);
    uint64_t end = align_up(display->address.value + framebuffer_bytes(display), page_bytes);

    map(&builder, LAYOUT_FRAMEBUFFER, phys_addr_of(first_frame), end - first_frame, PAGE_4K,
        PAGE_WRITABLE | PAGE_NO_EXECUTE | memory_type.bits);
    return mm_port_pointer(
        virt_addr_of(LAYOUT_FRAMEBUFFER + (display->address.value - first_frame)));
}

void kernel_space_enter(const struct page_table *table, void (*function)(void *argument),
                        void *argument)
{
    descriptors_set_stack(INTERRUPT_STACK_DOUBLE_FAULT, stack_top(STACK_DOUBLE_FAULT));
    descriptors_set_stack(INTERRUPT_STACK_NMI, stack_top(STACK_NMI));
    descriptors_set_stack(INTERRUPT_STACK_MACHINE_CHECK, stack_top(STACK_MACHINE_CHECK));
    __asm__ volatile("mov %0, %%cr3\n\t"
                     "mov %1, %%rsp\n\t"
                     "xor %%ebp, %%ebp\n\t" /* where backtraces end */
                     "call *%2\n\t"
                     "ud2"
                     :
                     : "r"(table->root.value), "r"(stack_top(STACK_KERNEL).value), "r"(function),
                       "D"(argument)
                     : "memory");
    __builtin_unreachable();
}
