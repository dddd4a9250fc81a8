/* Numbers and addresses as they are typed. Pure: also built for the host.
 *
 *   4096  0x1000  0o10000   decimal, hexadecimal, octal; '_' may stand between digits, so that
 *                           0o177777_776_776_776_776_0000 shows the index of each level
 *   4K  2M  1GiB            with K, M, G, T or KiB and so on: times 2^10, 2^20, 2^30, 2^40
 *   monitor_run             a name that the caller knows
 *   monitor_run+16-4        sums and differences of these
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum expression_result {
    EXPRESSION_OK,
    EXPRESSION_EMPTY,
    EXPRESSION_BAD_DIGIT,
    EXPRESSION_TOO_LARGE, /* a number, or a sum, does not fit in 64 bits, or is below 0 */
    EXPRESSION_UNKNOWN_NAME,
    EXPRESSION_LEADING_ZERO, /* decimal, but other programs take such a number for octal, and what
                              * this kernel prints at the start of a line is hexadecimal */
};

struct expression {
    enum expression_result result;
    uint64_t value; /* OK */
    const char *at; /* else: the part that is wrong, within the text */
    size_t length;
};

/* Finds what the name of `length` characters stands for; false if it is not known. */
typedef bool name_lookup(void *context, const char *name, size_t length, uint64_t *value);

/* lookup: NULL where no names are allowed; `context` is passed on to it. */
struct expression expression_parse(const char *text, name_lookup *lookup, void *context);

/* Whether the part that is wrong would be a number if 0x stood before it, as in an address that was
 * copied from the output of `maps`. */
bool expression_is_bare_hexadecimal(const struct expression *expression);

/* What is wrong, and what was expected. */
const char *expression_result_text(enum expression_result result);
