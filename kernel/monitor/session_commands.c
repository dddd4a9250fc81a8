/* Commands about the session itself. */
#include "kernel/drivers/debug_exit.h"
#include "kernel/drivers/keyboard.h"
#include "kernel/monitor/argument.h"

enum { EXIT_CODE_MAX = 0x7f };

static void describe(struct monitor *monitor, const char *name)
{
    const struct command *command = command_find(name);

    if (command == NULL) {
        command_complain(monitor, name);
        return;
    }
    console_print(monitor->console, "%s %s: %s\n%s", command->name, command->arguments,
                  command->summary, command->details != NULL ? command->details : "");
}

void command_help(struct monitor *monitor, const struct words *words)
{
    if (words->count > 1) {
        describe(monitor, words->word[1]);
        return;
    }
    /* All of this and the prompt fit on a screen of 25 rows, if the first one is left out: who reads
     * this knows `help`. */
    for (size_t i = 1; i < command_count; i++) {
        const struct command *command = &commands[i];
        console_print(monitor->console, "%-9s  %s\n", command->name, command->summary);
    }
}

void command_exit(struct monitor *monitor, const struct words *words)
{
    uint64_t code = DEBUG_EXIT_PASS;

    if (words->count > 1) {
        if (!argument_number(monitor, words->word[1], &code)) {
            return;
        }
        if (code > EXIT_CODE_MAX) {
            console_print(monitor->console, "\"%s\": a code is 0 to %d\n", words->word[1],
                          EXIT_CODE_MAX);
            return;
        }
    }
    console_print(monitor->console, "The kernel has ended.\n");
    debug_exit((enum debug_exit_value)code);
}

/* Without a table of handlers, an exception shuts the CPU down, which resets the machine. */
_Noreturn static void shut_down(void)
{
    const struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } empty = {0, 0};

    __asm__ volatile("lidt %0\n\t"
                     "int3"
                     :
                     : "m"(empty));
    cpu_halt();
}

void command_reboot(struct monitor *monitor, const struct words *words)
{
    (void)words;
    console_print(monitor->console, "Resetting the machine.\n");
    keyboard_reset_machine();
    shut_down();
}
