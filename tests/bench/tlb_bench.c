/* What it costs to flush pages one by one and all at once: cycles for the flush and for touching a
 * working set afterwards. Where the two lines cross, TLB_FLUSH_PAGES_MAX belongs. And what huge
 * pages save: cycles of reads that are a page apart, in the same memory mapped both ways.
 * Meaningful on a real CPU only (ACCEL=kvm): an emulator has other costs. */
#include "kernel/panic/debug_exit.h"
#include "kernel/state/kernel.h"
#include "mm/page_range.h"

#define WINDOW UINT64_C(0xffffe00000000000)
#define SMALL_PAGES_WINDOW UINT64_C(0xffffe10000000000)
#define HUGE_PAGES_WINDOW UINT64_C(0xffffe20000000000)
#define READ_MEMORY UINT64_C(0x1000000)

enum { PAGES = 512, WORKING_SET = 128, ROUNDS = 401 };
enum { READ_PAGES_MIN = 16, READ_PAGES_MAX = 4096, CACHE_LINE_BYTES = 64 };

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

/* Median cycles of a read in each of `page_count` pages from `window` on, in a row. The reads take
 * turns through the lines of a page, or they would all fall into one set of a cache. */
static uint64_t measure_reads(uint64_t window, uint64_t page_count)
{
    static uint64_t cycles[ROUNDS];

    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t start = read_cycles();
        for (uint64_t page = 0; page < page_count; page++) {
            uint64_t line = page % (4096 / CACHE_LINE_BYTES);
            (void)*(volatile uint8_t *)mm_port_pointer(
                virt_addr_of(window + page * 4096 + line * CACHE_LINE_BYTES));
        }
        cycles[round] = read_cycles() - start;
    }
    return median(cycles);
}

static void map_or_fail(struct kernel *kernel, uint64_t window, uint64_t page_count,
                        uint64_t memory, enum range_pages pages)
{
    enum map_result result = tlb_flush_now(page_table_map_range(
        &kernel->page_table, page_range_of(virt_addr_of(window), page_count), phys_addr_of(memory),
        pages, page_flags_of(PAGE_PRESENT), kernel->table_frames));

    if (result != MAP_OK) {
        console_print(&kernel->console, "cannot map 0x%lx: %s\n", window, map_result_text(result));
        debug_exit(DEBUG_EXIT_FAIL);
    }
}

/* With one decimal. */
static void print_per_read(struct console *console, uint64_t cycles, uint64_t read_count)
{
    uint64_t tenths = cycles * 10 / read_count;

    console_print(console, "  %9lu.%lu", tenths / 10, tenths % 10);
}

static void bench_reads(struct kernel *kernel)
{
    struct console *console = &kernel->console;

    map_or_fail(kernel, SMALL_PAGES_WINDOW, READ_PAGES_MAX, READ_MEMORY, RANGE_PAGES_4K);
    map_or_fail(kernel, HUGE_PAGES_WINDOW, READ_PAGES_MAX, READ_MEMORY, RANGE_PAGES_2M);
    console_print(console, "cycles per read, one read every 4 KiB of the same memory\n"
                           "            4 KiB pages 2 MiB pages\n");
    for (uint64_t page_count = READ_PAGES_MIN; page_count <= READ_PAGES_MAX; page_count *= 4) {
        console_print(console, "%4lu reads  ", page_count);
        print_per_read(console, measure_reads(SMALL_PAGES_WINDOW, page_count), page_count);
        print_per_read(console, measure_reads(HUGE_PAGES_WINDOW, page_count), page_count);
        console_print(console, "\n");
    }
}

static void bench_main(struct kernel *kernel)
{
    struct console *console = &kernel->console;

    map_or_fail(kernel, WINDOW, PAGES, 0x300000, RANGE_PAGES_4K);
    console_print(console, "cycles to flush, and to touch a working set of %d pages afterwards\n",
                  WORKING_SET);
    console_print(console, "everything    %8lu\n", measure(0));
    for (unsigned page_count = 1; page_count <= PAGES - WORKING_SET; page_count *= 2) {
        console_print(console, "%4u pages    %8lu\n", page_count, measure(page_count));
    }
    console_print(console, "page by page up to %d pages\n", TLB_FLUSH_PAGES_MAX);
    bench_reads(kernel);
    debug_exit(DEBUG_EXIT_PASS);
}

KERNEL_ENTRY(bench_main);
