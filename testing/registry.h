/* Where the linker puts the registered tests: it makes these symbols by itself for a section whose
 * name is a C identifier. */
#pragma once

#include "testing/test.h"

extern const struct test_case test_cases_start[] __asm__("__start_test_cases");
extern const struct test_case test_cases_end[] __asm__("__stop_test_cases");
