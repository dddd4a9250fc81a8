/* Interrupts of devices: the kernel takes none, and those that come by accident do no harm. */
#include "kernel/cpu/registers.h"
#include "kernel/traps/descriptors.h"
#include "testing/test.h"

enum { CYCLES = 200000000 }; /* longer than two ticks of a PC's timer, up to 2 GHz */

static void turn_interrupts_off(struct test *test, void *unused)
{
    (void)test, (void)unused;
    interrupts_off();
}

TEST(interrupts, of_devices_are_held_back_while_they_are_on)
{
    uint64_t start = __builtin_ia32_rdtsc();

    test_defer(test, turn_interrupts_off, NULL);
    interrupts_on();
    while (__builtin_ia32_rdtsc() - start < CYCLES) {
        __asm__ volatile("pause");
    }
    CHECK(interrupts_are_on());
}

/* As the controllers bring them in: the last vector of each. */
TEST(interrupts, that_are_spurious_return_to_what_they_interrupted)
{
    _Static_assert(VECTOR_PIC_FIRST + 7 == 0x27 && VECTOR_SPURIOUS == 0x2f, "as written below");
    uint64_t before = 0x5a5a;
    uint64_t after;

    __asm__ volatile("int $0x27\n\tint $0x2f\n\tmov %1, %0" : "=r"(after) : "r"(before));
    CHECK_EQUAL(after, before);
}
