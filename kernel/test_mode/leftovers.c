#include "kernel/test_mode/leftovers.h"

#include "kernel/panic/panic.h"
#include "kernel/test_mode/cpu_state.h"
#include "kernel/test_mode/print.h"
#include "kernel/test_mode/tree_record.h"

/* A frame source of the kernel, whose frames are counted on their way out and back. */
struct counted_source {
    struct frame_source *source;
    struct frame_source uncounted; /* its own functions */
};

static struct counted_source counted_sources[2];
static int64_t frames_in_use;

static const struct frame_source *uncounted(const struct frame_source *source)
{
    return &counted_sources[source == counted_sources[0].source ? 0 : 1].uncounted;
}

static bool counted_allocate(struct frame_source *source, unsigned order, phys_addr *frame)
{
    bool found = uncounted(source)->allocate(source, order, frame);

    frames_in_use += found ? INT64_C(1) << order : 0;
    return found;
}

static enum frame_free_result counted_free(struct frame_source *source, unsigned order,
                                           phys_addr frame)
{
    enum frame_free_result result = uncounted(source)->free(source, order, frame);

    frames_in_use -= result == FRAME_FREE_OK ? INT64_C(1) << order : 0;
    return result;
}

static void count_frames_of(struct counted_source *counted, struct frame_source *source)
{
    if (source->allocate == counted_allocate) {
        return;
    }
    *counted = (struct counted_source){.source = source, .uncounted = *source};
    source->allocate = counted_allocate;
    source->free = counted_free;
}

void leftovers_count_frames(struct kernel *kernel)
{
    frames_in_use = 0;
    count_frames_of(&counted_sources[0], &kernel->frames.source);
    count_frames_of(&counted_sources[1], &kernel->window_frames.source);
}

/* A test in progress, and the state before it. */
struct state {
    const struct test *test; /* debuggers find the test here */
    struct tree_record tree;
    int64_t frames_in_use;
    struct cpu_state cpu;
};

/* Those before the tests in progress: a test may run tests inside it. Static for their size. */
enum { NESTED_TESTS_MAX = 2 };
static struct state states[NESTED_TESTS_MAX];
static unsigned state_count;

/* The kernel's tables as physical memory shows them, whatever the access that is tested. */
static struct page_table kernel_tables(const struct kernel *kernel)
{
    struct page_table table = kernel->page_table;

    table.access = table_access_linear(kernel->boot_info->physical_memory_offset, phys_addr_of(0),
                                       memory_map_ram_end(&kernel->boot_info->memory_map));
    return table;
}

static void check_tables(struct test *test, const struct tree_record *record)
{
    struct page_table table = kernel_tables(test->subject);
    struct tree_difference difference = tree_record_compare(record, &table);

    if (!difference.found) {
        return;
    }
    test->failed = true;
    if (difference.is_named) {
        test_print_line(test,
                        "# left behind: the kernel's level-%u entry for 0x%lx was 0x%lx and is 0x%lx",
                        difference.level, difference.start.value, difference.before,
                        difference.after);
    } else {
        test_print_line(test,
                        "# left behind: the kernel's tables changed, after the first %lu entries",
                        record->entry_count);
    }
}

static void report_value(void *context, const char *name, uint64_t before, uint64_t after)
{
    struct test *test = context;

    test->failed = true;
    test_print_line(test, "# left behind: %s was 0x%lx and is 0x%lx", name, before, after);
}

void leftovers_note(struct test *test)
{
    struct page_table table = kernel_tables(test->subject);

    ASSERT(state_count < NESTED_TESTS_MAX);
    struct state *state = &states[state_count++];
    state->test = test;
    tree_record_take(&state->tree, &table);
    state->frames_in_use = frames_in_use;
    cpu_state_take(&state->cpu, test->subject);
}

static void check_frames(struct test *test, int64_t before)
{
    int64_t more = frames_in_use - before;

    if (more != 0) {
        test->failed = true;
        test_print_line(test, "# left behind: frames in use: %ld %s than before",
                        more > 0 ? more : -more, more > 0 ? "more" : "fewer");
    }
}

void leftovers_check(struct test *test)
{
    const struct state *state = &states[--state_count];
    int owed = mm_port_flushes_owed();

    ASSERT(state->test == test);
    cpu_state_put_back(&state->cpu, report_value, test);
    if (owed != 0) {
        mm_port_flush_owed(-owed);
        report_value(test, "the number of flushes owed", 0, (uint64_t)(int64_t)owed);
    }
    check_frames(test, state->frames_in_use);
    check_tables(test, &state->tree);
}

int64_t leftovers_frames_in_use(void)
{
    return frames_in_use;
}

static void say_nothing(void *context, const char *name, uint64_t before, uint64_t after)
{
    (void)context;
    (void)name;
    (void)before;
    (void)after;
}

void leftovers_abandon(void)
{
    if (state_count > 0) {
        cpu_state_put_back(&states[0].cpu, say_nothing, NULL);
        mm_port_flush_owed(-mm_port_flushes_owed());
    }
    state_count = 0;
}
