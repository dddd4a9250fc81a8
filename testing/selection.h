/* Which tests a run has, and in which order. */
#pragma once

#include "testing/run.h"

/* True when name and tags of the test are those that the run asks for. */
bool test_is_selected(const struct test_run *run, const struct test_case *test_case);

/* True when `tag` is one of the words in the test's tags. */
bool test_has_tag(const struct test_case *test_case, const char *tag);

/* The test at `index` in the order of the run, or NULL if it is not selected. */
const struct test_case *test_selected_case(const struct test_run *run, size_t index);

/* True when `glob` matches all of `text`. */
bool test_glob_matches(const char *glob, const char *text);

/* Which of `count` things comes at place `index` (less than count) in the order that `seed` gives:
 * each of them once. */
uint64_t test_shuffled_index(uint64_t seed, uint64_t count, uint64_t index);
