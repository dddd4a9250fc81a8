/* The words that the kernel is started with. Pure: also built for the host.
 *
 *   test=GLOB        run the tests whose name matches          test image
 *   tag=TAG          of these only those with the tag          test image
 *   list             name the tests and exit                   test image
 *   seed=N           run the tests in a random order that N    test image
 *                    gives; also the seed of what tests choose at random
 *   key=N            sign the summary of the tests with N      test image
 *   paging=4|5       levels of page tables (default 4)
 *   access=offset|fixed|identity|temporary|recursive    how page tables are reached:
 *                    see paging/strategy.h (default offset)
 *   recursive        let an entry of the root name the root, whatever the access
 *   physical=on|off  map all RAM (default on); off takes another access than offset,
 *                    and is for the normal image: the test image looks at memory by that map
 *   once             exit after the demonstration
 *   part=I/N         of a test that has parts, run the Ith of N  conformance image
 *   combination=N    the combination to run                     conformance image
 *   provoke=null|overflow|panic    end by such a failure, to see it reported
 */
#pragma once

#include "kernel/paging/strategy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum provocation {
    PROVOKE_NOTHING,
    PROVOKE_NULL,
    PROVOKE_OVERFLOW,
    PROVOKE_PANIC,
};

enum { TEST_GLOB_BYTES = 128, TEST_TAG_BYTES = 32, UNKNOWN_WORD_BYTES = 64 };

struct command_line {
    char test_glob[TEST_GLOB_BYTES]; /* "*" if not given */
    char test_tag[TEST_TAG_BYTES];   /* "" if not given */
    bool list;
    bool once;
    bool recursive;
    bool without_physical_memory; /* physical=off */
    bool has_seed;
    uint64_t seed;        /* 1 if not given */
    uint64_t part;        /* 1 of 1 if not given; 1 <= part <= part_count */
    uint64_t part_count;
    bool has_combination;
    uint64_t combination;
    unsigned paging_levels;
    enum access_strategy access;
    enum provocation provoke;
    char unknown_word[UNKNOWN_WORD_BYTES]; /* the first word that means nothing, perhaps cut off;
                                              "" if there is none */
};

/* Returns the last key=N of the text, and blanks out each of them; 0 if there is none. One whose N is
 * 0 or no number stays. */
uint64_t command_line_take_key(char *text);

/* Reads words separated by blanks. A word given twice counts the second time. */
struct command_line command_line_parse(const char *text);
