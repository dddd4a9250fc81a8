/* Test mode: runs the tests that are linked in, reports on serial and ends QEMU. */
#include "kernel/cpu/backtrace.h"
#include "kernel/cpu/registers.h"
#include "kernel/cpu/symbols.h"
#include "kernel/cpu/watchdog.h"
#include "kernel/drivers/debug_exit.h"
#include "kernel/drivers/serial.h"
#include "kernel/kernel.h"
#include "kernel/paging/layout.h"
#include "kernel/panic.h"
#include "mm/page_tree.h"
#include "testing/registry.h"
#include "testing/run.h"

static char last_written = '\n';

static void write_to_serial(void *context, const char *text, size_t length)
{
    (void)context;
    serial_write(text, length);
    last_written = length > 0 ? text[length - 1] : last_written;
}

static uint64_t machine_provides(const struct kernel *kernel)
{
    const struct memory_map *map = &kernel->boot_info->memory_map;
    uint64_t provides = 0;

    provides |= kernel->boot_info->display.kind == DISPLAY_VGA_TEXT ? REQUIRES_VGA_TEXT : 0;
    provides |= kernel->cpu.pages_1g ? REQUIRES_PAGES_1G : 0;
    provides |= kernel->cpu.no_execute ? REQUIRES_NO_EXECUTE : 0;
    provides |= kernel->page_table.levels == 5 ? REQUIRES_LA57 : 0;
    provides |= kernel->cpu.smep ? REQUIRES_SMEP : 0;
    provides |= kernel->cpu.smap ? REQUIRES_SMAP : 0;
    provides |= kernel->cpu.umip ? REQUIRES_UMIP : 0;
    provides |= kernel->cpu.pcid ? REQUIRES_PCID : 0;
    provides |= kernel->cpu.invpcid ? REQUIRES_INVPCID : 0;
    provides |= memory_map_ram_end(map).value > UINT64_C(1) << 32 ? REQUIRES_RAM_ABOVE_4G : 0;
    return provides;
}

static void output_line(const struct test *test, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void output_line(const struct test *test, const char *format, ...)
{
    struct text_sink sink = {.write = test->output->write, .context = test->output->context};
    va_list arguments;

    va_start(arguments, format);
    format_write_list(&sink, format, arguments);
    va_end(arguments);
    output_text(test->output, "\n");
}

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
    *counted = (struct counted_source){.source = source, .uncounted = *source};
    source->allocate = counted_allocate;
    source->free = counted_free;
}

/* The entries of the kernel's tables, in the order of page_table_visit. */
enum { RECORDED_ENTRIES_MAX = 4096 };

struct recorded_entry {
    uint64_t start_and_level; /* `start` is page-aligned */
    uint64_t bits;            /* without accessed and dirty */
};

struct tree_record {
    struct recorded_entry entries[RECORDED_ENTRIES_MAX];
    size_t count;
    uint64_t rest; /* a checksum of the entries for which there is no room */
};

/* The state before a test. */
struct state {
    struct tree_record tree;
    int64_t frames_in_use;
    uint64_t cr0;
    uint64_t cr4;
    uint64_t efer;
    bool interrupts_on;
};

/* Those before the tests in progress: a test may run tests inside it. Static for their size. */
enum { NESTED_TESTS_MAX = 2 };
static struct state states[NESTED_TESTS_MAX];
static unsigned state_count;

/* The kernel's tables as physical memory shows them, whatever the access that is tested. */
static struct page_table kernel_tables(const struct kernel *kernel)
{
    struct page_table table = kernel->page_table;

    table.access =
        table_access_linear(kernel->boot_info->physical_memory_offset, phys_addr_of(0),
                            memory_map_ram_end(&kernel->boot_info->memory_map));
    return table;
}

/* The slots for temporary mappings change with each use, and belong to no one in between. */
static bool is_temporary_slot(const struct visited_entry *entry)
{
    uint64_t slots_bytes = level_bytes(2) - page_size_bytes(PAGE_4K);

    return entry->level == 1 && entry->start.value - LAYOUT_TEMPORARY < slots_bytes;
}

static struct recorded_entry recorded(const struct visited_entry *entry)
{
    return (struct recorded_entry){entry->start.value | entry->level,
                                   entry->entry.bits & ~(PAGE_ACCESSED | PAGE_DIRTY)};
}

/* FNV-1a, a word at a time. */
static uint64_t add_to_checksum(uint64_t checksum, struct recorded_entry entry)
{
    checksum = (checksum ^ entry.start_and_level) * UINT64_C(0x100000001b3);
    return (checksum ^ entry.bits) * UINT64_C(0x100000001b3);
}

static bool record_entry(void *context, const struct visited_entry *entry)
{
    struct tree_record *record = context;

    if (is_temporary_slot(entry)) {
        return true;
    }
    if (record->count < RECORDED_ENTRIES_MAX) {
        record->entries[record->count++] = recorded(entry);
    } else {
        record->rest = add_to_checksum(record->rest, recorded(entry));
    }
    return true;
}

