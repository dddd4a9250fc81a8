/* Arguments of commands: numbers, addresses and options. What is wrong is said in one line. */
#pragma once

#include "kernel/monitor/command.h"
#include "mm/page_range.h"

/* A number or an address, as expression.h has them, with the names of functions and regions and of
 * cr2, cr3 and rsp. */
__attribute__((warn_unused_result)) bool argument_number(struct monitor *monitor, const char *word,
                                                         uint64_t *value);

__attribute__((warn_unused_result)) static inline bool
argument_address(struct monitor *monitor, const char *word, virt_addr *address)
{
    return argument_number(monitor, word, &address->value);
}

/* A whole number of pages, in bytes. */
__attribute__((warn_unused_result)) bool argument_size(struct monitor *monitor, const char *word,
                                                       uint64_t *bytes);

/* What may follow the addresses of a command that changes mappings, in any order. */
struct change_options {
    bool has_size;
    uint64_t bytes;
    bool has_flags;
    page_flags flags; /* PRESENT among them */
    enum range_pages pages;
    bool force;
};

/* Reads the words from `first` on. */
__attribute__((warn_unused_result)) bool argument_options(struct monitor *monitor,
                                                          const struct words *words, size_t first,
                                                          struct change_options *options);

/* The names that argument_number knows, besides numbers. */
void argument_names(void (*offer)(void *context, const char *word), void *context);
