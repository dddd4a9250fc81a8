/* A test image that lies: what it reports goes through here, line by line, and so does its end. */
#pragma once

#include "kernel/panic/debug_exit.h"
#include "kernel/state/kernel.h"

#include <stddef.h>

/* Chooses the lie. Returns false if there is none of that name. */
bool tamper_choose(const char *name, struct kernel *kernel);

/* What the test image calls in place of serial_write and debug_exit. */
void tampered_serial_write(const char *text, size_t length);
_Noreturn void tampered_debug_exit(enum debug_exit_value value);

/* The test image's entry. */
_Noreturn void test_image_entry(struct kernel *kernel);
