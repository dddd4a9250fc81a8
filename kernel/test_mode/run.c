#include "kernel/test_mode/run.h"

#include "kernel/cpu/backtrace.h"
#include "kernel/cpu/exception.h"
#include "kernel/cpu/symbols.h"
#include "kernel/cpu/watchdog.h"
#include "kernel/drivers/debug_exit.h"
#include "kernel/test_mode/leftovers.h"
#include "kernel/test_mode/print.h"
#include "testing/registry.h"

/* Where results go, and the last character that went there. */
static struct test_output target;
static char last_written = '\n';

static void write_noting_the_end(void *context, const char *text, size_t length)
{
    (void)context;
    target.write(target.context, text, length);
    last_written = length > 0 ? text[length - 1] : last_written;
}

/* What the whole run is inside of. */
static struct pending_try *outer_try;

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
    provides |= kernel->cpu.global_pages ? REQUIRES_GLOBAL_PAGES : 0;
    provides |= memory_map_ram_end(map).value > UINT64_C(1) << 32 ? REQUIRES_RAM_ABOVE_4G : 0;
    return provides;
}

static void forget_tries(struct test *test)
{
    (void)test;
    exception_try_forget(outer_try);
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
    test_print_line(test, "#   rsp 0x%lx  rbp 0x%lx  rflags 0x%lx  cr2 0x%lx  cr3 0x%lx",
                    frame->rsp, frame->rbp, frame->rflags, cr2_read().value, cr3_read());
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

struct test_run test_mode_run(struct kernel *kernel, struct test_output output)
{
    target = output;
    return (struct test_run){
        .output = {.write = write_noting_the_end},
        .cases = test_cases_start,
        .case_count = (size_t)(test_cases_end - test_cases_start),
        .provides = machine_provides(kernel),
        .subject = kernel,
        .before = leftovers_note,
        .check_after = leftovers_check,
        .unwound = forget_tries,
        .start_timer = start_timer,
        .stop_timer = stop_timer,
    };
}

void test_mode_prepare(struct kernel *kernel)
{
    outer_try = exception_try_innermost();
    leftovers_count_frames(kernel);
    if (!watchdog_init(kernel->boot_info->physical_memory_offset)) {
        console_print(&kernel->console, "no timer for NMIs: a hung test is not noticed\n");
    }
}
