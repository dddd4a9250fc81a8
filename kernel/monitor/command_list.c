/* All commands as one table, and finding them in it. */
#include "kernel/monitor/argument.h"
#include "kernel/monitor/claim.h"
#include "kernel/monitor/command.h"
#include "kernel/monitor/suggestion.h"
#include "kernel/port/string.h"

#define OPTIONS_TEXT                                                                               \
    "  SIZE   bytes, 4K if not given; FLAGS  letters of rwxug, and pcd, pwt\n"                     \
    "  force  also where the kernel needs the mapping\n"

const struct command commands[] = {
    {"help",
     "[COMMAND]",
     "lists the commands, or describes one; `help help`: keys and addresses",
     "  Keys: arrows, Home, End, Delete, Tab; Ctrl-A E B F D K U W as in a shell, Ctrl-P N or\n"
     "  up and down for earlier lines, Ctrl-C gives a line up, Ctrl-L clears the screen.\n"
     "  Addresses: 0x1000, 4096, 0o001_000_000_0000, 4K, 2MiB, functions such as monitor_run, "
     "names\n"
     "  of `layout`, cr2, cr3, rsp, and sums such as physical+cr3+8.\n",
     0,
     1,
     {ARGUMENT_COMMAND},
     command_help},
    {"walk",
     "ADDR",
     "each step of a translation: table, index, entry, permissions",
     "  `so far` is what all entries up to this one allow: r, w, x, and u for user mode.\n",
     1,
     1,
     {ARGUMENT_ADDRESS},
     command_walk},
    {"translate",
     "ADDR",
     "virtual to physical address",
     "",
     1,
     1,
     {ARGUMENT_ADDRESS},
     command_translate},
    {"maps",
     "",
     "all mappings, as ranges with page size and permissions",
     "",
     0,
     0,
     {ARGUMENT_ANY},
     command_maps},
    {"tables",
     "",
     "the upper tables, and how many there are of each level",
     "",
     0,
     0,
     {ARGUMENT_ANY},
     command_tables},
    {"layout",
     "",
     "what the kernel has where, and names for it",
     "",
     0,
     0,
     {ARGUMENT_ANY},
     command_layout},
    {"memmap",
     "",
     "physical memory by use, as it was when the kernel started",
     "",
     0,
     0,
     {ARGUMENT_ANY},
     command_memmap},
    {"frames",
     "",
     "free frames, blocks by size, fragmentation",
     "",
     0,
     0,
     {ARGUMENT_ANY},
     command_frames},
    {"alloc",
     "[SIZE]",
     "takes a block of frames: 4K, or a power of two up to 1G",
     "",
     0,
     1,
     {ARGUMENT_OPTION},
     command_alloc},
    {"free",
     "PA [SIZE]",
     "gives a block of frames back",
     "  SIZE must be what the block was taken with. Mappings of it stay.\n",
     1,
     2,
     {ARGUMENT_ANY, ARGUMENT_OPTION},
     command_free},
    {"map",
     "VA PA|new [SIZE] [FLAGS] [pages=4K|2M|1G] [force]",
     "maps pages to frames",
     "  new    takes a block of frames for it\n" OPTIONS_TEXT
     "  pages  their size; else the largest that alignment allows\n"
     "  FLAGS are rw if not given.\n"
     "  For example: map 0 0xb8000, then write 0xc80 0xf021f077f065f04e\n",
     2,
     6,
     {ARGUMENT_ADDRESS, ARGUMENT_ADDRESS, ARGUMENT_OPTION},
     command_map},
    {"unmap",
     "VA [SIZE] [force]",
     "removes mappings, and tables that become empty",
     "  Without SIZE the one page at VA, whatever its size.\n",
     1,
     3,
     {ARGUMENT_ADDRESS, ARGUMENT_OPTION},
     command_unmap},
    {"protect",
     "VA [SIZE] FLAGS [force]",
     "gives pages other permissions",
     "  Without SIZE the one page at VA, whatever its size.\n" OPTIONS_TEXT,
     2,
     6,
     {ARGUMENT_ADDRESS, ARGUMENT_OPTION},
     command_protect},
    {"split",
     "VA",
     "makes 512 smaller pages of the huge page around VA",
     "",
     1,
     1,
     {ARGUMENT_ADDRESS},
     command_split},
    {"merge",
     "VA [2M|1G]",
     "makes one huge page of the 512 pages around VA",
     "",
     1,
     2,
     {ARGUMENT_ADDRESS, ARGUMENT_OPTION},
     command_merge},
    {"read",
     "ADDR [BYTES]",
     "reads a 64-bit word, or dumps bytes",
     "",
     1,
     2,
     {ARGUMENT_ADDRESS},
     command_read},
    {"write",
     "ADDR VALUE [1|2|4|8] [force]",
     "writes that many bytes, 8 if not given",
     "  force  also into memory that the kernel runs on\n",
     2,
     4,
     {ARGUMENT_ADDRESS},
     command_write},
    {"fetch",
     "ADDR",
     "runs the one instruction at ADDR",
     "",
     1,
     1,
     {ARGUMENT_ADDRESS},
     command_fetch},
    {"access",
     "[STRATEGY]",
     "how page tables are reached; chooses another way",
     "",
     0,
     1,
     {ARGUMENT_STRATEGY},
     command_access},
    {"cpu",
     "",
     "features of the CPU, control registers bit by bit",
     "",
     0,
     0,
     {ARGUMENT_ANY},
     command_cpu},
    {"claims",
     "[ID|all]",
     "statements of the paging tutorial, shown on this machine",
     "",
     0,
     1,
     {ARGUMENT_CLAIM},
     command_claims},
    {"bench",
     "",
     "cycles that operations on page tables take here",
     "",
     0,
     0,
     {ARGUMENT_ANY},
     command_bench},
    {"exit",
     "[CODE]",
     "ends QEMU, as success or with the status 2 * CODE + 1",
     "",
     0,
     1,
     {ARGUMENT_ANY},
     command_exit},
    {"reboot", "", "resets the machine", "", 0, 0, {ARGUMENT_ANY}, command_reboot},
};

