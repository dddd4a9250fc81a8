/* The test image, but with the word misbehave=NAME on its command line it goes wrong. NAME is
 * a misdeed, committed before any test, or a lie (tamper.c) about tests that are run honestly.
 * Without the word it is a test image whose suite `bad` misbehaves in its tests. */
#include "tests/kernel/misbehave/misbehave.h"

#include "kernel/lib/string.h"
#include "kernel/panic/debug_exit.h"
#include "kernel/panic/panic.h"
#include "kernel/traps/exception.h"
#include "tests/kernel/misbehave/tamper.h"

#define WORD "misbehave="
enum { NAME_BYTES = 64 };

static void panic(struct kernel *kernel)
{
    (void)kernel;
    PANIC("asked for");
}

static void panic_before_the_console_is_up(struct kernel *kernel)
{
    (void)kernel;
    panics_on_report(NULL);
    PANIC("asked for, without a console");
}

static void fault_before_the_console_is_up(struct kernel *kernel)
{
    (void)kernel;
    exceptions_on_report(NULL);
    __asm__ volatile("ud2");
}

static void print_half_a_line_and_hang(struct kernel *kernel)
{
    console_print(&kernel->console, "Assay, test im");
    cpu_halt();
}

#define REPORT_OF_GOOD_TESTS                                                                       \
    "KTAP version 1\n1..3\nok 1 good.passes\nok 2 good.passes_too\nok 3 good.passes_as_well\n"     \
    "# summary: planned=3 passed=3 failed=0 skipped=0 crc32="

static void report_success_before_any_test(struct kernel *kernel)
{
    console_print(&kernel->console, "\n" REPORT_OF_GOOD_TESTS "c3fad2e8\n");
    debug_exit(DEBUG_EXIT_PASS);
}

/* The checksum is that with the key 0x1234. */
static void replay_another_boot(struct kernel *kernel)
{
    console_print(&kernel->console, "\n" REPORT_OF_GOOD_TESTS "e2318bc5\n");
    debug_exit(DEBUG_EXIT_PASS);
}

static const struct misdeed misdeeds[] = {
    {"triple_fault", triple_fault},
    {"reset_by_keyboard_controller", reset_by_keyboard_controller},
    {"reset_by_port_cf9", reset_by_port_cf9},
    {"say_nothing", hang_with_interrupts_off},
    {"say_nothing_and_exit_with_success", exit_with_success},
    {"hang_with_interrupts_on", hang_with_devices_masked},
    {"spin_with_interrupts_off", spin_with_interrupts_off},
    {"print_half_a_line_and_hang", print_half_a_line_and_hang},
    {"flood", flood},
    {"report_success_before_any_test", report_success_before_any_test},
    {"replay_another_boot", replay_another_boot},
    {"panic", panic},
    {"panic_before_the_console_is_up", panic_before_the_console_is_up},
    {"fault_before_the_console_is_up", fault_before_the_console_is_up},
    {"overflow_the_stack", overflow_the_stack},
    {"run_into_nowhere", run_into_nowhere},
    {"lose_the_stack", lose_the_stack},
};

/* Copies what follows `word` on the command line, up to a blank. Returns false without the word. */
static bool find_word(const char *text, const char *word, char *value, size_t limit_bytes)
{
    for (; *text != '\0'; text++) {
        size_t length = 0;

        if (strncmp(text, word, strlen(word)) != 0) {
            continue;
        }
        for (text += strlen(word); *text != '\0' && *text != ' ' && length + 1 < limit_bytes;) {
            value[length++] = *text++;
        }
        value[length] = '\0';
        return true;
    }
    return false;
}

static void misbehave_main(struct kernel *kernel)
{
    char name[NAME_BYTES];

    if (!find_word(kernel->boot_info->command_line, WORD, name, sizeof name)) {
        test_image_entry(kernel);
    }
    for (size_t i = 0; i < sizeof misdeeds / sizeof misdeeds[0]; i++) {
        if (strcmp(misdeeds[i].name, name) == 0) {
            misdeeds[i].commit(kernel);
        }
    }
    if (!tamper_choose(name, kernel)) {
        PANIC("there is no way to misbehave that is called %s", name);
    }
    /* The test image does not know the word. */
    kernel->options.unknown_word[0] = '\0';
    test_image_entry(kernel);
}

KERNEL_ENTRY(misbehave_main);
