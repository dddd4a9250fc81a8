#include "kernel/normal_mode/demonstration.h"

#include "kernel/layout/layout.h"
#include "kernel/report/show.h"
#include "kernel/screen/vga_text.h"

/* "New!" in black on white, four cells of the VGA text screen. */
#define NEW_TEXT UINT64_C(0xf021f077f065f04e)

/* Where it is written, in 64-bit words from the start of the screen: the first cells of row 20. */
enum { NEW_TEXT_WORD = 400 };

#define FAR_PAGE UINT64_C(0xdeadbeaf000)

static void show_banner(struct kernel *kernel)
{
    const struct boot_info *info = kernel->boot_info;
    const struct cpu_features *cpu = &kernel->cpu;

    console_print(&kernel->console, "Assay: x86-64 paging, looked at from the inside\n");
    console_print(&kernel->console, "Booted by %s%s%s, %u levels of page tables, access=%s\n",
                  boot_protocol_name(info->protocol), info->loader_name[0] != '\0' ? " from " : "",
                  info->loader_name, kernel->page_table.levels,
                  access_strategy_name(kernel->options.access));
    console_print(&kernel->console, "Command line: \"%s\"\n", info->command_line);
    console_print(&kernel->console, "CPU: %u physical address bits%s%s%s%s%s%s\n",
                  cpu->physical_bits, cpu->no_execute ? ", NX" : "",
                  cpu->pages_1g ? ", 1 GiB pages" : "", cpu->smep ? ", SMEP" : "",
                  cpu->smap ? ", SMAP" : "", cpu->umip ? ", UMIP" : "", cpu->la57 ? ", LA57" : "");
}

static void show_translations(struct kernel *kernel)
{
    struct console *console = &kernel->console;
    int on_stack = 0;

    console_print(console, "Translations:\n");
    show_translation(console, &kernel->page_table, "VGA text screen",
                     virt_addr_of(VGA_TEXT_FRAME));
    if (console->framebuffer != NULL) {
        show_translation(console, &kernel->page_table, "framebuffer",
                         virt_addr_of((uint64_t)console->framebuffer->framebuffer.pixels));
    }
    show_translation(console, &kernel->page_table, "code, demonstration_run",
                     virt_addr_of((uint64_t)demonstration_run));
    show_translation(console, &kernel->page_table, "stack", virt_addr_of((uint64_t)&on_stack));
    if (kernel->boot_info->has_physical_memory) {
        show_translation(console, &kernel->page_table, "physical memory offset",
                         virt_addr_of(kernel->boot_info->physical_memory_offset));
    } else {
        console_print(console, "  %-24s none: physical=off\n", "physical memory offset");
    }
}

/* Maps `page` to the frame of the VGA text screen and says what came of it. */
static enum map_result map_screen(struct kernel *kernel, virt_addr page,
                                  struct frame_source *frames, const char *source_name)
{
    uint64_t flags = PAGE_PRESENT | PAGE_WRITABLE | cpu_features_device_type().bits |
                     (kernel->cpu.no_execute ? PAGE_NO_EXECUTE : 0);
    enum map_result result = tlb_flush_now(page_table_map_to(
        &kernel->page_table, page, phys_addr_of(VGA_TEXT_FRAME), PAGE_4K,
        page_flags_of(flags), frames));

    console_print(&kernel->console, "Map page 0x%lx to frame 0x%x, %s:\n  %s\n", page.value,
                  VGA_TEXT_FRAME, source_name, map_result_text(result));
    return result;
}

/* By now the screen is full, and what is printed comes into its last row. So the empty line is in
 * the row of the text when the three lines below it are printed. */
static void write_new_text(struct kernel *kernel, virt_addr page)
{
    struct console *console = &kernel->console;
    volatile uint64_t *words = mm_port_pointer(page);

    console_print(console, "\n");
    show_translation(console, &kernel->page_table, "page 0", page);
    console_print(console, "  64-bit word %d of page 0 is set to 0x%lx:\n", NEW_TEXT_WORD, NEW_TEXT);
    console_print(console, "  %s\n",
                  console->screen.cells != NULL
                      ? "\"New!\" on the screen, written through page 0"
                      : "this machine has no VGA text screen to show \"New!\" on");
    words[NEW_TEXT_WORD] = NEW_TEXT;
}

static void show_mappings(struct kernel *kernel)
{
    virt_addr page_0 = virt_addr_of(0);
    virt_addr far_page = virt_addr_of(FAR_PAGE);

    if (map_screen(kernel, page_0, frame_source_empty(), "empty allocator") == MAP_OK) {
        write_new_text(kernel, page_0);
        enum page_result unmapped =
            tlb_flush_now(page_table_unmap(&kernel->page_table, page_0, PAGE_4K));
        console_print(&kernel->console, "Unmap page 0x0 again: %s\n", page_result_text(unmapped));
    }
    (void)map_screen(kernel, far_page, frame_source_empty(), "empty allocator");
    (void)map_screen(kernel, far_page, kernel->table_frames, "boot-info allocator");
    show_walk(&kernel->console, &kernel->page_table, far_page);
}

void demonstration_run(struct kernel *kernel)
{
    show_banner(kernel);
    show_memory_map(&kernel->console, &kernel->boot_info->memory_map);
    show_tables(&kernel->console, &kernel->page_table);
    show_translations(kernel);
    show_mappings(kernel);
    console_print(&kernel->console, "It did not crash!\n");
}
