/* Commands about the session itself. */
#include "kernel/commands/commands.h"
#include "kernel/drivers/keyboard.h"
#include "kernel/panic/debug_exit.h"

static void describe(struct monitor *monitor, const char *name)
{
    const struct command *command = command_find(name);

    if (command == NULL) {
        command_complain(monitor, name);
        return;
    }
    arguments_print_usage(monitor, command);
    console_print(monitor->console, ": %s\n%s", command->summary,
                  command->details != NULL ? command->details : "");
}

void command_help(struct monitor *monitor, const struct arguments *arguments)
{
    if (arguments->word != NULL) {
        describe(monitor, arguments->word);
        return;
    }
    /* All of this and the prompt fit on a screen of 25 rows, if the first one is left out: who reads
     * this knows `help`. */
    for (size_t i = 1; i < command_count; i++) {
        const struct command *command = &commands[i];
        console_print(monitor->console, "%-9s  %s\n", command->name, command->summary);
    }
}

void command_exit(struct monitor *monitor, const struct arguments *arguments)
{
    uint64_t code = arguments->value;

    if (code == DEBUG_EXIT_PASS) {
        console_print(monitor->console,
                      "\"%lu\": QEMU would end as after success; that is `exit 0`\n", code);
        return;
    }
    console_print(monitor->console, "The kernel has ended.\n");
    debug_exit(code == 0 ? DEBUG_EXIT_PASS : (enum debug_exit_value)code);
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

void command_reboot(struct monitor *monitor, const struct arguments *arguments)
{
    (void)arguments;
    console_print(monitor->console, "Resetting the machine.\n");
    keyboard_reset_machine();
    shut_down();
}
