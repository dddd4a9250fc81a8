#include "testing/report.h"

#include "testing/run.h"

/* An output that adds what passes to a checksum. */
struct summed_output {
    const struct test_output *output;
    uint32_t crc;
};

uint32_t test_crc32(uint32_t crc, const char *text, size_t length)
{
    crc = ~crc;
    for (size_t i = 0; i < length; i++) {
        crc ^= (uint8_t)text[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? UINT32_C(0xedb88320) : 0);
        }
    }
    return ~crc;
}

static void write_summed(void *context, const char *text, size_t length)
{
    struct summed_output *summed = context;

    summed->crc = test_crc32(summed->crc, text, length);
    summed->output->write(summed->output->context, text, length);
}

static void write_noting_the_end(void *context, const char *text, size_t length)
{
    struct test_report *report = context;

    report->target->write(report->target->context, text, length);
    report->last_written = length > 0 ? text[length - 1] : report->last_written;
}

void test_report_begin(struct test_report *report, const struct test_output *target,
                       uint64_t planned)
{
    *report = (struct test_report){
        .output = {.write = write_noting_the_end, .context = report},
        .target = target,
        .last_written = '\n',
        .tally.planned = planned,
    };
    output_count(&report->output, "KTAP version 1\n1..", planned);
    output_text(&report->output, "\n");
}

void test_report_break_line(struct test_report *report)
{
    if (report->last_written != '\n') {
        output_text(&report->output, "\n");
    }
}

void output_test_name(const struct test_output *output, const struct test_case *test_case)
{
    output_text(output, test_case->suite);
    output_text(output, ".");
    output_text(output, test_case->sentence);
}

void test_report_result(struct test_report *report, const struct test_case *test_case, bool failed,
                        const char *skip_reason)
{
    struct test_tally *tally = &report->tally;
    struct summed_output summed = {.output = &report->output, .crc = tally->crc};
    struct test_output output = {.write = write_summed, .context = &summed};
    uint64_t *count = failed                ? &tally->failed
                      : skip_reason != NULL ? &tally->skipped
                                            : &tally->passed;

    ++*count;
    output_text(&output, failed ? "not ok " : "ok ");
    output_decimal(&output, ++report->number);
    output_text(&output, " ");
    output_test_name(&output, test_case);
    if (!failed && skip_reason != NULL) {
        output_text(&output, " # SKIP ");
        output_text(&output, skip_reason);
    }
    output_text(&output, "\n");
    tally->crc = summed.crc;
}

void output_count(const struct test_output *output, const char *name, uint64_t value)
{
    output_text(output, name);
    output_decimal(output, value);
}

uint32_t test_report_crc(uint32_t crc, uint64_t key)
{
    char bytes[sizeof key];

    for (size_t i = 0; i < sizeof key; i++) {
        bytes[i] = (char)(key >> 8 * i);
    }
    return key == 0 ? crc : test_crc32(crc, bytes, sizeof bytes);
}

void test_report_end(const struct test_report *report, uint64_t key)
{
    const struct test_output *output = &report->output;

    output_count(output, "# summary: planned=", report->tally.planned);
    output_count(output, " passed=", report->tally.passed);
    output_count(output, " failed=", report->tally.failed);
    output_count(output, " skipped=", report->tally.skipped);
    output_text(output, " crc32=");
    output_hex_32(output, test_report_crc(report->tally.crc, key));
    output_text(output, "\n");
}
