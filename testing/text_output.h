/* Where the results of tests go, and the few kinds of text that they consist of. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Writes text to the port that the harness reads. */
struct test_output {
    void (*write)(void *context, const char *text, size_t length);
    void *context;
};

void output_text(const struct test_output *output, const char *text);
void output_decimal(const struct test_output *output, uint64_t value);

/* With 0x in front, without leading zeros. */
void output_hex(const struct test_output *output, uint64_t value);

/* Eight digits, as checksums are written. */
void output_hex_32(const struct test_output *output, uint32_t value);

/* A number of bytes: "5000 bytes", or "2 MiB (2097152 bytes)" where a larger unit loses nothing. */
void output_size(const struct test_output *output, uint64_t bytes);

/* In quotation marks, on one line of printable ASCII: other bytes as \xNN. NULL without marks. */
void output_quoted(const struct test_output *output, const char *text);
