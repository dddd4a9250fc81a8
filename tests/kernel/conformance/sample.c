#include "tests/kernel/conformance/sample.h"

/* A random word is an open path with about one flag in eight changed. The control registers are
 * changed less often than the rest, since that takes the CPU long. */
enum { WORDS_PER_CONTROLS = 64 };

static void note_coverage(struct pair_coverage *coverage, uint64_t word)
{
    for (size_t i = 0; i < combination_flag_count; i++) {
        if ((word & combination_flags[i].bit) != 0) {
            coverage->with_one[i] |= word;
            coverage->without_one[i] |= ~word;
        } else {
            coverage->with_zero[i] |= word;
            coverage->without_zero[i] |= ~word;
        }
    }
}

static void try_word(struct test *test, struct tally *tally, struct pair_coverage *coverage,
                     uint64_t word)
{
    if (combination_is_possible(stage_machine(), word)) {
        note_coverage(coverage, word);
        judge_combination(test, tally, word);
    }
}

/* All words that differ from `base` in one or two flags outside the control registers. */
static void try_neighbours(struct test *test, struct tally *tally, struct pair_coverage *coverage,
                           uint64_t base)
{
    for (size_t i = 0; i < combination_flag_count; i++) {
        uint64_t first = combination_flags[i].bit;

        /* With j == i: the first flag alone. */
        for (size_t j = i; j < combination_flag_count; j++) {
            uint64_t second = combination_flags[j].bit;

            if (((first | second) & CONTROL_ALL) == 0) {
                for (uint64_t kind = 0; kind <= COMBINATION_KIND; kind++) {
                    try_word(test, tally, coverage, (base ^ (first | second)) | kind);
                }
            }
        }
    }
}

void sample_pairs(struct test *test, struct tally *tally, struct pair_coverage *coverage)
{
    const struct combination_machine *machine = stage_machine();
    uint64_t controls = 0;

    do {
        for (enum combination_target target = TARGET_4K; target <= TARGET_1G; target++) {
            uint64_t open = combination_open_path(machine, target) | controls;

            /* Key 1, as key 0 has no rights to lose in PKRS; user-mode and supervisor pages. */
            open |= UINT64_C(1) << COMBINATION_KEY_SHIFT;
            try_neighbours(test, tally, coverage, open);
            try_neighbours(test, tally, coverage, open & ~LEAF_U);
        }
        /* The next subset of the controls that the machine has. */
        controls = (controls - machine->controls) & machine->controls;
    } while (controls != 0);
}

static uint64_t random_word(struct random *random, uint64_t controls)
{
    const struct combination_machine *machine = stage_machine();
    uint64_t bits = random_next(random);
    uint64_t changed = random_next(random) & random_next(random) & random_next(random);
    enum combination_target target =
        (enum combination_target)(bits >> COMBINATION_TARGET_SHIFT & 3);
    /* Access, key and target: any; one entry in four has an extra bit. */
    uint64_t even = COMBINATION_KIND | COMBINATION_USER | COMBINATION_AC | COMBINATION_KEY |
                    COMBINATION_KEY_AD | COMBINATION_KEY_WD | COMBINATION_TARGET;

    even |= bits >> 62 == 0 ? EXTRA_ALL : 0;
    return ((combination_open_path(machine, target) ^
             (changed & ~(EXTRA_ALL | CONTROL_ALL) & combination_possible_bits(machine, target))) &
            ~even) |
           (random_next(random) & even & ~COMBINATION_TARGET) | (bits & COMBINATION_TARGET) |
           controls;
}

void sample_random(struct test *test, struct tally *tally, struct random *random, uint64_t count)
{
    uint64_t end = tally->combinations + count;
    uint64_t controls = 0;

    for (uint64_t i = 0; tally->combinations < end; i++) {
        if (i % WORDS_PER_CONTROLS == 0) {
            controls = random_next(random) & stage_machine()->controls;
        }
        uint64_t word = random_word(random, controls);

        if (combination_is_possible(stage_machine(), word)) {
            judge_combination(test, tally, word);
        }
    }
}

/* False for AD and WD of a key where the only register of keys is off. */
static bool can_meet(uint64_t one, uint64_t zero)
{
    uint64_t registers = stage_machine()->controls & (CONTROL_PKE | CONTROL_PKS);
    uint64_t rights = COMBINATION_KEY_AD | COMBINATION_KEY_WD;

    return (one & rights) == 0 || (registers & ~zero) != 0;
}

static void check_met(struct test *test, bool met, const struct combination_flag *first, bool one,
                      const struct combination_flag *second, bool second_one)
{
    if (!met) {
        test->failed = true;
        output_text(test->output, "# not in the sample: ");
        output_text(test->output, first->name);
        output_text(test->output, one ? "=1 with " : "=0 with ");
        output_text(test->output, second->name);
        output_text(test->output, second_one ? "=1\n" : "=0\n");
    }
}

void sample_check_coverage(struct test *test, const struct pair_coverage *coverage)
{
    uint64_t possible = combination_possible_bits(stage_machine(), TARGET_4K);

    for (size_t i = 0; i < combination_flag_count; i++) {
        const struct combination_flag *first = &combination_flags[i];

        for (size_t j = 0; j < combination_flag_count; j++) {
            const struct combination_flag *second = &combination_flags[j];

            if (i == j || (possible & first->bit) == 0 || (possible & second->bit) == 0 ||
                !can_meet(first->bit | second->bit, 0)) {
                continue;
            }
            check_met(test, (coverage->with_one[i] & second->bit) != 0, first, true, second, true);
            check_met(test,
                      !can_meet(first->bit, second->bit) ||
                          (coverage->without_one[i] & second->bit) != 0,
                      first, true, second, false);
            check_met(test,
                      !can_meet(second->bit, first->bit) ||
                          (coverage->with_zero[i] & second->bit) != 0,
                      first, false, second, true);
            check_met(test, (coverage->without_zero[i] & second->bit) != 0, first, false, second,
                      false);
        }
    }
}
