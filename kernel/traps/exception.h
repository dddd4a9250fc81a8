/* CPU exceptions: vectors, the state saved at one, and running code that may fault. */
#pragma once

#include "mm/address.h"

enum exception_vector {
    EXCEPTION_DIVIDE = 0,
    EXCEPTION_DEBUG = 1,
    EXCEPTION_NMI = 2,
    EXCEPTION_BREAKPOINT = 3,
    EXCEPTION_INVALID_OPCODE = 6,
    EXCEPTION_DOUBLE_FAULT = 8,
    EXCEPTION_GENERAL_PROTECTION = 13,
    EXCEPTION_PAGE_FAULT = 14,
    EXCEPTION_MACHINE_CHECK = 18,
    EXCEPTION_COUNT = 32,
};

/* Bits of a page fault's error code.
 * Source: Intel SDM volume 3, 4.7 "Page-Fault Exceptions". */
enum page_fault_error {
    PAGE_FAULT_PROTECTION = 1 << 0, /* 0: an entry was not present */
    PAGE_FAULT_WRITE = 1 << 1,
    PAGE_FAULT_USER = 1 << 2,
    PAGE_FAULT_RESERVED = 1 << 3, /* a reserved bit was set in an entry */
    PAGE_FAULT_FETCH = 1 << 4,
    PAGE_FAULT_KEY = 1 << 5, /* a protection key forbade it */
    PAGE_FAULT_SHADOW_STACK = 1 << 6,
};

/* The saved state, as exceptions.asm pushes it. */
struct exception_frame {
    uint64_t cr2; /* at the exception: later ones change the register */
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector;
    uint64_t error_code; /* 0 for vectors that have none */
    uint64_t rip, cs, rflags, rsp, ss;
};
_Static_assert(sizeof(struct exception_frame) == 23 * 8, "as pushed by exceptions.asm");

/* Entry points of the 32 vectors, in exceptions.asm. */
extern const uint64_t exception_entries[EXCEPTION_COUNT];

/* Returns to what was interrupted, in exceptions.asm: for interrupts that mean nothing. */
void interrupt_ignore(void);

/* Whom an exception that nobody waits for calls, to tell of it; `undelivered` is the exception that
 * kept it from whoever waited for it, or NULL. What the handler runs into is caught inside
 * exception_try_in_report. NULL, and as long as nobody is registered: the bare facts go to the serial
 * port. */
void exceptions_on_report(void (*handler)(const struct exception_frame *frame,
                                          const struct exception_frame *undelivered));

/* Called by exceptions.asm. An exception that nobody waits for is reported and ends the kernel, even
 * if the report itself runs into exceptions: then parts of it are missing, or it is the bare facts,
 * on the serial port alone. */
void exception_dispatch(struct exception_frame *frame);

/* Asks `handler` about each NMI before all else. It returns true for one that was meant for it:
 * then what the NMI interrupted goes on. Runs on the NMI stack. */
void exceptions_on_nmi(bool (*handler)(const struct exception_frame *frame));

enum { CAUGHT_PANIC_BYTES = 160 };

struct caught_exception {
    bool caught;       /* by an exception, or by a panic */
    bool panicked;
    virt_addr address; /* CR2 of a page fault */
    struct exception_frame frame; /* of a panic: zeros but for the vector, EXCEPTION_COUNT */
    const char *panic_file; /* where the panic was; NULL for an exception */
    int panic_line;
    char panic_text[CAUGHT_PANIC_BYTES]; /* perhaps cut off; "" for an exception */
};

/* Calls function(argument). An exception or a panic in it ends the call and is returned. Calls
 * nest. What the function had begun stays as it is. */
struct caught_exception exception_try(void (*function)(void *argument), void *argument);

/* As exception_try, but also where an exception is being reported: the end of a kernel runs what it
 * still has to say in this, part by part. */
struct caught_exception exception_try_in_report(void (*function)(void *argument), void *argument);

/* If a call of exception_try has not returned, ends it by a panic with this text, at that
 * place; else returns. */
void exception_try_panic(const char *text, const char *file, int line);

/* The innermost call of exception_try that has not returned, or NULL. */
struct pending_try *exception_try_innermost(void);

/* Forgets the calls of exception_try inside `outer`, or all if that is NULL: they were left by a jump
 * and will not return. */
void exception_try_forget(struct pending_try *outer);

/* In exceptions.asm: calls function(argument) after storing the stack pointer that
 * exception_try_leave takes. Returns false, or true when left by exception_try_leave. */
bool exception_try_enter(void (*function)(void *), void *argument, uint64_t *stack_pointer);
_Noreturn void exception_try_leave(uint64_t stack_pointer);
