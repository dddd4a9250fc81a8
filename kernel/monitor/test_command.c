/* The tests of the kernel, from the prompt. */
#include "kernel/monitor/argument.h"
#include "kernel/test_mode/session.h"

static void show_suite(void *context, const char *suite)
{
    struct console *console = context;

    console_print(console, "%s  ", suite);
}

static void complain(struct monitor *monitor, const char *glob)
{
    console_print(monitor->console,
                  "no test matches \"%s\"; `test` lists the suites, and "
                  "`test SUITE.*` runs one\n",
                  glob);
}

void command_test(struct monitor *monitor, const struct words *words)
{
    const struct kernel *kernel = monitor->kernel;

    if (words->count == 1) {
        test_session_suites(show_suite, monitor->console);
        console_print(monitor->console, "\n`test SUITE.*` runs one of them\n");
        return;
    }
    if (!kernel->boot_info->has_physical_memory) {
        console_print(monitor->console,
                      "physical=off: the tests look at memory through the map of all of it\n");
        return;
    }
    switch (test_session_run(monitor->kernel, monitor->frames,
                             buddy_source_free_frames(&monitor->general.buddy), words->word[1])) {
    case TEST_SESSION_PASSED:
        break;
    case TEST_SESSION_FAILED:
        console_print(monitor->console, "Failed.\n");
        break;
    case TEST_SESSION_NO_SUCH_TEST:
        complain(monitor, words->word[1]);
        break;
    case TEST_SESSION_NO_FRAMES:
        console_print(monitor->console, "no block of 1 MiB is free for the tests; see `frames`\n");
        break;
    }
}
