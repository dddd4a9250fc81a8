/* The CPU's MMU against the model of the manual, over combinations of everything that it looks at.
 *
 * The suite `sample` is for each day. The suite `family` is the full run: each test is a family of
 * combinations, of which the word part=I/N of the command line takes the Ith of N parts. The suite
 * `one` repeats the combination that the command line gives. */
#include "kernel/test_mode/print.h"
#include "tests/kernel/conformance/family.h"
#include "tests/kernel/conformance/sample.h"

enum {
    RANDOM_COMBINATIONS = 500000,
    FEW_COMBINATIONS = 20000,
    LONG_MS = 600000,
};

static const struct kernel *kernel_of(const struct test *test)
{
    return test->subject;
}

static void leave(struct test *test, void *argument)
{
    (void)test;
    (void)argument;
    stage_leave();
}

static void enter(struct test *test)
{
    stage_enter(test->subject);
    deviations_reset();
    test_defer(test, leave, NULL);
}

/* For whoever reads the log: the runner reads it, too. */
static void say_tally(const struct test *test, const struct tally *tally)
{
    test_print(test, "# combinations %lu allowed %lu failed %lu\n", tally->combinations,
               tally->allowed, tally->failures);
    for (unsigned i = 0; i < deviation_count; i++) {
        if (deviation_counts[i].deviated != 0 || deviation_counts[i].conformed != 0) {
            test_print(test, "# deviation %s: %lu times; by the manual after all: %lu times\n",
                       deviations[i].name, deviation_counts[i].deviated,
                       deviation_counts[i].conformed);
        }
    }
}

/* The part of the candidates that the command line asks for. */
static void run_candidates(struct test *test, struct tally *tally, enum family_name name,
                           enum combination_target target)
{
    const struct combination_machine *machine = stage_machine();
    const struct command_line *options = &kernel_of(test)->options;
    uint64_t candidates = family_candidates(machine, name, target);
    uint64_t first = candidates * (options->part - 1) / options->part_count;
    uint64_t end = candidates * options->part / options->part_count;

    if (first < end) {
        uint64_t word = family_word(machine, name, target, first);

        for (uint64_t i = first; i < end; i++) {
            if (family_owns(machine, name, word)) {
                judge_combination(test, tally, word);
            }
            word = family_next(machine, name, word);
        }
    }
}

static void run_family(struct test *test, enum family_name name)
{
    struct tally tally = {0};

    enter(test);
    for (enum combination_target target = TARGET_4K; target <= TARGET_NOT_CANONICAL; target++) {
        run_candidates(test, &tally, name, target);
    }
    say_tally(test, &tally);
    CHECK_NOT_EQUAL(tally.combinations, 0);
}

TEST(family, rights_and_accessed_flags_of_four_levels, .timeout_ms = LONG_MS)
{
    run_family(test, FAMILY_RIGHTS_AND_ACCESSED);
}

TEST(family, rights_of_five_levels, .timeout_ms = LONG_MS, .requires = REQUIRES_LA57)
{
    run_family(test, FAMILY_RIGHTS_OF_FIVE);
}

TEST(family, accessed_flags_of_five_levels, .timeout_ms = LONG_MS, .requires = REQUIRES_LA57)
{
    run_family(test, FAMILY_ACCESSED_OF_FIVE);
}

TEST(family, present_and_reserved_bits_of_every_level, .timeout_ms = LONG_MS)
{
    run_family(test, FAMILY_PRESENT_AND_RESERVED);
}

TEST(family, protection_keys, .timeout_ms = LONG_MS)
{
    run_family(test, FAMILY_KEYS);
}

TEST(family, every_flag_of_the_leaf, .timeout_ms = LONG_MS)
{
    run_family(test, FAMILY_LEAF);
}

TEST(family, every_other_bit_of_every_entry, .timeout_ms = LONG_MS)
{
    run_family(test, FAMILY_EXTRA_BITS);
}

TEST(family, addresses_that_are_not_canonical, .timeout_ms = LONG_MS)
{
    run_family(test, FAMILY_NOT_CANONICAL);
}

TEST(sample, every_flag_with_every_other_agrees_with_the_manual, .timeout_ms = LONG_MS)
{
    static struct pair_coverage coverage;
    struct tally tally = {0};

    enter(test);
    sample_pairs(test, &tally, &coverage);
    say_tally(test, &tally);
    sample_check_coverage(test, &coverage);
}

TEST(sample, random_combinations_agree_with_the_manual, .timeout_ms = LONG_MS, .tags = "random")
{
    struct random random = test_random(test, 0);
    struct tally tally = {0};

    enter(test);
    sample_random(test, &tally, &random, RANDOM_COMBINATIONS);
    say_tally(test, &tally);
}

TEST(sample, each_deviation_that_this_machine_is_known_for_is_still_there, .tags = "random")
{
    struct random random = test_random(test, 1);
    struct tally tally = {0};

    enter(test);
    sample_random(test, &tally, &random, FEW_COMBINATIONS);
    say_tally(test, &tally);
    for (unsigned i = 0; i < deviation_count; i++) {
        if (deviation_is_of_this_machine(&deviations[i])) {
            test_print(test, "# deviation %s, seen in %s, from: %s\n", deviations[i].name,
                       deviations[i].seen_in, deviations[i].rule);
            CHECK_NOT_EQUAL(deviation_counts[i].deviated, 0);
            CHECK_EQUAL(deviation_counts[i].conformed, 0);
        }
    }
}

TEST(one, combination_of_the_command_line_agrees_with_the_manual)
{
    const struct command_line *options = &kernel_of(test)->options;
    struct tally tally = {0};

    REQUIRE(options->has_combination);
    enter(test);
    REQUIRE(combination_is_possible(stage_machine(), options->combination));
    judge_combination(test, &tally, options->combination);
    say_tally(test, &tally);
}
