/* Test mode: runs the tests that are linked in, reports on serial and ends QEMU. */
#include "kernel/panic/debug_exit.h"
#include "kernel/panic/serial.h"
#include "kernel/test_mode/run.h"

_Static_assert((int)TEST_GLOB_BYTES > (int)TEST_NAME_BYTES_MAX, "a command line can name every test");
_Static_assert((int)TEST_TAG_BYTES > (int)TEST_TAG_BYTES_MAX, "a command line can name every tag");

static void write_to_serial(void *context, const char *text, size_t length)
{
    (void)context;
    serial_write(text, length);
}

__attribute__((noinline)) static void test_kernel_main(struct kernel *kernel)
{
    struct test_run run = test_mode_run(kernel, (struct test_output){.write = write_to_serial});

    run.glob = kernel->options.test_glob;
    run.tag = kernel->options.test_tag[0] != '\0' ? kernel->options.test_tag : NULL;
    run.shuffled = kernel->options.has_seed;
    run.seed = kernel->options.seed;

    /* On a line of its own, whatever the firmware left on the serial port. */
    console_print(&kernel->console, "\nAssay, test image, booted by %s, %u levels, access=%s\n",
                  boot_protocol_name(kernel->boot_info->protocol), kernel->page_table.levels,
                  access_strategy_name(kernel->options.access));
    if (kernel->options.unknown_word[0] != '\0') {
        console_print(&kernel->console, "command line: \"%s\" means nothing\n",
                      kernel->options.unknown_word);
        debug_exit(DEBUG_EXIT_BAD_REQUEST);
    }
    if (!kernel->boot_info->has_physical_memory) {
        console_print(&kernel->console,
                      "physical=off: the tests look at memory through the map of all of it\n");
        debug_exit(DEBUG_EXIT_BAD_REQUEST);
    }
    if (kernel->options.list) {
        test_list(&run);
        debug_exit(DEBUG_EXIT_PASS);
    }
    test_mode_prepare(kernel);
    test_run_sign_with(kernel->report_key);
    kernel->report_key = 0;
    switch (test_run(&run)) {
    case TEST_RUN_PASSED:
        debug_exit(DEBUG_EXIT_PASS);
    case TEST_RUN_FAILED:
        debug_exit(DEBUG_EXIT_FAIL);
    case TEST_RUN_NONE_SELECTED:
        console_print(&kernel->console, "no test matches \"%s\"%s%s\n", kernel->options.test_glob,
                      run.tag != NULL ? " with the tag " : "", kernel->options.test_tag);
    }
    debug_exit(DEBUG_EXIT_BAD_REQUEST);
}

KERNEL_ENTRY(test_kernel_main);
