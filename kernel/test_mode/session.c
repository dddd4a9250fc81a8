#include "kernel/test_mode/session.h"

#include "kernel/cpu/exception.h"
#include "kernel/cpu/watchdog.h"
#include "kernel/panic.h"
#include "kernel/port/string.h"
#include "kernel/test_mode/leftovers.h"
#include "kernel/test_mode/run.h"
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

static unsigned count_left_out(const struct test_run *run)
{
    struct test_run fresh = *run;
    unsigned count = 0;

    fresh.tag = FRESH;
    fresh.without_tag = NULL;
    for (size_t i = 0; i < run->case_count; i++) {
        count += test_is_selected(&fresh, &run->cases[i]);
    }
    return count;
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
    watchdog_stop();
    leftovers_forget();
    console_print(console, "\n# %s: the run ends here\n",
                  caught->panicked ? caught->panic_text : exception_name(caught->frame.vector));
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
    unsigned left_out = count_left_out(&session.run);
    if (left_out != 0) {
        console_print(&kernel->console,
                      "# left out: %u of the kernel as booting leaves it; the test image runs "
                      "these\n",
                      left_out);
    }
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
    return session.result == TEST_RUN_PASSED   ? TEST_SESSION_PASSED
           : session.result == TEST_RUN_FAILED ? TEST_SESSION_FAILED
                                               : TEST_SESSION_NO_SUCH_TEST;
}

void test_session_suites(void (*offer)(void *context, const char *suite), void *context)
{
    for (const struct test_case *test = test_cases_start; test < test_cases_end; test++) {
        const struct test_case *first = test_cases_start;

        while (strcmp(first->suite, test->suite) != 0) {
            first++;
        }
        if (first == test) {
            offer(context, test->suite);
        }
    }
}
