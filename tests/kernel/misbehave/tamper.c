#include "tests/kernel/misbehave/tamper.h"

#include "kernel/cpu/registers.h"
#include "kernel/lib/string.h"
#include "kernel/panic/serial.h"
#include "testing/report.h"
#include "testing/run.h"

enum { LINE_BYTES = 512, CRC_DIGITS = 8 };

enum place { HEADER, PLAN, FIRST_RESULT, SECOND_RESULT, LAST_RESULT, SUMMARY, ELSEWHERE };

/* A line of the report that is kept back until it is whole. */
static char line[LINE_BYTES];
static size_t line_length;
static unsigned result_count;
static uint32_t sent_crc;
static uint64_t key;
static const struct lie *lie;

/* What is done to one line. NULL stands for nothing. */
struct lie {
    const char *name;
    enum place place;
    const char *before;       /* is sent before the line */
    const char *instead;      /* replaces the line, whose end of line it must bring; "" drops it */
    const char *after;        /* is sent after the line */
    size_t cut_to;            /* not 0: the length that is left of the line, with its line feed */
    const char *added;        /* is added at the end of the line, before its line feed */
    bool twice;               /* the line is sent twice */
    bool crc_mended;          /* the summary's checksum is made to fit the lines that were sent */
    bool crc_broken;
    enum debug_exit_value end_before; /* not 0: ends QEMU before the line */
    enum debug_exit_value end_after;
    enum debug_exit_value exit_value; /* not 0: ends QEMU so, whatever the test image says */
    bool halts;                       /* does not end QEMU, when the test image would */
    bool floods;                      /* never stops to send what is to come before the line */
    const char *glob;                 /* runs other tests than were asked for */
};

static const struct lie lies[] = {
    {.name = "exits_before_the_header", .place = HEADER, .end_before = DEBUG_EXIT_PASS},
    {.name = "exits_before_the_plan", .place = PLAN, .end_before = DEBUG_EXIT_PASS},
    {.name = "exits_after_the_first_result", .place = FIRST_RESULT, .end_after = DEBUG_EXIT_PASS},
    {.name = "exits_before_the_summary", .place = SUMMARY, .end_before = DEBUG_EXIT_PASS},
    {.name = "exits_in_the_summary", .place = SUMMARY, .instead = "# summary: planned=3 pas",
     .end_after = DEBUG_EXIT_PASS},
    {.name = "exits_in_a_result", .place = SECOND_RESULT, .instead = "ok 2 goo",
     .end_after = DEBUG_EXIT_PASS},
    {.name = "runs_another_test", .place = ELSEWHERE, .glob = "other.*"},
    {.name = "runs_one_test_too_many", .place = ELSEWHERE, .glob = "*o*.passes*"},
    {.name = "runs_no_test", .place = ELSEWHERE, .glob = "none.*", .exit_value = DEBUG_EXIT_PASS},
    {.name = "refuses_the_test", .place = ELSEWHERE, .glob = "none.*"},
    {.name = "says_ok_and_exits_with_failure", .place = ELSEWHERE,
     .exit_value = DEBUG_EXIT_FAIL},
    {.name = "says_ok_and_exits_as_after_a_panic", .place = ELSEWHERE,
     .exit_value = DEBUG_EXIT_PANIC},
    {.name = "exits_with_a_value_of_its_own", .place = ELSEWHERE,
     .exit_value = (enum debug_exit_value)0x42},
    {.name = "fails_and_exits_with_success", .place = ELSEWHERE, .glob = "bad.fails",
     .exit_value = DEBUG_EXIT_PASS},
    {.name = "says_ok_and_does_not_end", .place = ELSEWHERE, .halts = true},
    {.name = "drops_a_result", .place = SECOND_RESULT, .instead = ""},
    {.name = "drops_the_last_result", .place = LAST_RESULT, .instead = ""},
    {.name = "drops_the_last_result_and_mends_the_checksum", .place = LAST_RESULT, .instead = "",
     .crc_mended = true},
    {.name = "hides_a_result_in_a_remark", .place = SECOND_RESULT, .before = "# "},
    {.name = "repeats_a_result", .place = SECOND_RESULT, .twice = true},
    {.name = "renames_a_test_and_mends_the_checksum", .place = SECOND_RESULT,
     .instead = "ok 2 good.is_another\n", .crc_mended = true},
    {.name = "makes_a_result_a_skip_and_mends_the_checksum", .place = SECOND_RESULT,
     .added = " # SKIP for no reason", .crc_mended = true},
    {.name = "breaks_the_checksum", .place = SUMMARY, .crc_broken = true},
    {.name = "miscounts", .place = SUMMARY, .crc_mended = true,
     .instead = "# summary: planned=3 passed=2 failed=0 skipped=1 crc32=00000000\n"},
    {.name = "prints_binary", .place = SECOND_RESULT, .before = "\x01\x7f\x80\xfe\xff\n"},
    {.name = "prints_half_a_line", .place = SECOND_RESULT, .cut_to = 12},
    {.name = "prints_two_lines_in_one", .place = SECOND_RESULT, .instead = "ok 2 good.passes"},
    {.name = "colours_a_result", .place = SECOND_RESULT, .before = "\x1b[32m"},
    {.name = "puts_a_result_into_a_log_line", .place = SECOND_RESULT, .before = "[ 0.042] net: "},
    {.name = "logs_what_looks_like_results_before_the_header", .place = HEADER,
     .before = "[ 0.042] ok 1 good.passes\n1..3\nok 1 good.passes\nok 2 good.passes_too\n"},
    {.name = "prints_a_log_line_among_the_results", .place = SECOND_RESULT,
     .before = "[ 0.042] net: link is up\n"},
    {.name = "prints_the_header_twice", .place = HEADER, .twice = true},
    {.name = "prints_the_plan_twice", .place = PLAN, .twice = true},
    {.name = "goes_on_after_the_summary", .place = SUMMARY, .after = "ok 4 good.more\n"},
    {.name = "announces_a_panic_and_goes_on", .place = HEADER, .before = "PANIC: never mind\n"},
    {.name = "floods_in_the_report", .place = SECOND_RESULT, .before = "# and on, and on\n",
     .floods = true},
};

