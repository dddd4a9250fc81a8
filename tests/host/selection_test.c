/* Which tests run, and in which order: what needs no run. */
#include "testing/selection.h"

#include <string.h>

TEST(glob, matches_as_a_shell_does)
{
    static const struct {
        const char *glob;
        const char *text;
        bool matches;
    } cases[] = {
        {"*", "", true},
        {"*", "map_to.refuses", true},
        {"", "", true},
        {"", "a", false},
        {"map_to.*", "map_to.refuses", true},
        {"map_to.*", "unmap_to.refuses", false},
        {"*refuses", "map_to.refuses", true},
        {"*refuses", "map_to.refuses_it", false},
        {"m?p", "map", true},
        {"m?p", "mp", false},
        {"*a*b*c*", "xxaxxbxxcxx", true},
        {"*a*b*c*", "xxaxxcxxbxx", false},
        {"*ab", "aab", true},
        {"a", "ab", false},
        {"ab", "a", false},
        {"**", "x", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_EQUAL(test_glob_matches(cases[i].glob, cases[i].text), cases[i].matches);
    }
}

TEST(order, is_each_test_once_whatever_the_seed)
{
    bool seen[300];

    for (uint64_t count = 1; count <= 300; count += count < 20 ? 1 : 35) {
        for (uint64_t seed = 0; seed < 10; seed++) {
            memset(seen, 0, sizeof seen);
            for (uint64_t index = 0; index < count; index++) {
                uint64_t place = test_shuffled_index(seed, count, index);
                REQUIRE_LESS(place, count);
                REQUIRE(!seen[place]);
                seen[place] = true;
            }
        }
    }
}

TEST(order, can_be_any_of_the_six_of_three_tests)
{
    unsigned found = 0;

    for (uint64_t seed = 0; seed < 1000; seed++) {
        found |= 1u << (test_shuffled_index(seed, 3, 0) * 3 + test_shuffled_index(seed, 3, 1));
    }
    CHECK_EQUAL(found, 1u << 1 | 1u << 2 | 1u << 3 | 1u << 5 | 1u << 6 | 1u << 7);
}
