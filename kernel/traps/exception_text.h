/* Exceptions in words. */
#pragma once

#include <stdint.h>

/* "PAGE FAULT" and so on. */
const char *exception_name(uint64_t vector);

/* What a page fault's error code says: "write to" and so on, and "a page that is not present" and
 * so on. */
const char *page_fault_access_text(uint64_t error_code);
const char *page_fault_cause_text(uint64_t error_code);
