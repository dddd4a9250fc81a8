/* Numbers for tests that choose at random: the same ones for the same seed. A test takes its
 * generator from test_random, see testing/test.h. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A generator of random numbers; or of what bytes say, one for each number. */
struct random {
    uint64_t state;
    const uint8_t *bytes; /* or NULL; what comes behind them counts as 0 */
    size_t byte_count;
};

/* Every bit of the result depends on every bit of the value. No two values have the same result. */
uint64_t random_mix(uint64_t value);

/* A generator from a seed. All seeds are as good; other streams of a seed give other numbers. */
struct random random_of(uint64_t seed, uint64_t stream);

/* Any 64 bits, or the bits of a byte spread out. */
uint64_t random_next(struct random *random);

/* 0..count-1; count is not 0. */
unsigned random_below(struct random *random, unsigned count);
