/* The words that the kernel is started with. */
#include "kernel/state/command_line.h"

#include "testing/test.h"

#include <string.h>

TEST(command_line, has_defaults)
{
    struct command_line options = command_line_parse("");

    CHECK_TEXT_EQUAL(options.test_glob, "*");
    CHECK_TEXT_EQUAL(options.test_tag, "");
    CHECK_EQUAL(options.paging_levels, 4);
    CHECK_EQUAL(options.seed, 1);
    CHECK(!options.has_seed);
    CHECK(!options.list && !options.once && !options.recursive);
    CHECK(!options.without_physical_memory);
    CHECK_EQUAL(options.provoke, PROVOKE_NOTHING);
    CHECK_EQUAL(options.part, 1);
    CHECK_EQUAL(options.part_count, 1);
    CHECK(!options.has_combination);
    CHECK_TEXT_EQUAL(options.unknown_word, "");
}

TEST(command_line, reads_every_word)
{
    struct command_line options = command_line_parse(
        "  test=map_to.*\ttag=slow list once recursive seed=0xFFffffffffffffff paging=5 provoke=overflow\n");

    CHECK_TEXT_EQUAL(options.test_glob, "map_to.*");
    CHECK_TEXT_EQUAL(options.test_tag, "slow");
    CHECK_EQUAL(options.paging_levels, 5);
    CHECK_EQUAL(options.seed, UINT64_MAX);
    CHECK(options.has_seed);
    CHECK(options.list && options.once && options.recursive);
    CHECK_EQUAL(options.provoke, PROVOKE_OVERFLOW);
    CHECK_TEXT_EQUAL(options.unknown_word, "");
}

TEST(command_line, reads_what_the_conformance_image_is_asked)
{
    struct command_line options = command_line_parse("part=3/17 combination=0x8000000000000001");

    CHECK_EQUAL(options.part, 3);
    CHECK_EQUAL(options.part_count, 17);
    CHECK(options.has_combination);
    CHECK_EQUAL(options.combination, UINT64_C(0x8000000000000001));
    CHECK_TEXT_EQUAL(options.unknown_word, "");
}

TEST(command_line, lets_the_last_of_two_words_win)
{
    CHECK_EQUAL(command_line_parse("paging=5 paging=4").paging_levels, 4);
    CHECK_EQUAL(command_line_parse("seed=5 seed=12").seed, 12);
    CHECK(!command_line_parse("physical=off physical=on").without_physical_memory);
    CHECK(command_line_parse("physical=on physical=off").without_physical_memory);
}

TEST(command_line, names_the_first_word_that_means_nothing)
{
    static const char *const words[] = {
        "tset=x",    "paging=6",  "paging=",   "seed=",   "seed=12x",     "seed=0x",
        "test=",     "lists",     "onc",       "provoke=", "provoke=fire", "seed=18446744073709551616",
        "=",         "paging=44", "tag=",      "physical=", "physical=no",
        "part=",     "part=1",    "part=0/1",  "part=2/1", "part=/2",      "part=1/",
        "part=1/2/", "part=x/2",  "combination=", "combination=y",
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct command_line options = command_line_parse(words[i]);
        CHECK_TEXT_EQUAL(options.unknown_word, words[i]);
    }
    CHECK_TEXT_EQUAL(command_line_parse("once first second").unknown_word, "first");
}

TEST(command_line, gives_up_its_keys)
{
    char text[] = "key=5 test=a\tkey=0xFedcba9876543210  once key=0 key=x key= monkey=7";

    CHECK_EQUAL(command_line_take_key(text), UINT64_C(0xfedcba9876543210));
    CHECK_TEXT_EQUAL(text, "      test=a\t                        once key=0 key=x key= monkey=7");
    CHECK_EQUAL(command_line_take_key(text), 0);
    CHECK_TEXT_EQUAL(command_line_parse(text).unknown_word, "key=0");
}

TEST(command_line, cuts_off_words_that_are_too_long)
{
    static char word[1000];
    struct command_line options;

    memset(word, 'w', sizeof word - 1);
    options = command_line_parse(word);
    CHECK_EQUAL(strlen(options.unknown_word), UNKNOWN_WORD_BYTES - 1);
    memcpy(word, "test=", 5);
    options = command_line_parse(word);
    CHECK_EQUAL(strlen(options.test_glob), TEST_GLOB_BYTES - 1);
    CHECK(strncmp(options.unknown_word, "test=www", 8) == 0);
    memcpy(word, "tag=w", 5);
    options = command_line_parse(word);
    CHECK_EQUAL(strlen(options.test_tag), TEST_TAG_BYTES - 1);
    CHECK(strncmp(options.unknown_word, "tag=www", 7) == 0);
}
