/* Reading one argument: numbers, names and permissions. What is wrong is said in one line. */
#pragma once

#include "kernel/arguments/arguments.h"

/* A number or an address, as expression.h has them, with the names of functions and regions and of
 * cr2, cr3 and rsp. */
__attribute__((warn_unused_result)) bool argument_number(struct monitor *monitor, const char *word,
                                                         uint64_t *value);

/* Letters of rwxug, each at most once, or pcd, pwt. Says nothing if it is none of these.
 * flags: gets the bits, without PRESENT; NO_EXECUTE unless there is an x. */
__attribute__((warn_unused_result)) bool argument_permissions(const char *word, page_flags *flags);

/* pcd or pwt, which stand beside the permissions. */
bool argument_is_memory_type(const char *word);

/* The names that argument_number knows, besides numbers. functions: those of functions, too. */
void argument_names(bool functions, void (*offer)(void *context, const char *word), void *context);