/* A comparison with the record, and the first entry that differs. */
struct tree_comparison {
    const struct tree_record *record;
    size_t position;
    uint64_t rest;
    bool differs;
    struct recorded_entry before; /* bits 0: was not present */
    struct recorded_entry after;
};

static bool compare_entry(void *context, const struct visited_entry *visited)
{
    struct tree_comparison *comparison = context;
    struct recorded_entry entry = recorded(visited);
    struct recorded_entry expected = {0};

    if (is_temporary_slot(visited) || comparison->differs) {
        return !comparison->differs;
    }
    if (comparison->position == RECORDED_ENTRIES_MAX) {
        comparison->rest = add_to_checksum(comparison->rest, entry);
        return true;
    }
    if (comparison->position < comparison->record->count) {
        expected = comparison->record->entries[comparison->position++];
    }
    if (expected.start_and_level != entry.start_and_level || expected.bits != entry.bits) {
        comparison->differs = true;
        comparison->before = expected;
        comparison->after = entry;
    }
    return true;
}

enum { LEVEL_MASK = 0xf };

/* Which of both entries comes first in the order of a visit: an entry is missing on one side if it
 * does. Levels of one start are met from the highest down. */
static bool comes_first(struct recorded_entry entry, struct recorded_entry other)
{
    uint64_t start = entry.start_and_level & ~(uint64_t)LEVEL_MASK;
    uint64_t other_start = other.start_and_level & ~(uint64_t)LEVEL_MASK;

    if (entry.bits == 0 || other.bits == 0) {
        return entry.bits != 0;
    }
    return start != other_start ? start < other_start
                                : entry.start_and_level > other.start_and_level;
}

static void check_tables(struct test *test, const struct tree_record *record)
{
    struct page_table table = kernel_tables(test->subject);
    struct tree_comparison comparison = {.record = record};

    page_table_visit(&table, compare_entry, &comparison);
    if (!comparison.differs && comparison.position < record->count) {
        comparison.differs = true;
        comparison.before = record->entries[comparison.position];
    }
    if (comparison.differs) {
        struct recorded_entry before = comparison.before;
        struct recorded_entry after = comparison.after;
        if (comes_first(before, after)) {
            after = (struct recorded_entry){before.start_and_level, 0};
        } else if (comes_first(after, before)) {
            before = (struct recorded_entry){after.start_and_level, 0};
        }
        test->failed = true;
        output_line(test,
                    "# left behind: the kernel's level-%u entry for 0x%lx was 0x%lx and is 0x%lx",
                    (unsigned)(after.start_and_level & LEVEL_MASK),
                    after.start_and_level & ~(uint64_t)LEVEL_MASK, before.bits, after.bits);
    } else if (comparison.rest != record->rest) {
        test->failed = true;
        output_line(test, "# left behind: the kernel's tables changed, after the first %d entries",
                    RECORDED_ENTRIES_MAX);
    }
}

static void check_register(struct test *test, const char *name, uint64_t before, uint64_t after)
{
    if (before != after) {
        test->failed = true;
        output_line(test, "# left behind: %s was 0x%lx and is 0x%lx", name, before, after);
    }
}

static void note_state(struct test *test)
{
    struct page_table table = kernel_tables(test->subject);

    ASSERT(state_count < NESTED_TESTS_MAX);
    struct state *state = &states[state_count++];
    state->tree.count = 0;
    state->tree.rest = 0;
    page_table_visit(&table, record_entry, &state->tree);
    state->frames_in_use = frames_in_use;
    state->cr0 = cr0_read();
    state->cr4 = cr4_read();
    state->efer = msr_read(MSR_EFER);
    state->interrupts_on = interrupts_are_on();
}

static void check_frames(struct test *test, int64_t before)
{
    int64_t more = frames_in_use - before;

    if (more != 0) {
        test->failed = true;
        output_line(test, "# left behind: frames in use: %ld %s than before",
                    more > 0 ? more : -more, more > 0 ? "more" : "fewer");
    }
}

/* Fails a test that has left something behind, and puts back what later tests cannot do without. */
static void check_state(struct test *test)
{
    const struct kernel *kernel = test->subject;
    const struct state *state = &states[--state_count];

    check_register(test, "the interrupt flag", state->interrupts_on, interrupts_are_on());
    if (!state->interrupts_on) {
        interrupts_off();
    }
    check_register(test, "CR0", state->cr0, cr0_read());
    cr0_write(state->cr0);
    check_register(test, "the root in CR3", kernel->page_table.root.value,
                   cr3_read() & CR3_FRAME_MASK);
    cr3_write(kernel->page_table.root.value);
    check_register(test, "CR4", state->cr4, cr4_read());
    cr4_write(state->cr4);
    check_register(test, "EFER", state->efer, msr_read(MSR_EFER));
    msr_write(MSR_EFER, state->efer);
    check_register(test, "the number of flushes owed", 0, (uint64_t)mm_port_flushes_owed());
    mm_port_flush_owed(-mm_port_flushes_owed());
    check_frames(test, state->frames_in_use);
    check_tables(test, &state->tree);
}

