#include "kernel/test_mode/session.h"

#include "kernel/drivers/watchdog.h"
#include "kernel/layout/symbols.h"
#include "kernel/lib/string.h"
#include "kernel/panic/panic.h"
#include "kernel/test_mode/leftovers.h"
#include "kernel/test_mode/run.h"
#include "kernel/traps/exception.h"
#include "kernel/traps/exception_text.h"
#include "testing/registry.h"
#include "testing/selection.h"

enum { LOANS_MAX = 64, LOAN_ORDER_MAX = 15, LOAN_ORDER_MIN = 8 };

/* Blocks of frames on loan, in the order of their addresses. */
static struct loans {
    struct frame_range ranges[LOANS_MAX];
    unsigned orders[LOANS_MAX];
    size_t count;
} loans;

static void note_loan(phys_addr start, unsigned order)
{
    size_t at = loans.count++;

    for (; at > 0 && loans.ranges[at - 1].start.value > start.value; at--) {
        loans.ranges[at] = loans.ranges[at - 1];
        loans.orders[at] = loans.orders[at - 1];
    }
    loans.ranges[at] = (struct frame_range){start, UINT64_C(1) << order};
    loans.orders[at] = order;
}

/* Borrows the largest blocks first, until there are `frame_count` frames or no more blocks. */
static void borrow(struct frame_source *frames, uint64_t frame_count)
{
    loans.count = 0;
    for (unsigned order = LOAN_ORDER_MAX; order >= LOAN_ORDER_MIN; order--) {
        phys_addr block;

        while (frame_count >= UINT64_C(1) << order && loans.count < LOANS_MAX &&
               frame_source_allocate(frames, order, &block)) {
            note_loan(block, order);
            frame_count -= UINT64_C(1) << order;
        }
    }
}

static void give_back(struct frame_source *frames)
{
    for (size_t i = 0; i < loans.count; i++) {
        ASSERT(frame_source_free(frames, loans.orders[i], loans.ranges[i].start) == FRAME_FREE_OK);
    }
}

static void write_to_console(void *context, const char *text, size_t length)
{
    console_write(context, text, length);
}

/* The tag of tests of what booting leaves, which the prompt does not find as it was. */
#define FRESH "fresh"

/* How many tests the run has; with `say`, names each of them in a line that begins so. */
static unsigned count_selected(const struct test_run *run, struct console *console, const char *say)
{
    unsigned count = 0;

    for (size_t i = 0; i < run->case_count; i++) {
        const struct test_case *test = &run->cases[i];

        if (test_is_selected(run, test)) {
            count++;
            if (say != NULL) {
                console_print(console, "%s %s.%s\n", say, test->suite, test->sentence);
            }
        }
    }
    return count;
}

static unsigned name_left_out(const struct test_run *run, struct console *console)
{
    struct test_run fresh = *run;

    fresh.tag = FRESH;
    fresh.without_tag = NULL;
    return count_selected(&fresh, console, "# left out, as only a fresh boot is as it expects:");
}

/* The test in progress; NULL: none has begun. What else is known of it is gone with its stack once a fault has ended it. */
static const struct test_case *current;

static void note(struct test *test)
{
    current = test->test_case;
    leftovers_note(test);
}

/* A run of tests, for a call inside exception_try. */
struct session {
    struct kernel *kernel;
    struct test_run run;
    enum test_run_result result;
};

static void run_tests(void *argument)
{
    struct session *session = argument;

    test_mode_prepare(session->kernel);
    session->result = test_run(&session->run);
}

/* An exception that no test waited for has ended the run where it stood. */
static void end_broken_run(struct console *console, const struct caught_exception *caught)
{
    uint64_t offset = 0;
    const char *function = symbol_find(caught->frame.rip, &offset);

    watchdog_stop();
    leftovers_abandon();
    if (current != NULL) {
        console_print(console, "\n# %s.%s, %s:%u: ", current->suite, current->sentence,
                      current->file, current->line);
    } else {
        console_print(console, "\n# before the first test: ");
    }
    if (caught->panicked) {
        console_print(console, "PANIC: %s, at %s:%d\n", caught->panic_text, caught->panic_file,
                      caught->panic_line);
    } else {
        console_print(console, "%s, error code 0x%lx, CR2 0x%lx, in %s+0x%lx\n",
                      exception_name(caught->frame.vector), caught->frame.error_code,
                      caught->address.value, function != NULL ? function : "?", offset);
    }
    console_print(console, "# the run ends here; what the test had mapped or changed stays\n");
}

enum test_session_result test_session_run(struct kernel *kernel, struct frame_source *frames,
                                          uint64_t free_frames, const char *glob)
{
    struct frame_source *table_frames = kernel->table_frames;
    struct session session = {.kernel = kernel, .result = TEST_RUN_FAILED};

    session.run = test_mode_run(
        kernel, (struct test_output){.write = write_to_console, .context = &kernel->console});
    session.run.glob = glob;
    session.run.seed = kernel->options.seed;
    session.run.without_tag = FRESH;
    session.run.before = note;
    unsigned left_out = name_left_out(&session.run, &kernel->console);
    if (count_selected(&session.run, NULL, NULL) == 0) {
        return left_out != 0 ? TEST_SESSION_LEFT_OUT : TEST_SESSION_NO_SUCH_TEST;
    }
    current = NULL;
    borrow(frames, free_frames / 2);
    if (loans.count == 0) {
        return TEST_SESSION_NO_FRAMES;
    }
    range_source_init(&kernel->frames, loans.ranges, loans.count);
    if (!access_strategy_has_window(kernel->options.access)) {
        kernel->table_frames = &kernel->frames.source;
    }
    struct caught_exception caught = exception_try(run_tests, &session);
    if (caught.caught) {
        end_broken_run(&kernel->console, &caught);
    }
    kernel->table_frames = table_frames;
    range_source_init(&kernel->frames, NULL, 0);
    if (leftovers_frames_in_use() == 0) {
        give_back(frames);
    } else {
        console_print(
            &kernel->console,
            "Frames are still in use: the memory that the tests had is not used again.\n");
    }
    return session.result == TEST_RUN_PASSED ? TEST_SESSION_PASSED : TEST_SESSION_FAILED;
}

void test_session_suites(void (*offer)(void *context, const char *suite, unsigned test_count),
                         void *context)
{
    for (const struct test_case *test = test_cases_start; test < test_cases_end; test++) {
        const struct test_case *first = test_cases_start;
        unsigned count = 0;

        while (strcmp(first->suite, test->suite) != 0) {
            first++;
        }
        if (first == test) {
            for (const struct test_case *other = test; other < test_cases_end; other++) {
                count += strcmp(other->suite, test->suite) == 0;
            }
            offer(context, test->suite, count);
        }
    }
}

void test_session_names(void (*offer)(void *context, const char *name), void *context)
{
    char name[TEST_NAME_BYTES_MAX + 1];

    for (const struct test_case *test = test_cases_start; test < test_cases_end; test++) {
        format_text(name, sizeof name, "%s.%s", test->suite, test->sentence);
        offer(context, name);
    }
}
