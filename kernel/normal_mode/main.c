/* Normal mode: shows the kernel's paging, then lets it be explored. */
#include "kernel/normal_mode/demonstration.h"
#include "kernel/panic/debug_exit.h"
#include "kernel/panic/panic.h"
#include "kernel/prompt/prompt.h"

static uint64_t read_word(virt_addr address)
{
    const volatile uint64_t *word = mm_port_pointer(address);

    return *word;
}

/* Uses `page_count` pages of the stack. Each call reads the page of the one before, so that no
 * compiler can make a loop of it. */
static uint64_t use_stack(uint64_t page_count, const volatile uint8_t *above)
{
    volatile uint8_t page[4096];

    page[0] = above[0];
    return page_count == 0 ? page[0] : use_stack(page_count - 1, page) + page[0];
}

/* Fails in the way that the command line asks for. */
static void provoke(enum provocation provocation)
{
    switch (provocation) {
    case PROVOKE_NOTHING:
        break;
    case PROVOKE_NULL:
        (void)read_word(virt_addr_of(0));
        break;
    case PROVOKE_OVERFLOW:
        (void)use_stack(1000, &(const volatile uint8_t){1});
        break;
    case PROVOKE_PANIC:
        PANIC("asked for on the command line");
    }
}

__attribute__((noinline)) static void kernel_main(struct kernel *kernel)
{
    if (kernel->options.unknown_word[0] != '\0') {
        console_print(&kernel->console, "command line: \"%s\" means nothing; ignored\n",
                      kernel->options.unknown_word);
    }
    demonstration_run(kernel);
    provoke(kernel->options.provoke);
    if (kernel->options.once) {
        debug_exit(DEBUG_EXIT_PASS);
    }
    monitor_run(kernel);
}

KERNEL_ENTRY(kernel_main);