const size_t command_count = sizeof commands / sizeof commands[0];

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < command_count; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

void command_complain(struct monitor *monitor, const char *name)
{
    struct suggestion suggestion = suggestion_for(name, strlen(name));

    for (size_t i = 0; i < command_count; i++) {
        suggestion_offer(&suggestion, commands[i].name);
    }
    if (suggestion.best != NULL) {
        console_print(monitor->console, "no command \"%s\"; did you mean %s?\n", name,
                      suggestion.best);
    } else {
        console_print(monitor->console, "no command \"%s\"; `help` lists them\n", name);
    }
}

static enum argument_kind argument_kind_at(const struct command *command, size_t index)
{
    enum argument_kind kind = ARGUMENT_ANY;

    if (index >= command->arguments_max) {
        return ARGUMENT_ANY;
    }
    for (size_t i = 0; i <= index; i++) {
        kind = command->kinds[i] != ARGUMENT_ANY || i == index ? command->kinds[i] : kind;
    }
    return kind;
}

void command_candidates(const struct command *command, size_t index,
                        void (*offer)(void *context, const char *word), void *context)
{
    static const char *const option_words[] = {"4K", "2M", "1G", "r", "rw", "rx", "rwx", "force"};
    enum argument_kind kind = command == NULL ? ARGUMENT_COMMAND : argument_kind_at(command, index);

    switch (kind) {
    case ARGUMENT_ANY:
        break;
    case ARGUMENT_ADDRESS:
        argument_names(offer, context);
        break;
    case ARGUMENT_COMMAND:
        for (size_t i = 0; i < command_count; i++) {
            offer(context, commands[i].name);
        }
        break;
    case ARGUMENT_STRATEGY:
        for (enum access_strategy i = 0; i < STRATEGY_COUNT; i++) {
            offer(context, access_strategy_name(i));
        }
        break;
    case ARGUMENT_CLAIM:
        claim_names(offer, context);
        break;
    case ARGUMENT_OPTION:
        for (size_t i = 0; i < sizeof option_words / sizeof option_words[0]; i++) {
            offer(context, option_words[i]);
        }
        break;
    }
}
