/* All commands as one table, and finding them in it. */
#include "kernel/commands/commands.h"
#include "kernel/lib/string.h"
#include "kernel/line/suggestion.h"

#define OPTIONS_TEXT                                                                               \
    "  SIZE   bytes; FLAGS  letters of rwxug in one word (r goes without saying), and pcd, pwt\n"  \
    "  force  also where the kernel needs the mapping\n"

#define ONE(of)                                                                                    \
    {                                                                                              \
        ARGUMENT_##of, false                                                                       \
    }
#define MAYBE(of)                                                                                  \
    {                                                                                              \
        ARGUMENT_##of, true                                                                        \
    }

/* clang-format off */
const struct command commands[] = {
    {.name = "help", .arguments = {MAYBE(COMMAND)},
     .summary = "lists the commands, or describes one; `help help`: keys and addresses",
     .details =
     "  Keys: arrows, Home, End, Delete, Tab; Ctrl-A E B F D K U W as in a shell, Ctrl-P N or\n"
     "  up and down for earlier lines, Ctrl-C gives a line up, Ctrl-L clears the screen.\n"
     "  Addresses: 0x1000, 4096, 0o001_000_000_0000, 4K, 2MiB, functions such as monitor_run,\n"
     "  names of `layout`, cr2, cr3, rsp, and sums such as physical+cr3+8.\n",
     .run = command_help},
    {.name = "walk", .arguments = {ONE(ADDRESS)},
     .summary = "each step of a translation: table, index, entry, permissions",
     .details =
     "  `so far` is what all entries up to this one allow: r, w, x, and u for user mode.\n",
     .run = command_walk},
    {.name = "translate", .arguments = {ONE(ADDRESS)},
     .summary = "virtual to physical address", .run = command_translate},
    {.name = "maps", .summary = "all mappings, as ranges with page size and permissions",
     .run = command_maps},
    {.name = "tables", .summary = "the upper tables, and how many there are of each level",
     .run = command_tables},
    {.name = "layout", .summary = "what the kernel has where, and names for it",
     .run = command_layout},
    {.name = "memmap", .summary = "physical memory by use, as it was when the kernel started",
     .run = command_memmap},
    {.name = "frames", .summary = "free frames, blocks by size, fragmentation",
     .run = command_frames},
    {.name = "alloc", .arguments = {MAYBE(BLOCK)},
     .summary = "takes a block of frames: 4K, or a power of two up to 1G", .run = command_alloc},
    {.name = "free", .arguments = {ONE(FRAME), MAYBE(BLOCK)},
     .summary = "gives a block of frames back",
     .details =
     "  SIZE must be what the block was taken with, 4K if not given. Mappings of it stay.\n",
     .run = command_free},
    {.name = "map", .arguments = {ONE(PAGE), ONE(FRAME_OR_NEW), MAYBE(SIZE), MAYBE(FLAGS),
                                  MAYBE(PAGES), MAYBE(FORCE)},
     .summary = "maps pages to frames",
     .details =
     "  new    takes a block of frames for it, so SIZE must be a power of two up to 1G\n"
     OPTIONS_TEXT
     "  pages  their size; else the largest that alignment allows\n"
     "  Without SIZE one page, of 4K unless pages= is given; FLAGS are rw if not given.\n"
     "  For example: map 0 0xb8000, then write 0xc80 0xf021f077f065f04e\n",
     .run = command_map},
    {.name = "unmap", .arguments = {ONE(PAGE), MAYBE(SIZE), MAYBE(FORCE)},
     .summary = "removes mappings, and tables that become empty",
     .details = "  Without SIZE the one page at VA, whatever its size.\n"
                "  force  also where the kernel needs the mapping\n",
     .run = command_unmap},
    {.name = "protect", .arguments = {ONE(PAGE), MAYBE(SIZE), ONE(FLAGS), MAYBE(FORCE)},
     .summary = "gives pages other permissions",
     .details = "  Without SIZE the one page at VA, whatever its size.\n" OPTIONS_TEXT,
     .run = command_protect},
    {.name = "split", .arguments = {ONE(ADDRESS)},
     .summary = "makes 512 smaller pages of the huge page around ADDR", .run = command_split},
    {.name = "merge", .arguments = {ONE(ADDRESS), MAYBE(HUGE)},
     .summary = "makes one huge page of the 512 pages around ADDR", .run = command_merge},
    {.name = "read", .arguments = {ONE(ADDRESS), MAYBE(BYTES)},
     .summary = "reads a 64-bit word, or dumps bytes", .run = command_read},
    {.name = "write", .arguments = {ONE(ADDRESS), ONE(VALUE), MAYBE(WIDTH), MAYBE(FORCE)},
     .summary = "writes that many bytes, 8 if not given",
     .details = "  force  also into memory that the kernel runs on, and into devices\n", .run = command_write},
    {.name = "fetch", .arguments = {ONE(ADDRESS)},
     .summary = "runs the one instruction at ADDR", .run = command_fetch},
    {.name = "access", .arguments = {MAYBE(STRATEGY)},
     .summary = "how page tables are reached; chooses another way", .run = command_access},
    {.name = "cpu", .summary = "features of the CPU, control registers bit by bit",
     .run = command_cpu},
    {.name = "claims", .arguments = {MAYBE(CLAIM)},
     .summary = "statements of the paging tutorial, shown on this machine", .run = command_claims},
    {.name = "test", .arguments = {MAYBE(GLOB)},
     .summary = "runs the kernel's own tests whose names match",
     .details =
     "  GLOB is a name such as map_to.refuses_a_page_that_is_mapped, with * and ?. Without it\n"
     "  the suites are listed. While they run, the tests have half of the free memory. A test\n"
     "  that hangs ends QEMU.\n",
     .run = command_test},
    {.name = "bench", .summary = "cycles that operations on page tables take here",
     .run = command_bench},
    {.name = "exit", .arguments = {MAYBE(CODE)},
     .summary = "ends QEMU: as success, or with the status 2 * CODE + 1",
     .details = "  CODE is 0, which is success as none is, or 1 to 127 but 16.\n",
     .run = command_exit},
    {.name = "reboot", .summary = "resets the machine", .run = command_reboot},
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
