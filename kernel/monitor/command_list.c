/* All commands as one table, and finding them in it. */
#include "kernel/monitor/argument.h"
#include "kernel/monitor/claim.h"
#include "kernel/monitor/command.h"
#include "kernel/monitor/suggestion.h"
#include "kernel/port/string.h"

#define OPTIONS_TEXT                                                                               \
    "  SIZE   bytes, 4K if not given; FLAGS  letters of rwxug, and pcd, pwt\n"                     \
    "  force  also where the kernel needs the mapping\n"

/* clang-format off */
const struct command commands[] = {
    {.name = "help", .arguments = "[COMMAND]", .max = 1, .kinds = {ARGUMENT_COMMAND},
     .summary = "lists the commands, or describes one; `help help`: keys and addresses",
     .details =
     "  Keys: arrows, Home, End, Delete, Tab; Ctrl-A E B F D K U W as in a shell, Ctrl-P N or\n"
     "  up and down for earlier lines, Ctrl-C gives a line up, Ctrl-L clears the screen.\n"
     "  Addresses: 0x1000, 4096, 0o001_000_000_0000, 4K, 2MiB, functions such as monitor_run,\n"
     "  names of `layout`, cr2, cr3, rsp, and sums such as physical+cr3+8.\n",
     .run = command_help},
    {.name = "walk", .arguments = "ADDR", .min = 1, .max = 1, .kinds = {ARGUMENT_ADDRESS},
     .summary = "each step of a translation: table, index, entry, permissions",
     .details =
     "  `so far` is what all entries up to this one allow: r, w, x, and u for user mode.\n",
     .run = command_walk},
    {.name = "translate", .arguments = "ADDR", .min = 1, .max = 1, .kinds = {ARGUMENT_ADDRESS},
     .summary = "virtual to physical address", .run = command_translate},
    {.name = "maps", .arguments = "",
     .summary = "all mappings, as ranges with page size and permissions", .run = command_maps},
    {.name = "tables", .arguments = "",
     .summary = "the upper tables, and how many there are of each level", .run = command_tables},
    {.name = "layout", .arguments = "",
     .summary = "what the kernel has where, and names for it", .run = command_layout},
    {.name = "memmap", .arguments = "",
     .summary = "physical memory by use, as it was when the kernel started", .run = command_memmap},
    {.name = "frames", .arguments = "",
     .summary = "free frames, blocks by size, fragmentation", .run = command_frames},
    {.name = "alloc", .arguments = "[SIZE]", .max = 1, .kinds = {ARGUMENT_OPTION},
     .summary = "takes a block of frames: 4K, or a power of two up to 1G", .run = command_alloc},
    {.name = "free", .arguments = "PA [SIZE]", .min = 1, .max = 2,
     .kinds = {ARGUMENT_ANY, ARGUMENT_OPTION},
     .summary = "gives a block of frames back",
     .details = "  SIZE must be what the block was taken with. Mappings of it stay.\n",
     .run = command_free},
    {.name = "map", .arguments = "VA PA|new [SIZE] [FLAGS] [pages=4K|2M|1G] [force]",
     .min = 2, .max = 6, .kinds = {ARGUMENT_ADDRESS, ARGUMENT_ADDRESS, ARGUMENT_OPTION},
     .summary = "maps pages to frames",
     .details =
     "  new    takes a block of frames for it\n" OPTIONS_TEXT
     "  pages  their size; else the largest that alignment allows\n"
     "  FLAGS are rw if not given.\n"
     "  For example: map 0 0xb8000, then write 0xc80 0xf021f077f065f04e\n",
     .run = command_map},
    {.name = "unmap", .arguments = "VA [SIZE] [force]", .min = 1, .max = 3,
     .kinds = {ARGUMENT_ADDRESS, ARGUMENT_OPTION},
     .summary = "removes mappings, and tables that become empty",
     .details = "  Without SIZE the one page at VA, whatever its size.\n", .run = command_unmap},
    {.name = "protect", .arguments = "VA [SIZE] FLAGS [force]", .min = 2, .max = 6,
     .kinds = {ARGUMENT_ADDRESS, ARGUMENT_OPTION},
     .summary = "gives pages other permissions",
     .details = "  Without SIZE the one page at VA, whatever its size.\n" OPTIONS_TEXT,
     .run = command_protect},
    {.name = "split", .arguments = "VA", .min = 1, .max = 1, .kinds = {ARGUMENT_ADDRESS},
     .summary = "makes 512 smaller pages of the huge page around VA", .run = command_split},
    {.name = "merge", .arguments = "VA [2M|1G]", .min = 1, .max = 2,
     .kinds = {ARGUMENT_ADDRESS, ARGUMENT_OPTION},
     .summary = "makes one huge page of the 512 pages around VA", .run = command_merge},
    {.name = "read", .arguments = "ADDR [BYTES]", .min = 1, .max = 2, .kinds = {ARGUMENT_ADDRESS},
     .summary = "reads a 64-bit word, or dumps bytes", .run = command_read},
    {.name = "write", .arguments = "ADDR VALUE [1|2|4|8] [force]", .min = 2, .max = 4,
     .kinds = {ARGUMENT_ADDRESS},
     .summary = "writes that many bytes, 8 if not given",
     .details = "  force  also into memory that the kernel runs on\n", .run = command_write},
    {.name = "fetch", .arguments = "ADDR", .min = 1, .max = 1, .kinds = {ARGUMENT_ADDRESS},
     .summary = "runs the one instruction at ADDR", .run = command_fetch},
    {.name = "access", .arguments = "[STRATEGY]", .max = 1, .kinds = {ARGUMENT_STRATEGY},
     .summary = "how page tables are reached; chooses another way", .run = command_access},
    {.name = "cpu", .arguments = "",
     .summary = "features of the CPU, control registers bit by bit", .run = command_cpu},
    {.name = "claims", .arguments = "[ID|all]", .max = 1, .kinds = {ARGUMENT_CLAIM},
     .summary = "statements of the paging tutorial, shown on this machine", .run = command_claims},
    {.name = "test", .arguments = "[GLOB]", .max = 1,
     .summary = "runs the kernel's own tests whose names match",
     .details = "GLOB is a name such as map_to.refuses_a_page_that_is_mapped, with * and ?. Without\n"
                "it the suites are listed. The tests have half of the free memory for as long. One\n"
                "that hangs ends QEMU.\n",
     .run = command_test},
    {.name = "bench", .arguments = "",
     .summary = "cycles that operations on page tables take here", .run = command_bench},
    {.name = "exit", .arguments = "[CODE]", .max = 1,
     .summary = "ends QEMU, as success or with the status 2 * CODE + 1", .run = command_exit},
    {.name = "reboot", .arguments = "",
     .summary = "resets the machine", .run = command_reboot},
};
/* clang-format on */

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

    if (index >= command->max) {
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