bool tamper_choose(const char *name, struct kernel *kernel)
{
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        if (strcmp(lies[i].name, name) == 0) {
            lie = &lies[i];
            key = kernel->report_key;
            if (lie->glob != NULL) {
                memcpy(kernel->options.test_glob, lie->glob, strlen(lie->glob) + 1);
            }
            return true;
        }
    }
    return false;
}

static bool line_begins_with(const char *text)
{
    return line_length >= strlen(text) && memcmp(line, text, strlen(text)) == 0;
}

static enum place line_place(void)
{
    static const enum place results[] = {FIRST_RESULT, SECOND_RESULT, LAST_RESULT};

    if (line_begins_with("ok ") || line_begins_with("not ok ")) {
        result_count++;
        return result_count <= 3 ? results[result_count - 1] : ELSEWHERE;
    }
    return line_begins_with("KTAP")        ? HEADER
           : line_begins_with("1..")       ? PLAN
           : line_begins_with("# summary") ? SUMMARY
                                           : ELSEWHERE;
}

static void send(const char *text, size_t length)
{
    serial_write(text, length);
    if (length > 3 && (memcmp(text, "ok ", 3) == 0 || memcmp(text, "not", 3) == 0)) {
        sent_crc = test_crc32(sent_crc, text, length);
    }
}

static void send_text(const char *text)
{
    if (text != NULL) {
        send(text, strlen(text));
    }
}

static void add_to_line(const char *text)
{
    memcpy(line + line_length, text, strlen(text));
    line_length += strlen(text);
}

static void end_if(enum debug_exit_value value)
{
    if (value != 0) {
        debug_exit(value);
    }
}

/* Writes the checksum over the last digits of the summary. */
static void set_crc(uint32_t crc)
{
    for (size_t i = 0; i < CRC_DIGITS; i++) {
        line[line_length - 2 - i] = "0123456789abcdef"[crc >> 4 * i & 0xf];
    }
}

static void send_line(void)
{
    enum place place = line_place();
    bool here = place == lie->place;

    if (here) {
        end_if(lie->end_before);
        do {
            send_text(lie->before);
        } while (lie->floods);
        if (lie->instead != NULL) {
            line_length = 0;
            add_to_line(lie->instead);
        }
        if (lie->cut_to != 0) {
            line_length = lie->cut_to - 1;
            add_to_line("\n");
        }
        if (lie->added != NULL) {
            line_length--;
            add_to_line(lie->added);
            add_to_line("\n");
        }
    }
    if (place == SUMMARY && (lie->crc_mended || lie->crc_broken)) {
        set_crc(lie->crc_mended ? test_report_crc(sent_crc, key) : 0x600dda7a);
    }
    for (unsigned i = 0; i < (here && lie->twice ? 2 : 1); i++) {
        send(line, line_length);
    }
    if (here) {
        send_text(lie->after);
        end_if(lie->end_after);
    }
}

void tampered_serial_write(const char *text, size_t length)
{
    if (lie == NULL) {
        serial_write(text, length);
        return;
    }
    for (size_t i = 0; i < length; i++) {
        line[line_length++] = text[i];
        if (text[i] == '\n' || line_length == LINE_BYTES) {
            send_line();
            line_length = 0;
        }
    }
}

void tampered_debug_exit(enum debug_exit_value value)
{
    if (lie != NULL && lie->halts) {
        cpu_halt();
    }
    debug_exit(lie != NULL && lie->exit_value != 0 ? lie->exit_value : value);
}
