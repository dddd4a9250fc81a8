#include "kernel/report/backtrace.h"

#include "kernel/layout/symbols.h"
#include "kernel/traps/stacks.h"

/* What a function with a frame pointer has at it: x86-64 psABI, 3.2.2 "The Stack Frame". */
struct stack_frame {
    uint64_t caller_frame_pointer;
    uint64_t return_address;
};

static void print_address(struct console *console, uint64_t address)
{
    uint64_t offset;
    const char *name = symbol_find(address, &offset);

    if (name == NULL) {
        console_print(console, "    0x%lx\n", address);
    } else {
        console_print(console, "    0x%lx %s+0x%lx\n", address, name, offset);
    }
}

unsigned backtrace_collect(uint64_t instruction, uint64_t frame_pointer,
                           uint64_t addresses[BACKTRACE_FRAMES_MAX], bool *complete)
{
    unsigned count = 0;

    *complete = true;
    addresses[count++] = instruction;
    while (is_aligned(frame_pointer, 8) &&
           stacks_contain(frame_pointer, sizeof(struct stack_frame))) {
        const struct stack_frame *frame = (const struct stack_frame *)frame_pointer;
        if (frame->return_address == 0) {
            break;
        }
        if (count == BACKTRACE_FRAMES_MAX) {
            *complete = false;
            break;
        }
        addresses[count++] = frame->return_address;
        if (frame->caller_frame_pointer <= frame_pointer) {
            break; /* the outermost frame, or a chain that would never end */
        }
        frame_pointer = frame->caller_frame_pointer;
    }
    return count;
}

void backtrace_print(struct console *console, uint64_t instruction, uint64_t frame_pointer)
{
    uint64_t addresses[BACKTRACE_FRAMES_MAX];
    bool complete;
    unsigned count = backtrace_collect(instruction, frame_pointer, addresses, &complete);

    console_print(console, "  backtrace:\n");
    for (unsigned i = 0; i < count; i++) {
        print_address(console, addresses[i]);
    }
    console_print(console, complete ? "" : "    ...\n");
}
