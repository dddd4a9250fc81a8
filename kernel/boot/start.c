/* From entry.asm to kernel_entry: each step takes what the one before it has made. */
#include "kernel/boot/start.h"

#include "kernel/boot_info/display_fault.h"
#include "kernel/boot_info/multiboot2.h"
#include "kernel/boot_info/pvh.h"
#include "kernel/cpu/registers.h"
#include "kernel/drivers/fw_cfg.h"
#include "kernel/drivers/nmi_timer.h"
#include "kernel/drivers/pic.h"
#include "kernel/layout/image.h"
#include "kernel/layout/layout.h"
#include "kernel/paging/kernel_space.h"
#include "kernel/panic/panic.h"
#include "kernel/report/report.h"
#include "kernel/screen/framebuffer.h"
#include "kernel/state/kernel.h"
#include "kernel/traps/descriptors.h"
#include "kernel/traps/exception.h"
#include "kernel/traps/stacks.h"

/* What the boot tables of entry.asm map at 0. */
#define BOOT_TABLES_END (UINT64_C(4) << 30)

/* The BIOS data area tells the video mode in which it left the screen. */
enum { BIOS_VIDEO_MODE = 0x449, BIOS_VIDEO_MODE_TEXT_80X25 = 3 };

static struct boot_info boot_info __attribute__((section(".bss.boot_info"), aligned(4096)));
static struct kernel kernel;
static struct framebuffer_text framebuffer_screen;

/* Where devices are in the kernel's own tables; NULL for those that are not there. */
static volatile uint8_t *screen_cells;
static volatile uint8_t *framebuffer_pixels;

/* The tables of entry.asm, or those of five_levels_enter on top of them. */
static struct page_table boot_page_table(unsigned levels)
{
    return (struct page_table){
        .root = phys_addr_of(cr3_read() & CR3_FRAME_MASK),
        .levels = levels,
        .access = table_access_linear(0, phys_addr_of(0), phys_addr_of(BOOT_TABLES_END)),
    };
}

static void read_boot_info(enum boot_protocol protocol, uint32_t magic, uint32_t start)
{
    /* Address 0 is left out: no pointer to it can be told from NULL. */
    struct boot_memory memory = {.bytes = mm_port_pointer(virt_addr_of(1)),
                                 .first = 1,
                                 .end = BOOT_TABLES_END};
    const char *error;

    boot_info.protocol = protocol;
    if (protocol == BOOT_PVH) {
        uint8_t video_mode;
        error = pvh_parse(&memory, start, &boot_info);
        if (boot_memory_read(&memory, BIOS_VIDEO_MODE, &video_mode, 1) &&
            video_mode == BIOS_VIDEO_MODE_TEXT_80X25) {
            boot_info.display = (struct display){
                .kind = DISPLAY_VGA_TEXT,
                .address = phys_addr_of(VGA_TEXT_FRAME),
                .width = VGA_TEXT_COLUMNS,
                .height = VGA_TEXT_ROWS,
                .pitch_bytes = VGA_TEXT_COLUMNS * 2,
                .bits_per_pixel = 16,
            };
        }
    } else {
        error = multiboot2_parse(&memory, magic, start, &boot_info);
    }
    if (boot_info.display.kind == DISPLAY_VGA_TEXT) {
        console_add_screen(&kernel.console, mm_port_pointer(virt_addr_of(VGA_TEXT_FRAME)));
    }
    if (error != NULL) {
        PANIC("booted by %s: %s", boot_protocol_name(protocol), error);
    }
}

/* What QEMU's own command line asks for goes before what the boot loader says. */
static void read_command_line(void)
{
    switch (fw_cfg_file_read(&fw_cfg_ports, "opt/assay/cmdline", boot_info.command_line,
                             sizeof boot_info.command_line)) {
    case FW_CFG_OK:
    case FW_CFG_ABSENT:
        break;
    case FW_CFG_TOO_LONG:
        PANIC("the command line in fw_cfg is longer than %zu bytes",
              sizeof boot_info.command_line - 1);
    case FW_CFG_NOT_TEXT:
        PANIC("the command line in fw_cfg has a NUL within: what follows it would be lost");
    case FW_CFG_BAD_DIRECTORY:
        PANIC("fw_cfg claims more than %d files, which no such device has", FW_CFG_FILES_MAX);
    }
    kernel.report_key = command_line_take_key(boot_info.command_line);
    kernel.options = command_line_parse(boot_info.command_line);
    boot_info.has_recursive_slot =
        kernel.options.recursive || kernel.options.access == STRATEGY_RECURSIVE;
    boot_info.recursive_slot = LAYOUT_RECURSIVE_SLOT;
    boot_info.has_physical_memory = !kernel.options.without_physical_memory;
    boot_info.physical_memory_offset = LAYOUT_PHYSICAL_MEMORY;
    if (kernel.options.access == STRATEGY_OFFSET && !boot_info.has_physical_memory) {
        PANIC("physical=off: without the map of physical memory, access=fixed, identity, temporary "
              "or recursive must be given");
    }
}

