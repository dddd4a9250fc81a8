/* Where the linker puts the registered tests. The linker script of the kernel under test defines
 * both symbols, around section .test_cases. */
#pragma once

#include "testing/test.h"

extern const struct test_case test_cases_start[];
extern const struct test_case test_cases_end[];
