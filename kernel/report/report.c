#include "kernel/report/report.h"

#include "kernel/report/exception_report.h"
#include "kernel/report/panic_report.h"

static struct console *report_console;
static const struct page_table *report_table;

static void on_panic(struct panic *panic)
{
    panic_report(report_console, panic);
}

static void on_exception(const struct exception_frame *frame,
                         const struct exception_frame *undelivered)
{
    exception_report(report_console, report_table, frame, undelivered);
}

void reports_go_to(struct console *console, const struct page_table *table)
{
    report_console = console;
    report_table = table;
    panics_on_report(on_panic);
    exceptions_on_report(on_exception);
}
