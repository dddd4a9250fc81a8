/* What the monitor makes of a line: its words, what they were meant to be, what could follow. */
#include "kernel/line/completion.h"
#include "kernel/line/history.h"
#include "kernel/line/suggestion.h"
#include "kernel/line/words.h"

#include "testing/test.h"

#include <stdio.h>
#include <string.h>

TEST(words, are_what_stands_between_blanks)
{
    struct words words;

    CHECK(words_split(&words, "") && words.count == 0);
    CHECK(words_split(&words, " \t ") && words.count == 0);
    REQUIRE(words_split(&words, "  map\t0x1000   0xb8000 ") && words.count == 3);
    CHECK_TEXT_EQUAL(words.word[0], "map");
    CHECK_TEXT_EQUAL(words.word[1], "0x1000");
    CHECK_TEXT_EQUAL(words.word[2], "0xb8000");
}

TEST(words, that_do_not_fit_are_refused)
{
    struct words words;
    char line[WORDS_BYTES + 2];

    CHECK(words_split(&words, "1 2 3 4 5 6 7 8"));
    CHECK(!words_split(&words, "1 2 3 4 5 6 7 8 9"));
    memset(line, 'w', sizeof line);
    line[WORDS_BYTES - 1] = '\0';
    CHECK(words_split(&words, line));
    line[WORDS_BYTES - 1] = 'w';
    line[WORDS_BYTES] = '\0';
    CHECK(!words_split(&words, line));
}

/* A name may be longer than what is common to names usually. */
TEST(completion, of_a_long_word_begins_with_what_is_typed)
{
    static char word[2 * COMPLETION_BYTES];

    memset(word, 'f', sizeof word - 1);
    for (size_t typed = 60; typed < COMPLETION_BYTES; typed++) {
        struct completion completion = completion_of(word, typed);
        CHECK(completion_offer(&completion, word));
        CHECK_AT_LEAST(completion.common_length, typed);
        CHECK_EQUAL(strlen(completion.common), completion.common_length);
    }
}

static const char *nearest(const char *wanted)
{
    static const char *const known[] = {"walk",  "map",       "maps", "memmap",
                                        "unmap", "translate", "cpu"};
    struct suggestion suggestion = suggestion_for(wanted, strlen(wanted));

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        suggestion_offer(&suggestion, known[i]);
    }
    return suggestion.best;
}

TEST(suggestion, is_the_word_that_was_nearly_typed)
{
    CHECK_TEXT_EQUAL(nearest("wlak"), "walk");
    CHECK_TEXT_EQUAL(nearest("wal"), "walk");
    CHECK_TEXT_EQUAL(nearest("wwalk"), "walk");
    CHECK_TEXT_EQUAL(nearest("mpa"), "map");
    CHECK_TEXT_EQUAL(nearest("unamp"), "unmap");
    CHECK_TEXT_EQUAL(nearest("tranlsat"), "translate");
    CHECK_TEXT_EQUAL(nearest("cpi"), "cpu");
    CHECK_TEXT_EQUAL(nearest("UNMAP"), "unmap");
    CHECK_TEXT_EQUAL(nearest("Tranlsate"), "translate");
}

TEST(suggestion, is_nothing_when_all_is_far)
{
    CHECK_TEXT_EQUAL(nearest("xyz"), NULL);
    CHECK_TEXT_EQUAL(nearest("x"), NULL);
    CHECK_TEXT_EQUAL(nearest("wxyz"), NULL);
    CHECK_TEXT_EQUAL(nearest("traxxxate"), "translate");
    CHECK_TEXT_EQUAL(nearest("traxxxxte"), NULL);
    CHECK_TEXT_EQUAL(nearest(""), NULL);
    CHECK_TEXT_EQUAL(nearest("a_word_that_is_longer_than_any_row_of_the_table"), NULL);
}

TEST(completion, finds_what_all_matches_begin_with)
{
    struct completion completion = completion_of("ma", 2);

    CHECK(completion_offer(&completion, "maps"));
    CHECK_TEXT_EQUAL(completion.common, "maps");
    CHECK(!completion_offer(&completion, "memmap"));
    CHECK(completion_offer(&completion, "map"));
    CHECK(!completion_offer(&completion, "m"));
    CHECK_EQUAL(completion.match_count, 2);
    CHECK_TEXT_EQUAL(completion.common, "map");
    CHECK_EQUAL(completion.common_length, 3);
}

TEST(completion, counts_a_word_that_comes_again_once)
{
    struct completion completion = completion_of("wa", 2);

    CHECK(completion_offer(&completion, "walk"));
    CHECK(completion_offer(&completion, "walk"));
    CHECK_EQUAL(completion.match_count, 1);
    CHECK(completion_offer(&completion, "wal"));
    CHECK_EQUAL(completion.match_count, 2);
    CHECK_TEXT_EQUAL(completion.common, "wal");
    CHECK_EQUAL(completion.longest, 4);
}

TEST(completion, lists_matches_in_order_and_once)
{
    static const char *const words[] = {"maps", "walk", "map", "merge", "maps", "ma"};
    static const char *const expected[] = {"ma", "map", "maps"};
    struct completion completion = completion_of("ma", 2);
    struct candidate_order order = candidate_order_of(&completion);

    for (size_t turn = 0; turn <= 3; turn++) {
        candidate_order_begin(&order);
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
            candidate_order_offer(&order, words[i]);
        }
        REQUIRE_EQUAL(candidate_order_end(&order), turn < 3);
        CHECK_TEXT_EQUAL(order.word, expected[turn < 3 ? turn : 2]);
    }
}

TEST(history, keeps_the_last_lines_without_repetitions)
{
    static struct history history;
    char line[HISTORY_LINE_BYTES + 5];

    CHECK(history_line(&history, 0) == NULL && history_line(&history, 1) == NULL);
    history_add(&history, "first");
    history_add(&history, "");
    history_add(&history, "first");
    CHECK_TEXT_EQUAL(history_line(&history, 1), "first");
    CHECK_TEXT_EQUAL(history_line(&history, 2), NULL);
    for (int i = 0; i < HISTORY_LINES + 3; i++) {
        snprintf(line, sizeof line, "line %d", i);
        history_add(&history, line);
    }
    CHECK_TEXT_EQUAL(history_line(&history, 1), "line 66");
    CHECK_TEXT_EQUAL(history_line(&history, HISTORY_LINES), "line 3");
    CHECK_TEXT_EQUAL(history_line(&history, HISTORY_LINES + 1), NULL);
    memset(line, 'w', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    history_add(&history, line);
    CHECK_EQUAL(strlen(history_line(&history, 1)), HISTORY_LINE_BYTES - 1);
}
