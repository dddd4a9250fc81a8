/* Test mode: runs the tests that are linked in, reports on serial and ends QEMU. */
#include "kernel/cpu/backtrace.h"
#include "kernel/cpu/registers.h"
#include "kernel/cpu/symbols.h"
#include "kernel/cpu/watchdog.h"
#include "kernel/drivers/debug_exit.h"
#include "kernel/drivers/serial.h"
#include "kernel/kernel.h"
#include "kernel/test_mode/leftovers.h"
#include "kernel/test_mode/print.h"
#include "testing/registry.h"
#include "testing/run.h"

static char last_written = '\n';

static void write_to_serial(void *context, const char *text, size_t length)
{
    (void)context;
    serial_write(text, length);
    last_written = length > 0 ? text[length - 1] : last_written;
}

static uint64_t machine_provides(const struct kernel *kernel)
{
    const struct memory_map *map = &kernel->boot_info->memory_map;
    uint64_t provides = 0;

    provides |= kernel->boot_info->display.kind == DISPLAY_VGA_TEXT ? REQUIRES_VGA_TEXT : 0;
    provides |= kernel->boot_info->display.kind == DISPLAY_FRAMEBUFFER ? REQUIRES_FRAMEBUFFER : 0;
    provides |= kernel->cpu.pages_1g ? REQUIRES_PAGES_1G : 0;
    provides |= kernel->cpu.no_execute ? REQUIRES_NO_EXECUTE : 0;
    provides |= kernel->page_table.levels == 5 ? REQUIRES_LA57 : 0;
    provides |= kernel->cpu.smep ? REQUIRES_SMEP : 0;
    provides |= kernel->cpu.smap ? REQUIRES_SMAP : 0;
    provides |= kernel->cpu.umip ? REQUIRES_UMIP : 0;
    provides |= kernel->cpu.pcid ? REQUIRES_PCID : 0;
    provides |= kernel->cpu.invpcid ? REQUIRES_INVPCID : 0;
    provides |= memory_map_ram_end(map).value > UINT64_C(1) << 32 ? REQUIRES_RAM_ABOVE_4G : 0;
    return provides;
}

static void forget_tries(struct test *test)
{
    (void)test;
    exception_try_forget();
}

static void output_address(const struct test *test, uint64_t address)
{
    uint64_t offset;
    const char *name = symbol_find(address, &offset);

    if (name == NULL) {
        test_print_line(test, "#     0x%lx", address);
    } else {
        test_print_line(test, "#     0x%lx %s+0x%lx", address, name, offset);
    }
}

static uint32_t timer_limit_ms;

/* Called by the watchdog: says where the test is and ends the run. */
static void report_hung(void *context, const struct exception_frame *frame)
{
    struct test *test = context;
    uint64_t addresses[BACKTRACE_FRAMES_MAX];
    bool complete;
    unsigned count = backtrace_collect(frame->rip, frame->rbp, addresses, &complete);

    if (last_written != '\n') {
        output_text(test->output, "\n");
    }
    test_print_line(test, "# hung: %s.%s runs for more than %u ms; interrupts are %s; it is at",
                test->test_case->suite, test->test_case->sentence, timer_limit_ms,
                (frame->rflags & RFLAGS_INTERRUPTS_ON) != 0 ? "on" : "off");
    for (unsigned i = 0; i < count; i++) {
        output_address(test, addresses[i]);
    }
    if (!complete) {
        test_print_line(test, "#     ...");
    }
    test_print_line(test, "#   rsp 0x%lx  rbp 0x%lx  rflags 0x%lx  cr2 0x%lx  cr3 0x%lx", frame->rsp,
                frame->rbp, frame->rflags, cr2_read().value, cr3_read());
    test_print_line(test, "#   rax 0x%lx  rbx 0x%lx  rcx 0x%lx  rdx 0x%lx  rsi 0x%lx  rdi 0x%lx",
                frame->rax, frame->rbx, frame->rcx, frame->rdx, frame->rsi, frame->rdi);
    test_print_line(test, "#   r8 0x%lx  r9 0x%lx  r10 0x%lx  r11 0x%lx", frame->r8, frame->r9,
                frame->r10, frame->r11);
    test_print_line(test, "#   r12 0x%lx  r13 0x%lx  r14 0x%lx  r15 0x%lx", frame->r12, frame->r13,
                frame->r14, frame->r15);
    test_run_end_hung(test);
    debug_exit(DEBUG_EXIT_FAIL);
}

static void start_timer(struct test *test, uint32_t limit_ms)
{
    timer_limit_ms = limit_ms;
    watchdog_start(limit_ms, report_hung, test);
}

static void stop_timer(struct test *test)
{
    (void)test;
    watchdog_stop();
}

__attribute__((noinline)) static void test_kernel_main(struct kernel *kernel)
{
    const struct test_run run = {
        .output = {.write = write_to_serial},
        .cases = test_cases_start,
        .case_count = (size_t)(test_cases_end - test_cases_start),
        .glob = kernel->options.test_glob,
        .tag = kernel->options.test_tag[0] != '\0' ? kernel->options.test_tag : NULL,
        .shuffled = kernel->options.has_seed,
        .seed = kernel->options.seed,
        .provides = machine_provides(kernel),
        .subject = kernel,
        .before = leftovers_note,
        .check_after = leftovers_check,
        .unwound = forget_tries,
        .start_timer = start_timer,
        .stop_timer = stop_timer,
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
    if (!kernel->boot_info->has_physical_memory) {
        console_print(&kernel->console,
                      "physical=off: the tests look at memory through the map of all of it\n");
        debug_exit(DEBUG_EXIT_BAD_REQUEST);
    }
    if (kernel->options.list) {
        test_list(&run);
        debug_exit(DEBUG_EXIT_PASS);
    }
    leftovers_count_frames(kernel);
    if (!watchdog_init(kernel->boot_info->physical_memory_offset)) {
        console_print(&kernel->console, "no timer for NMIs: a hung test is not noticed\n");
    }
    switch (test_run(&run)) {
    case TEST_RUN_PASSED:
        debug_exit(DEBUG_EXIT_PASS);
    case TEST_RUN_FAILED:
        debug_exit(DEBUG_EXIT_FAIL);
    case TEST_RUN_NONE_SELECTED:
        console_print(&kernel->console, "no test matches \"%s\"%s%s\n", kernel->options.test_glob,
                      run.tag != NULL ? " with the tag " : "", kernel->options.test_tag);
    }
    debug_exit(DEBUG_EXIT_BAD_REQUEST);
}

KERNEL_ENTRY(test_kernel_main);
