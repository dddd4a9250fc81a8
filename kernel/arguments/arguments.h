/* The arguments of commands: one table of what each kind is called, how it is read and what could
 * stand in its place. Usage, parsing and completion are made from it, and so agree. */
#pragma once

#include "kernel/line/words.h"
#include "kernel/monitor/monitor.h"
#include "mm/page_range.h"

enum { ARGUMENTS_MAX = WORDS_MAX - 1 };

/* Those from SIZE on are options: they may stand in any order behind the others. */
enum argument_kind {
    ARGUMENT_END,
    ARGUMENT_COMMAND,
    ARGUMENT_ADDRESS,
    ARGUMENT_PAGE,  /* an address where a page of 4 KiB begins */
    ARGUMENT_FRAME, /* a physical address */
    ARGUMENT_FRAME_OR_NEW,
    ARGUMENT_VALUE,
    ARGUMENT_STRATEGY,
    ARGUMENT_CLAIM,
    ARGUMENT_GLOB,
    ARGUMENT_CODE,
    ARGUMENT_SIZE,  /* a multiple of 4 KiB */
    ARGUMENT_BLOCK, /* the size of a block of frames */
    ARGUMENT_HUGE,  /* the size of a huge page */
    ARGUMENT_BYTES,
    ARGUMENT_WIDTH,
    ARGUMENT_FLAGS,
    ARGUMENT_PAGES,
    ARGUMENT_FORCE,
    ARGUMENT_KIND_COUNT,
};

struct argument {
    enum argument_kind kind;
    bool optional;
};

/* What was typed. A kind that was not given leaves its field 0. */
struct arguments {
    bool given[ARGUMENT_KIND_COUNT];
    const char *word; /* COMMAND, STRATEGY, CLAIM, GLOB */
    virt_addr address;
    phys_addr frame;
    bool new_frames;  /* the frame was given as `new` */
    uint64_t value;   /* VALUE, CODE */
    uint64_t bytes;   /* SIZE, BLOCK, HUGE, BYTES, WIDTH */
    page_flags flags; /* PRESENT among them; NO_EXECUTE only if the CPU has it */
    enum range_pages pages;
    bool force;
};

struct command;

/* Reads what follows the command's name. Says in one line what is wrong, if something is. */
__attribute__((warn_unused_result)) bool
arguments_read(struct monitor *monitor, const struct command *command, const struct words *words,
               struct arguments *arguments);

/* The command and what it takes, such as `walk ADDR`. */
void arguments_print_usage(struct monitor *monitor, const struct command *command);
