#include "kernel/test_mode/run.h"

#include "kernel/drivers/stopwatch.h"
#include "kernel/drivers/watchdog.h"
#include "kernel/layout/symbols.h"
#include "kernel/panic/debug_exit.h"
#include "kernel/report/backtrace.h"
#include "kernel/test_mode/cpu_items.h"
#include "kernel/test_mode/leftovers.h"
#include "kernel/test_mode/print.h"
#include "kernel/traps/exception.h"
#include "testing/registry.h"

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

static void put_in_order(struct test *test, bool by_jump)
{
    (void)test;
    cpu_items_clear_direction();
    if (by_jump) {
        exception_try_forget(outer_try);
    }
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

/* Called by the watchdog: says where the test is and ends the run. */
static void report_hung(void *context, const struct exception_frame *frame)
{
    struct test *test = context;
    uint64_t addresses[BACKTRACE_FRAMES_MAX];
    bool complete;
    unsigned count = backtrace_collect(frame->rip, frame->rbp, addresses, &complete);

    test_run_begin_hung(test, (frame->rflags & RFLAGS_INTERRUPTS_ON) != 0);
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

/* When the timer of the test was started, by the time-stamp counter, and for how long. */
static uint64_t timer_start;
static uint32_t timer_limit_ms;

static void start_timer(struct test *test, uint32_t limit_ms)
{
    timer_start = cpu_cycles();
    timer_limit_ms = limit_ms;
    watchdog_start(limit_ms, report_hung, test);
}

/* No CPU counts more slowly than this: so few cycles are within the limit, whatever the rate is. */
enum { CYCLES_PER_MS_LEAST = 100000 };

static uint64_t stop_timer(struct test *test)
{
    uint64_t cycles = cpu_cycles() - timer_start;

    (void)test;
    watchdog_stop();
    return cycles <= (uint64_t)timer_limit_ms * CYCLES_PER_MS_LEAST ? 0 : stopwatch_ms(cycles);
}

struct test_run test_mode_run(struct kernel *kernel, struct test_output output)
{
    return (struct test_run){
        .output = output,
        .cases = test_cases_start,
        .case_count = (size_t)(test_cases_end - test_cases_start),
        .provides = machine_provides(kernel),
        .subject = kernel,
        .before = leftovers_note,
        .check_after = leftovers_check,
        .returned = put_in_order,
        .start_timer = start_timer,
        .stop_timer = stop_timer,
    };
}

void test_mode_prepare(struct kernel *kernel)
{
    outer_try = exception_try_innermost();
    leftovers_count_frames(kernel);
    if (!watchdog_init(kernel->local_apic)) {
        console_print(&kernel->console, "no timer for NMIs: only the runner ends a test that hangs\n");
    }
}
