#include "testing/random.h"

/* Odd and without a pattern, so that its multiples are far apart. */
#define GOLDEN_RATIO UINT64_C(0x9e3779b97f4a7c15)

/* The finalizer of splitmix64. */
uint64_t random_mix(uint64_t value)
{
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

struct random random_of(uint64_t seed, uint64_t stream)
{
    return (struct random){.state = random_mix(random_mix(seed + GOLDEN_RATIO) + stream)};
}

/* splitmix64: a counter, mixed. */
uint64_t random_next(struct random *random)
{
    if (random->bytes != NULL) {
        uint64_t byte = random->byte_count > 0 ? *random->bytes : 0;

        random->bytes += random->byte_count > 0 ? 1 : 0;
        random->byte_count -= random->byte_count > 0 ? 1 : 0;
        return byte * GOLDEN_RATIO;
    }
    random->state += GOLDEN_RATIO;
    return random_mix(random->state);
}

unsigned random_below(struct random *random, unsigned count)
{
    return (unsigned)((random_next(random) >> 32) % count);
}
