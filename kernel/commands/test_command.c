/* The tests of the kernel, from the prompt. */
#include "kernel/commands/commands.h"
#include "kernel/line/suggestion.h"
#include "kernel/test_mode/session.h"

/* Suites are listed in columns that a name and its number fit in. */
enum { SUITE_COLUMNS = 26, SUITES_PER_ROW = 3 };

struct listing {
    struct console *console;
    unsigned shown;
};

static void show_suite(void *context, const char *suite, unsigned test_count)
{
    struct listing *listing = context;
    bool ends_row = ++listing->shown % SUITES_PER_ROW == 0;

    console_print(listing->console, "%3u %-*s%s", test_count, SUITE_COLUMNS - 4, suite,
                  ends_row ? "\n" : "");
}

static void list_suites(struct console *console)
{
    struct listing listing = {.console = console};

    test_session_suites(show_suite, &listing);
    console_print(console, "%s`test SUITE.*` runs the tests of a suite, `test *` all\n",
                  listing.shown % SUITES_PER_ROW == 0 ? "" : "\n");
}

static void offer_suite(void *context, const char *suite, unsigned test_count)
{
    (void)test_count;
    suggestion_offer(context, suite);
}

/* What stands before the dot should be a suite. */
static void complain(struct console *console, const char *glob)
{
    size_t length = 0;

    while (glob[length] != '\0' && glob[length] != '.') {
        length++;
    }
    struct suggestion suggestion = suggestion_for(glob, length);
    test_session_suites(offer_suite, &suggestion);
    if (suggestion.best != NULL) {
        console_print(console, "no test matches \"%s\"; did you mean `test %s.*`?\n", glob,
                      suggestion.best);
    } else {
        console_print(console, "no test matches \"%s\"; `test` lists the suites\n", glob);
    }
}

void command_test(struct monitor *monitor, const struct arguments *arguments)
{
    const struct kernel *kernel = monitor->kernel;

    if (arguments->word == NULL) {
        list_suites(monitor->console);
        return;
    }
    if (!kernel->boot_info->has_physical_memory) {
        console_print(monitor->console,
                      "physical=off: the tests look at memory through the map of all of it\n");
        return;
    }
    switch (test_session_run(monitor->kernel, monitor->frames,
                             buddy_source_free_frames(&monitor->general.buddy), arguments->word)) {
    case TEST_SESSION_PASSED:
        break;
    case TEST_SESSION_FAILED:
        console_print(monitor->console, "Failed.\n");
        if (monitor->changed_by != NULL) {
            console_print(
                monitor->console,
                "The tests expect the kernel as it boots; `%s` has changed it since: boot it "
                "again to find out.\n",
                monitor->changed_by);
        }
        break;
    case TEST_SESSION_NO_SUCH_TEST:
        complain(monitor->console, arguments->word);
        break;
    case TEST_SESSION_LEFT_OUT:
        console_print(monitor->console,
                      "./scripts/qemu_runner.py test NAME boots for such a test\n");
        break;
    case TEST_SESSION_NO_FRAMES:
        console_print(monitor->console, "no block of 1 MiB is free for the tests; see `frames`\n");
        break;
    }
}
