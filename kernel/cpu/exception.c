#include "kernel/cpu/exception.h"

#include "kernel/cpu/backtrace.h"
#include "kernel/cpu/registers.h"
#include "kernel/cpu/stacks.h"
#include "kernel/drivers/debug_exit.h"
#include "kernel/paging/show.h"
#include "kernel/port/string.h"

/* A call of exception_try that has not returned. */
struct pending_try {
    struct pending_try *outer;
    uint64_t stack_pointer;
    struct caught_exception *caught;
};

static struct console *report_console;
static const struct page_table *report_table;
static struct pending_try *innermost_try;
static bool (*nmi_handler)(const struct exception_frame *frame);
static bool reporting;

void exceptions_report_to(struct console *console, const struct page_table *table)
{
    report_console = console;
    report_table = table;
}

void exceptions_on_nmi(bool (*handler)(const struct exception_frame *frame))
{
    nmi_handler = handler;
}

const char *exception_name(uint64_t vector)
{
    static const char *const names[EXCEPTION_COUNT] = {
        "DIVIDE ERROR", "DEBUG", "NMI", "BREAKPOINT", "OVERFLOW", "BOUND RANGE EXCEEDED",
        "INVALID OPCODE", "DEVICE NOT AVAILABLE", "DOUBLE FAULT", "COPROCESSOR SEGMENT OVERRUN",
        "INVALID TSS", "SEGMENT NOT PRESENT", "STACK SEGMENT FAULT", "GENERAL PROTECTION FAULT",
        "PAGE FAULT", NULL, "X87 FLOATING POINT", "ALIGNMENT CHECK", "MACHINE CHECK",
        "SIMD FLOATING POINT", "VIRTUALIZATION", "CONTROL PROTECTION", NULL, NULL, NULL, NULL,
        NULL, NULL, "HYPERVISOR INJECTION", "VMM COMMUNICATION", "SECURITY", NULL,
    };
    return vector < EXCEPTION_COUNT && names[vector] != NULL ? names[vector] : "RESERVED VECTOR";
}

const char *page_fault_access_text(uint64_t error_code)
{
    return (error_code & PAGE_FAULT_FETCH) != 0   ? "instruction fetch from"
           : (error_code & PAGE_FAULT_WRITE) != 0 ? "write to"
                                                  : "read from";
}

const char *page_fault_cause_text(uint64_t error_code)
{
    return (error_code & PAGE_FAULT_RESERVED) != 0     ? "a page whose entry has a reserved bit set"
           : (error_code & PAGE_FAULT_PROTECTION) != 0 ? "a page that does not allow it"
                                                       : "a page that is not present";
}

static void report_page_fault(struct console *console, const struct exception_frame *frame)
{
    uint64_t error = frame->error_code;

    console_print(console, "  accessed address  0x%lx (CR2)\n", cr2_read().value);
    console_print(console, "  error code        0x%lx: %s %s, %s mode%s%s%s\n", error,
                  page_fault_access_text(error), page_fault_cause_text(error),
                  (error & PAGE_FAULT_USER) != 0 ? "user" : "supervisor",
                  (error & PAGE_FAULT_KEY) != 0 ? ", protection key" : "",
                  (error & PAGE_FAULT_SHADOW_STACK) != 0 ? ", shadow stack" : "",
                  stack_overflowed_into(cr2_read()) != NULL ? ", stack overflow" : "");
}

static void report_double_fault(struct console *console)
{
    const char *stack = stack_overflowed_into(cr2_read());

    if (stack != NULL) {
        console_print(console, "  stack overflow: the %s ran into its guard page at 0x%lx\n", stack,
                      cr2_read().value);
    }
}

static void report_registers(struct console *console, const struct exception_frame *frame)
{
    console_print(console, "  error code 0x%lx  cs 0x%lx  ss 0x%lx  rflags 0x%lx  cr3 0x%lx\n",
                  frame->error_code, frame->cs, frame->ss, frame->rflags, cr3_read());
    console_print(console, "  rip %016lx  rsp %016lx  rbp %016lx\n", frame->rip, frame->rsp,
                  frame->rbp);
    console_print(console, "  rax %016lx  rbx %016lx  rcx %016lx\n", frame->rax, frame->rbx,
                  frame->rcx);
    console_print(console, "  rdx %016lx  rsi %016lx  rdi %016lx\n", frame->rdx, frame->rsi,
                  frame->rdi);
    console_print(console, "  r8  %016lx  r9  %016lx  r10 %016lx\n", frame->r8, frame->r9,
                  frame->r10);
    console_print(console, "  r11 %016lx  r12 %016lx  r13 %016lx\n", frame->r11, frame->r12,
                  frame->r13);
    console_print(console, "  r14 %016lx  r15 %016lx\n", frame->r14, frame->r15);
}

static void report(struct console *console, const struct exception_frame *frame)
{
    console_print(console, "\nEXCEPTION: %s\n", exception_name(frame->vector));
    if (frame->vector == EXCEPTION_PAGE_FAULT) {
        report_page_fault(console, frame);
    } else if (frame->vector == EXCEPTION_DOUBLE_FAULT) {
        report_double_fault(console);
    }
    report_registers(console, frame);
    backtrace_print(console, frame->rip, frame->rbp);
    if (frame->vector == EXCEPTION_PAGE_FAULT || frame->vector == EXCEPTION_DOUBLE_FAULT) {
        show_walk(console, report_table, cr2_read());
    }
}

void exception_dispatch(struct exception_frame *frame)
{
    struct pending_try *pending = innermost_try;

    if (frame->vector == EXCEPTION_NMI && nmi_handler != NULL && nmi_handler(frame)) {
        return;
    }
    if (pending != NULL && !reporting) {
        *pending->caught = (struct caught_exception){
            .caught = true,
            .address = cr2_read(),
            .frame = *frame,
        };
        exception_try_leave(pending->stack_pointer);
    }
    /* An exception while one is reported: no second report, which could fault in turn. */
    if (!reporting && report_console != NULL) {
        reporting = true;
        report(report_console, frame);
        console_print(report_console, "The kernel has stopped.\n");
    }
    debug_exit(DEBUG_EXIT_PANIC);
}

void exception_try_panic(const char *text)
{
    struct pending_try *pending = innermost_try;
    size_t length = strlen(text);

    if (pending == NULL || reporting) {
        return;
    }
    if (length >= CAUGHT_PANIC_BYTES) {
        length = CAUGHT_PANIC_BYTES - 1;
    }
    *pending->caught = (struct caught_exception){
        .caught = true,
        .panicked = true,
        .frame = {.vector = EXCEPTION_COUNT},
    };
    memcpy(pending->caught->panic_text, text, length);
    exception_try_leave(pending->stack_pointer);
}

struct pending_try *exception_try_innermost(void)
{
    return innermost_try;
}

void exception_try_forget(struct pending_try *outer)
{
    innermost_try = outer;
}

struct caught_exception exception_try(void (*function)(void *argument), void *argument)
{
    struct caught_exception caught = {.caught = false};
    struct pending_try pending = {.outer = innermost_try, .caught = &caught};

    innermost_try = &pending;
    (void)exception_try_enter(function, argument, &pending.stack_pointer);
    innermost_try = pending.outer;
    return caught;
}
