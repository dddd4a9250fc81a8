#include "tests/kernel/user_mode.h"

#include "kernel/cpu/registers.h"
#include "kernel/traps/descriptors.h"

enum { EXCEPTION_STACK_BYTES = 8192 };

static uint8_t exception_stack[EXCEPTION_STACK_BYTES] __attribute__((aligned(16)));

struct user_start {
    uint64_t code;
    uint64_t argument;
};

static void enter(void *context)
{
    const struct user_start *start = context;

    __asm__ volatile("push %[data]\n\t"
                     "push $0\n\t" /* RSP */
                     "push %[flags]\n\t"
                     "push %[code]\n\t"
                     "push %[rip]\n\t"
                     "iretq"
                     :
                     : [data] "i"(SELECTOR_USER_DATA), [flags] "i"(RFLAGS_ALWAYS),
                       [code] "i"(SELECTOR_USER_CODE), [rip] "r"(start->code), "D"(start->argument)
                     : "memory");
}

struct caught_exception user_mode_try(virt_addr code, uint64_t argument)
{
    struct user_start start = {code.value, argument};

    descriptors_set_user_exception_stack(
        virt_addr_of((uint64_t)&exception_stack[EXCEPTION_STACK_BYTES]));
    struct caught_exception caught = exception_try(enter, &start);
    descriptors_reload_data();
    descriptors_set_user_exception_stack(virt_addr_of(0));
    return caught;
}
