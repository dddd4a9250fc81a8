#include "tests/kernel/single_step.h"

#include "kernel/traps/descriptors.h"

#include <stddef.h>

enum { VECTOR_DEBUG = 1 };

/* DR6 with no condition noted in it. */
#define DR6_CLEAR UINT64_C(0xffff0ff0)

static struct {
    void (*after_each)(void *context); /* or NULL */
    void *context;
    uint64_t count;
} steps;

static void step(void)
{
    steps.count++;
    if (steps.after_each != NULL) {
        steps.after_each(steps.context);
    }
}

/* The entry for the exception that follows each instruction: returns to the next one. The CPU has
 * pushed 5 words onto an aligned stack, and with these 9 it is aligned again. */
__attribute__((naked)) static void step_entry(void)
{
    __asm__ volatile("push %%rax; push %%rcx; push %%rdx; push %%rsi; push %%rdi\n\t"
                     "push %%r8; push %%r9; push %%r10; push %%r11\n\t"
                     "cld\n\t"
                     "call %P0\n\t"
                     "pop %%r11; pop %%r10; pop %%r9; pop %%r8\n\t"
                     "pop %%rdi; pop %%rsi; pop %%rdx; pop %%rcx; pop %%rax\n\t"
                     "iretq"
                     :
                     : "i"(step));
}

uint64_t single_step(void (*function)(void *argument), void *argument,
                     void (*after_each)(void *context), void *context)
{
    steps.after_each = after_each;
    steps.context = context;
    steps.count = 0;
    descriptors_set_gate(VECTOR_DEBUG, (uint64_t)step_entry, 0);
    __asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq" : : : "cc", "memory");
    function(argument);
    __asm__ volatile("pushfq; andq $~0x100, (%%rsp); popfq" : : : "cc", "memory");
    descriptors_reset_gate(VECTOR_DEBUG);
    __asm__ volatile("mov %0, %%dr6" : : "r"(DR6_CLEAR));
    return steps.count;
}
