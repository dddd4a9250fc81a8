/* What becomes of an exception. That must not depend on the memory that the kernel may have lost, so
 * how far the handling has come is in a register that nothing else uses: the base that SWAPGS would
 * load, which is readable whatever is mapped. */
#include "kernel/traps/exception.h"

#include "kernel/cpu/registers.h"
#include "kernel/lib/string.h"
#include "kernel/panic/debug_exit.h"
#include "kernel/traps/last_words.h"

/* A call of exception_try that has not returned. */
struct pending_try {
    struct pending_try *outer;
    uint64_t stack_pointer;
    struct caught_exception *caught;
    bool in_report;
};

/* How far the handling of an exception has come. An exception in one stage is answered by the next:
 * so that no fault can lead to the same fault again. */
enum stage {
    STAGE_NONE,       /* no exception is being handled */
    STAGE_DELIVERING, /* to whoever waits for it, on memory that may be lost */
    STAGE_REPORTING,  /* part by part, each of which may fault */
    STAGE_CATCHING,   /* a fault of such a part */
    STAGE_BARE_FACTS, /* without a console, a table or data */
    STAGE_COUNT,
};

/* The frame of the exception that is handled, whose low bits are free, and the stage. */
struct handling {
    const struct exception_frame *first;
    enum stage stage;
};

#define UPPER_HALF UINT64_C(0xffff800000000000)
enum { STAGE_MASK = 7 };

static struct handling handling_read(void)
{
    uint64_t value = msr_read(MSR_KERNEL_GS_BASE);
    uint64_t stage = value & STAGE_MASK;

    /* Anything else is not from here: a test may try the register. */
    if (value < UPPER_HALF || stage >= STAGE_COUNT) {
        return (struct handling){.stage = STAGE_NONE};
    }
    return (struct handling){(const struct exception_frame *)(value - stage), (enum stage)stage};
}

static void handling_write(const struct exception_frame *first, enum stage stage)
{
    msr_write(MSR_KERNEL_GS_BASE, (uint64_t)first | stage);
}

static void (*report_handler)(const struct exception_frame *frame,
                              const struct exception_frame *undelivered);
static struct pending_try *innermost_try;
static bool (*nmi_handler)(const struct exception_frame *frame);

void exceptions_on_report(void (*handler)(const struct exception_frame *frame,
                                          const struct exception_frame *undelivered))
{
    report_handler = handler;
}

void exceptions_on_nmi(bool (*handler)(const struct exception_frame *frame))
{
    nmi_handler = handler;
}

/* Asks the handler of NMIs, at every stage: an NMI knows nothing of them. */
static bool is_handled_nmi(const struct exception_frame *frame, struct handling outer,
                           uint64_t register_before)
{
    handling_write(outer.stage == STAGE_NONE ? frame : outer.first, outer.stage + 1);
    bool (*handler)(const struct exception_frame *) = nmi_handler;
    msr_write(MSR_KERNEL_GS_BASE, register_before);
    return handler != NULL && handler(frame);
}

/* Returns if nobody waits for it. To find that out takes memory that may be lost, and an exception
 * then: before it is written to, it is forgotten, so that this is tried once. */
static void deliver(const struct exception_frame *frame, bool to_report, uint64_t register_after)
{
    struct pending_try *pending = innermost_try;

    if (pending == NULL || (to_report && !pending->in_report)) {
        return;
    }
    innermost_try = NULL;
    *pending->caught = (struct caught_exception){
        .caught = true,
        .address = virt_addr_of(frame->cr2),
        .frame = *frame,
    };
    uint64_t stack_pointer = pending->stack_pointer;
    msr_write(MSR_KERNEL_GS_BASE, register_after);
    exception_try_leave(stack_pointer);
}

_Noreturn static void end(const struct exception_frame *first, const struct exception_frame *second)
{
    handling_write(first, STAGE_BARE_FACTS);
    last_words(first, second);
    debug_exit(DEBUG_EXIT_PANIC);
}

_Noreturn static void report(const struct exception_frame *first,
                             const struct exception_frame *undelivered)
{
    handling_write(first, STAGE_REPORTING);
    if (report_handler == NULL) {
        end(first, undelivered);
    }
    report_handler(first, undelivered);
    debug_exit(DEBUG_EXIT_PANIC);
}

/* No switch, which might need a table. */
void exception_dispatch(struct exception_frame *frame)
{
    uint64_t register_before = msr_read(MSR_KERNEL_GS_BASE);
    struct handling outer = handling_read();

    if (outer.stage == STAGE_BARE_FACTS) {
        if (frame->vector == EXCEPTION_NMI) {
            return; /* the timer's: it must not cut the facts short */
        }
        debug_exit(DEBUG_EXIT_PANIC);
    }
    if (frame->vector == EXCEPTION_NMI && is_handled_nmi(frame, outer, register_before)) {
        return;
    }
    if (outer.stage == STAGE_NONE) {
        handling_write(frame, STAGE_DELIVERING);
        deliver(frame, false, register_before);
        report(frame, NULL);
    }
    if (outer.stage == STAGE_DELIVERING) {
        report(outer.first, frame);
    }
    if (outer.stage == STAGE_REPORTING) {
        handling_write(outer.first, STAGE_CATCHING);
        deliver(frame, true, register_before);
    }
    end(outer.first, frame);
}

void exception_try_panic(const char *text, const char *file, int line)
{
    struct pending_try *pending = innermost_try;
    size_t length = strlen(text);

    if (pending == NULL || (handling_read().stage != STAGE_NONE && !pending->in_report)) {
        return;
    }
    if (length >= CAUGHT_PANIC_BYTES) {
        length = CAUGHT_PANIC_BYTES - 1;
    }
    *pending->caught = (struct caught_exception){
        .caught = true,
        .panicked = true,
        .panic_file = file,
        .panic_line = line,
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

static struct caught_exception try(void (*function)(void *argument), void *argument,
                                   bool in_report)
{
    struct caught_exception caught = {.caught = false};
    struct pending_try pending = {
        .outer = innermost_try, .caught = &caught, .in_report = in_report};

    innermost_try = &pending;
    (void)exception_try_enter(function, argument, &pending.stack_pointer);
    innermost_try = pending.outer;
    return caught;
}

struct caught_exception exception_try(void (*function)(void *argument), void *argument)
{
    return try(function, argument, false);
}

struct caught_exception exception_try_in_report(void (*function)(void *argument), void *argument)
{
    return try(function, argument, true);
}
