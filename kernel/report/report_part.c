#include "kernel/report/report_part.h"

#include "kernel/lib/string.h"
#include "kernel/traps/exception.h"
#include "kernel/traps/exception_text.h"

static bool has_screen(const struct console *console)
{
    return console->screen.cells != NULL || console->framebuffer != NULL;
}

static void drop_screen(struct console *console)
{
    console->screen.cells = NULL;
    console->framebuffer = NULL;
}

/* Shows a character, and takes it back. */
static void touch_screen(void *argument)
{
    static const char *const steps[] = {"*", "\b \b"};
    struct console *console = argument;

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        vga_text_write(&console->screen, steps[i], strlen(steps[i]));
        if (console->framebuffer != NULL) {
            framebuffer_text_write(console->framebuffer, steps[i], strlen(steps[i]));
        }
    }
}

void report_begin(struct console *console)
{
    if (exception_try_in_report(touch_screen, console).caught) {
        drop_screen(console);
    }
}

static void print_obstacle(struct console *console, const struct caught_exception *caught)
{
    if (caught->panicked) {
        console_print(console, "\n  (cannot be shown: panic: %s, at %s:%d)\n", caught->panic_text,
                      caught->panic_file, caught->panic_line);
    } else {
        console_print(console,
                      "\n  (cannot be shown: %s, error code 0x%lx, at 0x%lx, CR2 0x%lx)\n",
                      exception_name(caught->frame.vector), caught->frame.error_code,
                      caught->frame.rip, caught->frame.cr2);
    }
}

void report_part(struct console *console, void (*part)(void *argument), void *argument)
{
    struct caught_exception caught = exception_try_in_report(part, argument);

    if (caught.caught && has_screen(console)) {
        drop_screen(console);
        caught = exception_try_in_report(part, argument);
    }
    if (caught.caught) {
        print_obstacle(console, &caught);
    }
}

static void print_end(void *argument)
{
    console_print(argument, "The kernel has stopped.\n");
}

void report_end(struct console *console)
{
    report_part(console, print_end, console);
}
