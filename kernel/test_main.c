/* Test mode: runs the tests that are linked in, reports on serial and ends QEMU. */
#include "kernel/cpu/registers.h"
#include "kernel/drivers/debug_exit.h"
#include "kernel/drivers/serial.h"
#include "kernel/kernel.h"
#include "testing/registry.h"
#include "testing/run.h"

static void write_to_serial(void *context, const char *text, size_t length)
{
    (void)context;
    serial_write(text, length);
}

static uint64_t machine_provides(const struct kernel *kernel)
{
    const struct memory_map *map = &kernel->boot_info->memory_map;
    uint64_t provides = 0;

    provides |= kernel->boot_info->display.kind == DISPLAY_VGA_TEXT ? REQUIRES_VGA_TEXT : 0;
    provides |= kernel->cpu.pages_1g ? REQUIRES_PAGES_1G : 0;
    provides |= kernel->cpu.no_execute ? REQUIRES_NO_EXECUTE : 0;
    provides |= kernel->page_table.levels == 5 ? REQUIRES_LA57 : 0;
    provides |= kernel->cpu.smep ? REQUIRES_SMEP : 0;
    provides |= kernel->cpu.smap ? REQUIRES_SMAP : 0;
    provides |= kernel->cpu.umip ? REQUIRES_UMIP : 0;
    provides |= memory_map_ram_end(map).value > UINT64_C(1) << 32 ? REQUIRES_RAM_ABOVE_4G : 0;
    return provides;
}

/* Puts the kernel's own tables back, and fails a test that has left something behind. */
static void check_after(struct test *test)
{
    struct kernel *kernel = test->subject;

    cr3_write(kernel->page_table.root.value);
    CHECK_EQUAL(mm_port_flushes_owed(), 0);
    CHECK_EQUAL(page_table_translate(&kernel->page_table, virt_addr_of(0)).result,
                TRANSLATE_NOT_MAPPED);
    CHECK(!interrupts_are_on());
}

__attribute__((noinline)) static void test_kernel_main(struct kernel *kernel)
{
    const struct test_run run = {
        .output = {.write = write_to_serial},
        .cases = test_cases_start,
        .case_count = (size_t)(test_cases_end - test_cases_start),
        .glob = kernel->options.test_glob,
        .provides = machine_provides(kernel),
        .subject = kernel,
        .check_after = check_after,
    };

    /* On a line of its own, whatever the firmware left on the serial port. */
    console_print(&kernel->console, "\nAssay, test image, booted by %s, %u levels, access=%s\n",
                  boot_protocol_name(kernel->boot_info->protocol), kernel->page_table.levels,
                  access_strategy_name(kernel->options.access));
    if (kernel->options.unknown_word[0] != '\0') {
        console_print(&kernel->console, "command line: \"%s\" means nothing\n",
                      kernel->options.unknown_word);
        debug_exit(DEBUG_EXIT_BAD_REQUEST);
    }
    if (kernel->options.list) {
        test_list(&run);
        debug_exit(DEBUG_EXIT_PASS);
    }
    switch (test_run(&run)) {
    case TEST_RUN_PASSED:
        debug_exit(DEBUG_EXIT_PASS);
    case TEST_RUN_FAILED:
        debug_exit(DEBUG_EXIT_FAIL);
    case TEST_RUN_NONE_SELECTED:
        console_print(&kernel->console, "no test matches \"%s\"\n", kernel->options.test_glob);
    }
    debug_exit(DEBUG_EXIT_BAD_REQUEST);
}

KERNEL_ENTRY(test_kernel_main);
