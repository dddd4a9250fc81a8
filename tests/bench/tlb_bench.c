/* What it costs to flush pages one by one and all at once: cycles for the flush and for touching a
 * working set afterwards. Where the two lines cross, TLB_FLUSH_PAGES_MAX belongs. Meaningful on a
 * real CPU only (ACCEL=kvm): an emulator has other costs. */
#include "kernel/drivers/debug_exit.h"
#include "kernel/kernel.h"
#include "mm/page_range.h"

#define WINDOW UINT64_C(0xffffe00000000000)

enum { PAGES = 512, WORKING_SET = 128, ROUNDS = 401 };

static uint64_t read_cycles(void)
{
    uint32_t low;
    uint32_t high;

    __asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

/* The working set is at the end of the pages, so that what is flushed one by one is no part of it
 * unless it has to be. */
static void touch_working_set(void)
{
    for (uint64_t page = PAGES - WORKING_SET; page < PAGES; page++) {
        (void)*(volatile uint8_t *)mm_port_pointer(virt_addr_of(WINDOW + page * 4096));
    }
}

static uint64_t median(uint64_t *values)
{
    for (unsigned i = 1; i < ROUNDS; i++) {
        for (unsigned j = i; j > 0 && values[j - 1] > values[j]; j--) {
            uint64_t swap = values[j];
            values[j] = values[j - 1];
            values[j - 1] = swap;
        }
    }
    return values[ROUNDS / 2];
}

/* Median cycles of flushing `page_count` pages, 0 for everything, and touching the working set. */
static uint64_t measure(unsigned page_count)
{
    static uint64_t cycles[ROUNDS];

    for (unsigned round = 0; round < ROUNDS; round++) {
        touch_working_set();
        uint64_t start = read_cycles();
        if (page_count == 0) {
            mm_port_flush_all();
        }
        for (unsigned page = 0; page < page_count; page++) {
            mm_port_flush_page(virt_addr_of(WINDOW + page * 4096ull));
        }
        touch_working_set();
        cycles[round] = read_cycles() - start;
    }
    return median(cycles);
}

static void bench_main(struct kernel *kernel)
{
    struct console *console = &kernel->console;
    enum map_result result = tlb_flush_now(page_table_map_range(
        &kernel->page_table, page_range_of(virt_addr_of(WINDOW), PAGES), phys_addr_of(0x300000),
        RANGE_PAGES_4K, page_flags_of(PAGE_PRESENT), kernel->table_frames));

    if (result != MAP_OK) {
        console_print(console, "cannot map the window: %s\n", map_result_text(result));
        debug_exit(DEBUG_EXIT_FAIL);
    }
    console_print(console, "cycles to flush, and to touch a working set of %d pages afterwards\n",
                  WORKING_SET);
    console_print(console, "everything    %8lu\n", measure(0));
    for (unsigned page_count = 1; page_count <= PAGES - WORKING_SET; page_count *= 2) {
        console_print(console, "%4u pages    %8lu\n", page_count, measure(page_count));
    }
    console_print(console, "page by page up to %d pages\n", TLB_FLUSH_PAGES_MAX);
    debug_exit(DEBUG_EXIT_PASS);
}

KERNEL_ENTRY(bench_main);
