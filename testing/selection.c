#include "testing/selection.h"

#include "testing/random.h"

enum { NAME_BYTES = TEST_NAME_BYTES_MAX + 1 };

bool test_glob_matches(const char *glob, const char *text)
{
    const char *star = NULL; /* the last star met, and what of the text it leaves */
    const char *rest = NULL;

    while (*text != '\0') {
        if (*glob == '*') {
            star = glob++;
            rest = text;
        } else if (*glob == '?' || *glob == *text) {
            glob++;
            text++;
        } else if (star != NULL) {
            glob = star + 1;
            text = ++rest;
        } else {
            return false;
        }
    }
    while (*glob == '*') {
        glob++;
    }
    return *glob == '\0';
}

bool test_has_tag(const struct test_case *test_case, const char *tag)
{
    const char *words = test_case->tags;

    while (words != NULL && *words != '\0') {
        size_t length = 0;

        while (tag[length] != '\0' && words[length] == tag[length]) {
            length++;
        }
        if (tag[length] == '\0' && (words[length] == '\0' || words[length] == ' ')) {
            return true;
        }
        while (*words != '\0' && *words != ' ') {
            words++;
        }
        words += *words == ' ' ? 1 : 0;
    }
    return false;
}

bool test_is_selected(const struct test_run *run, const struct test_case *test_case)
{
    char name[NAME_BYTES];
    size_t length = 0;

    for (const char *from = test_case->suite; *from != '\0' && length + 2 < NAME_BYTES; from++) {
        name[length++] = *from;
    }
    name[length++] = '.';
    for (const char *from = test_case->sentence; *from != '\0' && length + 1 < NAME_BYTES; from++) {
        name[length++] = *from;
    }
    name[length] = '\0';
    return test_glob_matches(run->glob, name) &&
           (run->tag == NULL || test_has_tag(test_case, run->tag)) &&
           (run->without_tag == NULL || !test_has_tag(test_case, run->without_tag));
}

/* A Feistel network is a permutation whatever its rounds compute, so no order is stored and any
 * number of tests will do. Its domain is the least 4^n that holds `count`; what falls outside goes
 * through it again, until it comes in, as it must: its cycle began inside. */
uint64_t test_shuffled_index(uint64_t seed, uint64_t count, uint64_t index)
{
    enum { ROUNDS = 6 };
    unsigned half_bits = 0;

    while (half_bits < 31 && UINT64_C(1) << 2 * half_bits < count) {
        half_bits++;
    }
    uint64_t mask = (UINT64_C(1) << half_bits) - 1;
    do {
        uint64_t left = index >> half_bits;
        uint64_t right = index & mask;
        for (uint64_t round = 1; round <= ROUNDS; round++) {
            uint64_t next = left ^ (random_mix(random_mix(seed + round) + right) & mask);
            left = right;
            right = next;
        }
        index = left << half_bits | right;
    } while (index >= count);
    return index;
}

const struct test_case *test_selected_case(const struct test_run *run, size_t index)
{
    const struct test_case *test_case =
        &run->cases[run->shuffled ? test_shuffled_index(run->seed, run->case_count, index) : index];

    return test_is_selected(run, test_case) ? test_case : NULL;
}