static unsigned set_paging_levels(void)
{
    if (kernel.options.paging_levels < 5) {
        return 4;
    }
    if (!kernel.cpu.la57) {
        console_print(&kernel.console,
                      "paging=5: this CPU has no LA57; going on with 4 levels\n");
        return 4;
    }
    five_levels_enter();
    descriptors_load(virt_addr_of((uint64_t)descriptors_memory()));
    kernel.page_table = boot_page_table(5);
    return 5;
}

static void claim(uint64_t start, uint64_t end, enum memory_type type)
{
    memory_map_add(&boot_info.memory_map, start, end - start, type);
}

/* Firmware keeps its tables at the end of memory. Where memory ends soon behind the image they share
 * frames, and each overwrites the other. */
static void require_frames(uint64_t start, uint64_t end)
{
    struct memory_region region;

    for (uint64_t at = start; at < end; at = region.end.value) {
        region = memory_map_at(&boot_info.memory_map, phys_addr_of(at));
        if (region.type != MEMORY_USABLE) {
            PANIC("Assay needs all memory from 0x%lx to 0x%lx; what the memory map has at 0x%lx: %s",
                  start, end, at,
                  region.type == MEMORY_TYPE_COUNT ? "nothing" : memory_type_name(region.type));
        }
    }
}

/* Memory that is not free although the firmware says so: the image, and page 0, whose frame holds
 * what the BIOS left there. */
static void claim_memory_in_use(void)
{
    uint64_t boot_info_start = image_physical(image_boot_info_start).value;
    uint64_t boot_info_end = image_physical(image_boot_info_end).value;

    require_frames((uint64_t)image_entry_start, (uint64_t)image_entry_end);
    require_frames((uint64_t)image_load_start, (uint64_t)image_load_end);
    memory_map_claim_below(&boot_info.memory_map, phys_addr_of(page_size_bytes(PAGE_4K)),
                           MEMORY_BIOS_DATA);
    claim((uint64_t)image_entry_start, (uint64_t)image_entry_end, MEMORY_KERNEL);
    claim((uint64_t)image_load_start, boot_info_start, MEMORY_KERNEL);
    claim(boot_info_start, boot_info_end, MEMORY_BOOT_INFO);
    claim(boot_info_end, (uint64_t)image_load_end, MEMORY_KERNEL);
    if (memory_map_bytes(&boot_info.memory_map, MEMORY_USABLE) == 0) {
        PANIC("the memory map has no usable memory");
    }
}

/* The boot tables show a framebuffer below 4 GiB, as most are; text for another one is kept in
 * memory until the kernel's own tables show it. */
static void add_framebuffer(void)
{
    const struct display *display = &boot_info.display;
    const char *fault;

    if (display->kind != DISPLAY_FRAMEBUFFER) {
        return;
    }
    fault = display_fault(display, &boot_info.memory_map, kernel.cpu.physical_bits);
    if (fault != NULL) {
        console_print(&kernel.console, "no screen: the framebuffer cannot be used: %s\n", fault);
        boot_info.display.kind = DISPLAY_NONE;
        return;
    }
    uint64_t start = display->address.value;
    bool is_visible = start + framebuffer_bytes(display) <= BOOT_TABLES_END;
    framebuffer_text_init(
        &framebuffer_screen,
        framebuffer_of(display, is_visible ? mm_port_pointer(virt_addr_of(start)) : NULL));
    console_add_framebuffer(&kernel.console, &framebuffer_screen);
}

/* Sets frames aside for the tables that will be made later, if those must be inside a window: the
 * memory that the first 2 MiB have above the BIOS's and the kernel's entry. */
static void claim_table_frames(void)
{
    uint64_t start = (uint64_t)image_entry_end;
    uint64_t usable_before = memory_map_bytes(&boot_info.memory_map, MEMORY_USABLE);
    uint64_t bytes = LAYOUT_IDENTITY_END - start;

    if (!access_strategy_has_window(kernel.options.access)) {
        return;
    }
    claim(start, LAYOUT_IDENTITY_END, MEMORY_PAGE_TABLES);
    if (usable_before - memory_map_bytes(&boot_info.memory_map, MEMORY_USABLE) != bytes) {
        PANIC("access=%s: the memory between 1 and 2 MiB is not free for page tables",
              access_strategy_name(kernel.options.access));
    }
    kernel.table_range = (struct frame_range){phys_addr_of(start), bytes >> PAGE_SHIFT};
}

