#include "tests/host/random.h"

#include "testing/run.h"

/* What seeds differ by: odd and without a pattern, so that its multiples are far apart. */
#define GOLDEN_RATIO UINT64_C(0x9e3779b97f4a7c15)

struct random random_of(const struct test *test, uint64_t stream)
{
    return (struct random){.state = (test->run->seed + stream * 1000003) * GOLDEN_RATIO | 1};
}

uint64_t random_next(struct random *random)
{
    if (random->bytes != NULL) {
        uint64_t byte = random->byte_count > 0 ? *random->bytes : 0;

        random->bytes += random->byte_count > 0 ? 1 : 0;
        random->byte_count -= random->byte_count > 0 ? 1 : 0;
        return byte * GOLDEN_RATIO;
    }
    random->state ^= random->state >> 12;
    random->state ^= random->state << 25;
    random->state ^= random->state >> 27;
    return random->state * UINT64_C(0x2545f4914f6cdd1d);
}

unsigned random_below(struct random *random, unsigned count)
{
    return (unsigned)((random_next(random) >> 32) % count);
}