static void forget_tries(struct test *test)
{
    (void)test;
    exception_try_forget();
}

static void output_address(const struct test *test, uint64_t address)
{
    uint64_t offset;
    const char *name = symbol_find(address, &offset);

    if (name == NULL) {
        output_line(test, "#     0x%lx", address);
    } else {
        output_line(test, "#     0x%lx %s+0x%lx", address, name, offset);
    }
}

static uint32_t timer_limit_ms;

/* Called by the watchdog: says where the test is and ends the run. */
static void report_hung(void *context, const struct exception_frame *frame)
{
    struct test *test = context;
    uint64_t addresses[BACKTRACE_FRAMES_MAX];
    bool complete;
    unsigned count = backtrace_collect(frame->rip, frame->rbp, addresses, &complete);

    if (last_written != '\n') {
        output_text(test->output, "\n");
    }
    output_line(test, "# hung: %s.%s runs for more than %u ms; interrupts are %s; it is at",
                test->test_case->suite, test->test_case->sentence, timer_limit_ms,
                (frame->rflags & RFLAGS_INTERRUPTS_ON) != 0 ? "on" : "off");
    for (unsigned i = 0; i < count; i++) {
        output_address(test, addresses[i]);
    }
    if (!complete) {
        output_line(test, "#     ...");
    }
    output_line(test, "#   rsp 0x%lx  rbp 0x%lx  rflags 0x%lx  cr2 0x%lx  cr3 0x%lx", frame->rsp,
                frame->rbp, frame->rflags, cr2_read().value, cr3_read());
    output_line(test, "#   rax 0x%lx  rbx 0x%lx  rcx 0x%lx  rdx 0x%lx  rsi 0x%lx  rdi 0x%lx",
                frame->rax, frame->rbx, frame->rcx, frame->rdx, frame->rsi, frame->rdi);
    output_line(test, "#   r8 0x%lx  r9 0x%lx  r10 0x%lx  r11 0x%lx", frame->r8, frame->r9,
                frame->r10, frame->r11);
    output_line(test, "#   r12 0x%lx  r13 0x%lx  r14 0x%lx  r15 0x%lx", frame->r12, frame->r13,
                frame->r14, frame->r15);
    test_run_end_hung(test);
    debug_exit(DEBUG_EXIT_FAIL);
}

static void start_timer(struct test *test, uint32_t limit_ms)
{
    timer_limit_ms = limit_ms;
    watchdog_start(limit_ms, report_hung, test);
}

static void stop_timer(struct test *test)
{
    (void)test;
    watchdog_stop();
}

__attribute__((noinline)) static void test_kernel_main(struct kernel *kernel)
{
    const struct test_run run = {
        .output = {.write = write_to_serial},
        .cases = test_cases_start,
        .case_count = (size_t)(test_cases_end - test_cases_start),
        .glob = kernel->options.test_glob,
        .tag = kernel->options.test_tag[0] != '\0' ? kernel->options.test_tag : NULL,
        .shuffled = kernel->options.has_seed,
        .seed = kernel->options.seed,
        .provides = machine_provides(kernel),
        .subject = kernel,
        .before = note_state,
        .check_after = check_state,
        .unwound = forget_tries,
        .start_timer = start_timer,
        .stop_timer = stop_timer,
    };

    /* On a line of its own, whatever the firmware left on the serial port. */
    console_print(&kernel->console, "\nAssay, test image, booted by %s, %u levels, access=%s\n",
                  boot_protocol_name(kernel->boot_info->protocol), kernel->page_table.levels,
                  access_strategy_name(kernel->options.access));
    if (kernel->options.unknown_word[0] != '\0') {
        console_print(&kernel->console, "command line: \"%s\" means nothing\n",
                      kernel->options.unknown_word);
        debug_exit(DEBUG_EXIT_BAD_REQUEST);
    }
    if (kernel->options.list) {
        test_list(&run);
        debug_exit(DEBUG_EXIT_PASS);
    }
    count_frames_of(&counted_sources[0], &kernel->frames.source);
    count_frames_of(&counted_sources[1], &kernel->window_frames.source);
    if (!watchdog_init(kernel->boot_info->physical_memory_offset)) {
        console_print(&kernel->console, "no timer for NMIs: a hung test is not noticed\n");
    }
    switch (test_run(&run)) {
    case TEST_RUN_PASSED:
        debug_exit(DEBUG_EXIT_PASS);
    case TEST_RUN_FAILED:
        debug_exit(DEBUG_EXIT_FAIL);
    case TEST_RUN_NONE_SELECTED:
        console_print(&kernel->console, "no test matches \"%s\"%s%s\n", kernel->options.test_glob,
                      run.tag != NULL ? " with the tag " : "", kernel->options.test_tag);
    }
    debug_exit(DEBUG_EXIT_BAD_REQUEST);
}

KERNEL_ENTRY(test_kernel_main);