static volatile uint8_t *map_device(uint64_t page, phys_addr start, uint64_t bytes,
                                    page_flags memory_type)
{
    return kernel_space_map_device(&kernel.page_table, virt_addr_of(page), start, bytes,
                                   memory_type, &kernel.frames.source);
}

/* Registers where the memory map has RAM are not believed in. */
static void map_devices(void)
{
    const struct display *display = &boot_info.display;
    page_flags uncached = cpu_features_device_type();
    phys_addr apic;

    if (display->kind == DISPLAY_VGA_TEXT) {
        screen_cells =
            map_device(LAYOUT_VGA_TEXT, phys_addr_of(VGA_TEXT_FRAME), VGA_TEXT_BYTES, uncached);
    }
    if (display->kind == DISPLAY_FRAMEBUFFER) {
        framebuffer_pixels =
            map_device(LAYOUT_FRAMEBUFFER, display->address, framebuffer_bytes(display),
                       cpu_features_framebuffer_type(&kernel.cpu));
    }
    if (nmi_timer_find_apic(&apic) &&
        !memory_type_is_ram(memory_map_at(&boot_info.memory_map, apic).type)) {
        kernel.local_apic =
            map_device(LAYOUT_LOCAL_APIC, apic, page_size_bytes(PAGE_4K), uncached);
    }
}

/* Builds the kernel's tables from the lowest usable frames, which then are no longer usable. */
static void make_kernel_space(unsigned levels)
{
    range_source_init(&kernel.frames, kernel.usable_ranges,
                      memory_map_usable_ranges(&boot_info.memory_map, kernel.usable_ranges));
    kernel.page_table =
        kernel_space_build(&boot_info, cpu_features_of_paging(&kernel.cpu), levels,
                           kernel.page_table.access, kernel.options.access,
                           &kernel.frames.source);
    map_devices();
    memory_map_claim_below(&boot_info.memory_map,
                           kernel_space_finish(&kernel.page_table, &kernel.frames),
                           MEMORY_PAGE_TABLES);
}

/* Says what memory_map_add had no room for. */
static void tell_dropped_memory(const struct memory_map *map)
{
    if (map->dropped_count > 0) {
        console_print(&kernel.console,
                      "memory map: %zu usable ranges, %lu KiB in all, stay unused: more than %d "
                      "regions\n",
                      map->dropped_count, map->dropped_bytes >> 10, MEMORY_MAP_CAPACITY);
    }
}

/* On the kernel's own tables and stack. */
static void run_kernel(void *argument)
{
    (void)argument;
    descriptors_load(virt_addr_of(LAYOUT_DESCRIPTORS));
    if (framebuffer_pixels != NULL) {
        framebuffer_text_move(&framebuffer_screen, (uint8_t *)framebuffer_pixels);
    }
    kernel.boot_info = (const struct boot_info *)LAYOUT_BOOT_INFO;
    kernel.page_table.active = true;
    kernel.page_table.access = access_strategy_access(
        kernel.options.access, memory_map_ram_end(&kernel.boot_info->memory_map),
        kernel.cpu.no_execute);
    range_source_init(&kernel.frames, kernel.usable_ranges,
                      memory_map_usable_ranges(&kernel.boot_info->memory_map,
                                               kernel.usable_ranges));
    range_source_init(&kernel.window_frames, &kernel.table_range, 1);
    kernel.table_frames = access_strategy_has_window(kernel.options.access)
                              ? &kernel.window_frames.source
                              : &kernel.frames.source;
    kernel.console.screen.cells = (volatile uint16_t *)screen_cells;
    kernel_entry(&kernel);
}

void kernel_start(uint32_t protocol, uint32_t magic, uint32_t info)
{
    console_init(&kernel.console);
    kernel.page_table = boot_page_table(4);
    reports_go_to(&kernel.console, &kernel.page_table);
    descriptors_set_stack(INTERRUPT_STACK_DOUBLE_FAULT,
                          virt_addr_of((uint64_t)stack_memory(STACK_DOUBLE_FAULT).start +
                                       stack_memory(STACK_DOUBLE_FAULT).bytes));
    descriptors_load(virt_addr_of((uint64_t)descriptors_memory()));
    pic_init();

    kernel.cpu = cpu_features_detect();
    read_boot_info((enum boot_protocol)protocol, magic, info);
    claim_memory_in_use();
    add_framebuffer();
    read_command_line();
    unsigned levels = set_paging_levels();
    cpu_features_enable(&kernel.cpu);
    claim_table_frames();
    make_kernel_space(levels);
    tell_dropped_memory(&boot_info.memory_map);
    kernel_space_enter(&kernel.page_table, run_kernel, NULL);
}
