/* The words that stand for combinations, and the families that they are in. */
#include "tests/kernel/conformance/family.h"

#include "testing/test.h"

static const struct combination_machine four = {4, 40, true, CONTROL_ALL};
static const struct combination_machine five = {5, 40, true, CONTROL_ALL};
static const struct combination_machine poor = {4, 36, false, CONTROL_WP};

TEST(combination, makes_entries_of_its_flags)
{
    uint64_t word = combination_open_path(&four, TARGET_4K);

    CHECK_EQUAL(combination_entry(word, 1, 0x5000), 0x5007);
    CHECK_EQUAL(combination_entry(word, 4, 0x6000), 0x6007);
    word = LEAF_P | LEAF_NX | LEAF_A | LEAF_R | LEAF_D | LEAF_G | LEAF_PAT | COMBINATION_KEY;
    CHECK_EQUAL(combination_entry(word, 1, 0x5000), UINT64_C(0xf8080000000051e1));
    word |= (uint64_t)TARGET_2M << COMBINATION_TARGET_SHIFT;
    CHECK_EQUAL(combination_entry(word, 2, 0x400000), UINT64_C(0xf8080000004011e1));
    word = ABOVE_W(4) | ABOVE_U(3) | ABOVE_NX(4) | ABOVE_A(2) | ABOVE_R(3) | ABOVE_PS(4) | ABOVE_P(5);
    CHECK_EQUAL(combination_entry(word, 5, 0), 0x1);
    CHECK_EQUAL(combination_entry(word, 4, 0), UINT64_C(0x8000000000000082));
    CHECK_EQUAL(combination_entry(word, 3, 0), UINT64_C(0x0008000000000004));
    CHECK_EQUAL(combination_entry(word, 2, 0), 0x20);
    word = UINT64_C(3) << EXTRA_LEVEL_SHIFT | UINT64_C(58) << EXTRA_BIT_SHIFT;
    CHECK_EQUAL(combination_entry(word, 3, 0), UINT64_C(1) << 58);
    CHECK_EQUAL(combination_entry(word, 2, 0), 0);
}

TEST(combination, gives_the_leafs_key_rights_that_no_other_key_has)
{
    uint64_t word = UINT64_C(5) << COMBINATION_KEY_SHIFT | COMBINATION_KEY_AD;

    CHECK_EQUAL(combination_pkru(word), 0xaaaaa6aa);
    CHECK_EQUAL(combination_pkrs(word), 0x55555954);
    CHECK_EQUAL(combination_pkru(0), 0xfffffffc);
    CHECK_EQUAL(combination_pkrs(0), 0);
}

TEST(combination, has_one_bit_for_each_flag_and_no_bit_twice)
{
    uint64_t all = COMBINATION_KIND | COMBINATION_KEY | COMBINATION_TARGET | EXTRA_ALL |
                   ABOVE_PS(2) | ABOVE_PS(3);

    for (size_t i = 0; i < combination_flag_count; i++) {
        CHECK_EQUAL(all & combination_flags[i].bit, 0);
        CHECK_EQUAL(combination_flags[i].bit & (combination_flags[i].bit - 1), 0);
        all |= combination_flags[i].bit;
    }
    CHECK_EQUAL(all, UINT64_MAX);
}

TEST(combination, is_impossible_where_the_machine_has_no_such_state)
{
    uint64_t open = combination_open_path(&four, TARGET_4K);
    uint64_t open_2m = combination_open_path(&four, TARGET_2M);
    static const unsigned wrong_extras[][2] = {
        {1, 0}, {1, 7}, {1, 8}, {1, 12}, {1, 39}, {1, 51}, {1, 59}, {1, 63}, {2, 1}, {2, 7}, {5, 3},
        {6, 3}, {0, 3},
    };
    static const unsigned right_extras[][2] = {{1, 3}, {1, 40}, {1, 50}, {1, 58}, {2, 6}, {4, 62}};

    CHECK(combination_is_possible(&four, open));
    CHECK(combination_is_possible(&four, open_2m));
    CHECK(!combination_is_possible(&four, open_2m | ABOVE_P(2)));
    CHECK(!combination_is_possible(&four, open | ABOVE_P(5)));
    CHECK(combination_is_possible(&five, open | ABOVE_P(5)));
    CHECK(!combination_is_possible(&four, open | ABOVE_PS(3)));
    CHECK(!combination_is_possible(&poor, open | CONTROL_NXE));
    CHECK(combination_is_possible(&poor, open | CONTROL_WP));
    CHECK(!combination_is_possible(&four, open | COMBINATION_KEY_AD));
    CHECK(combination_is_possible(&four, open | COMBINATION_KEY_AD | CONTROL_PKE));
    CHECK(!combination_is_possible(&four, open | COMBINATION_KEY_AD | CONTROL_PKS));
    CHECK(combination_is_possible(&four, open | COMBINATION_KEY | COMBINATION_KEY_AD | CONTROL_PKS));
    for (size_t i = 0; i < sizeof wrong_extras / sizeof wrong_extras[0]; i++) {
        CHECK(!combination_is_possible(
            &four, open | (uint64_t)wrong_extras[i][0] << EXTRA_LEVEL_SHIFT |
                       (uint64_t)wrong_extras[i][1] << EXTRA_BIT_SHIFT));
    }
    for (size_t i = 0; i < sizeof right_extras / sizeof right_extras[0]; i++) {
        CHECK(combination_is_possible(
            &four, open | (uint64_t)right_extras[i][0] << EXTRA_LEVEL_SHIFT |
                       (uint64_t)right_extras[i][1] << EXTRA_BIT_SHIFT));
    }
}

