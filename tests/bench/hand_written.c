#include "tests/bench/hand_written.h"

/* Both passes are unrolled, so that memory and not the loop sets the pace. */
void hand_store_pass(void *memory, size_t bytes, uint64_t value)
{
    volatile uint64_t *words = memory;

    for (size_t i = 0; i + 8 <= bytes / 8; i += 8) {
        words[i] = value;
        words[i + 1] = value;
        words[i + 2] = value;
        words[i + 3] = value;
        words[i + 4] = value;
        words[i + 5] = value;
        words[i + 6] = value;
        words[i + 7] = value;
    }
}

uint64_t hand_load_pass(const void *memory, size_t bytes)
{
    const volatile uint64_t *words = memory;
    uint64_t first = 0;
    uint64_t second = 0;
    uint64_t third = 0;
    uint64_t fourth = 0;

    for (size_t i = 0; i + 8 <= bytes / 8; i += 8) {
        first |= words[i];
        second |= words[i + 1];
        third |= words[i + 2];
        fourth |= words[i + 3];
        first |= words[i + 4];
        second |= words[i + 5];
        third |= words[i + 6];
        fourth |= words[i + 7];
    }
    return first | second | third | fourth;
}
