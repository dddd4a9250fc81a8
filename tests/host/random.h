/* Numbers for tests that choose at random: the same ones for the same seed. */
#pragma once

#include "testing/test.h"

#include <stddef.h>
#include <stdint.h>

/* A generator of random numbers; or of what bytes say, one for each number. */
struct random {
    uint64_t state;       /* not 0 */
    const uint8_t *bytes; /* or NULL; what comes behind them counts as 0 */
    size_t byte_count;
};

/* A generator from the seed of the test's run. Different streams have nothing in common. */
struct random random_of(const struct test *test, uint64_t stream);

/* Any 64 bits: xorshift64*, or the bits of a byte spread out. */
uint64_t random_next(struct random *random);

/* 0..count-1. */
unsigned random_below(struct random *random, unsigned count);