/* By hand: 4 bits of access, 4 of registers, and the flags of the entries. */
TEST(family, has_as_many_candidates_as_its_flags_make)
{
    static const struct {
        const struct combination_machine *machine;
        enum family_name name;
        enum combination_target target;
        uint64_t count;
    } cases[] = {
        {&four, FAMILY_RIGHTS_AND_ACCESSED, TARGET_4K, UINT64_C(1) << (8 + 4 * 4 + 1)},
        {&four, FAMILY_RIGHTS_AND_ACCESSED, TARGET_2M, UINT64_C(1) << (8 + 3 * 4 + 1)},
        {&four, FAMILY_RIGHTS_AND_ACCESSED, TARGET_1G, UINT64_C(1) << (8 + 2 * 4 + 1)},
        {&four, FAMILY_RIGHTS_AND_ACCESSED, TARGET_NOT_CANONICAL, 0},
        {&five, FAMILY_RIGHTS_AND_ACCESSED, TARGET_4K, 0},
        {&four, FAMILY_RIGHTS_OF_FIVE, TARGET_4K, 0},
        {&five, FAMILY_RIGHTS_OF_FIVE, TARGET_4K, UINT64_C(1) << (8 + 5 * 3)},
        {&five, FAMILY_ACCESSED_OF_FIVE, TARGET_1G, UINT64_C(1) << (8 + 3 + 1 + 2)},
        {&four, FAMILY_PRESENT_AND_RESERVED, TARGET_4K, UINT64_C(1) << (8 + 4 * 2 + 1 + 1)},
        {&five, FAMILY_PRESENT_AND_RESERVED, TARGET_4K, UINT64_C(1) << (8 + 5 * 2 + 2 + 1)},
        {&four, FAMILY_KEYS, TARGET_1G, UINT64_C(1) << (4 + 8 + 2 + 3 + 2 + 1)},
        {&four, FAMILY_LEAF, TARGET_2M, UINT64_C(1) << (8 + 9)},
        {&four, FAMILY_NOT_CANONICAL, TARGET_NOT_CANONICAL, UINT64_C(1) << (8 + 4 + 3)},
        {&poor, FAMILY_LEAF, TARGET_4K, UINT64_C(1) << (4 + 1 + 9)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_EQUAL(family_candidates(cases[i].machine, cases[i].name, cases[i].target),
                    cases[i].count);
    }
}

TEST(family, goes_through_its_candidates_in_the_order_of_their_numbers)
{
    for (enum family_name name = 0; name < FAMILY_COUNT; name++) {
        for (enum combination_target target = TARGET_4K; target <= TARGET_NOT_CANONICAL; target++) {
            uint64_t count = family_candidates(&five, name, target);
            uint64_t from = count > 5000 ? count - 5000 : 0;
            uint64_t word = count == 0 ? 0 : family_word(&five, name, target, from);

            for (uint64_t i = from; i < count; i++) {
                REQUIRE_EQUAL(word, family_word(&five, name, target, i));
                REQUIRE_EQUAL(combination_target(word), target);
                word = family_next(&five, name, word);
            }
        }
    }
}

static unsigned owners_of(const struct combination_machine *machine, uint64_t word)
{
    unsigned owners = 0;

    for (enum family_name name = 0; name < FAMILY_COUNT; name++) {
        owners += family_owns(machine, name, word);
    }
    return owners;
}

TEST(family, shares_no_combination_with_another)
{
    static const struct combination_machine *const machines[] = {&four, &five, &poor};

    for (size_t m = 0; m < sizeof machines / sizeof machines[0]; m++) {
        for (enum family_name name = 0; name < FAMILY_COUNT; name++) {
            for (enum combination_target target = TARGET_4K; target <= TARGET_NOT_CANONICAL;
                 target++) {
                uint64_t count = family_candidates(machines[m], name, target);

                /* An odd step meets all kinds of words. */
                for (uint64_t i = 0; i < count; i += count / 3000 * 2 + 1) {
                    uint64_t word = family_word(machines[m], name, target, i);
                    bool possible = combination_is_possible(machines[m], word);

                    REQUIRE_EQUAL(owners_of(machines[m], word), possible ? 1 : 0);
                }
            }
        }
    }
}
