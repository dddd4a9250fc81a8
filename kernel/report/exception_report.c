#include "kernel/report/exception_report.h"

#include "kernel/cpu/registers.h"
#include "kernel/report/backtrace.h"
#include "kernel/report/report_part.h"
#include "kernel/report/show.h"
#include "kernel/traps/exception_text.h"
#include "kernel/traps/stacks.h"

/* What all parts of a report are about. */
struct subject {
    struct console *console;
    const struct page_table *table;
    const struct exception_frame *frame;
    const struct exception_frame *undelivered;
};

static void report_page_fault(const struct subject *subject)
{
    virt_addr address = virt_addr_of(subject->frame->cr2);
    uint64_t error = subject->frame->error_code;

    console_print(subject->console, "  accessed address  0x%lx (CR2)\n", address.value);
    console_print(subject->console, "  error code        0x%lx: %s %s, %s mode%s%s%s\n", error,
                  page_fault_access_text(error), page_fault_cause_text(error),
                  (error & PAGE_FAULT_USER) != 0 ? "user" : "supervisor",
                  (error & PAGE_FAULT_KEY) != 0 ? ", protection key" : "",
                  (error & PAGE_FAULT_SHADOW_STACK) != 0 ? ", shadow stack" : "",
                  stack_overflowed_into(address) != NULL ? ", stack overflow" : "");
}

static void report_double_fault(const struct subject *subject)
{
    const char *stack = stack_overflowed_into(virt_addr_of(subject->frame->cr2));

    if (stack != NULL) {
        console_print(subject->console,
                      "  stack overflow: the %s ran into its guard page at 0x%lx\n", stack,
                      subject->frame->cr2);
    } else {
        console_print(subject->console, "  last page fault   0x%lx (CR2)\n", subject->frame->cr2);
    }
}

static void report_heading(void *argument)
{
    const struct subject *subject = argument;
    const struct exception_frame *undelivered = subject->undelivered;

    console_print(subject->console, "\nEXCEPTION: %s\n", exception_name(subject->frame->vector));
    if (subject->frame->vector == EXCEPTION_PAGE_FAULT) {
        report_page_fault(subject);
    } else if (subject->frame->vector == EXCEPTION_DOUBLE_FAULT) {
        report_double_fault(subject);
    }
    if (undelivered != NULL) {
        console_print(subject->console,
                      "  a call waits for it, but to go on there is a %s, error code 0x%lx, CR2 "
                      "0x%lx\n",
                      exception_name(undelivered->vector), undelivered->error_code,
                      undelivered->cr2);
    }
}

static void report_registers(void *argument)
{
    const struct subject *subject = argument;
    struct console *console = subject->console;
    const struct exception_frame *frame = subject->frame;

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

static void report_backtrace(void *argument)
{
    const struct subject *subject = argument;

    backtrace_print(subject->console, subject->frame->rip, subject->frame->rbp);
}

static void report_walk(void *argument)
{
    const struct subject *subject = argument;

    show_walk(subject->console, subject->table, virt_addr_of(subject->frame->cr2));
}

void exception_report(struct console *console, const struct page_table *table,
                      const struct exception_frame *frame,
                      const struct exception_frame *undelivered)
{
    struct subject subject = {console, table, frame, undelivered};

    report_begin(console);
    report_part(console, report_heading, &subject);
    report_part(console, report_registers, &subject);
    report_part(console, report_backtrace, &subject);
    if (frame->vector == EXCEPTION_PAGE_FAULT || frame->vector == EXCEPTION_DOUBLE_FAULT) {
        report_part(console, report_walk, &subject);
    }
    report_end(console);
}
