/* Translations, in throughput: each is independent of the one before. */
#include "tests/bench/bench_tables.h"
#include "tests/bench/measure.h"

/* For i = 0, 1 .. count-1, a power of two: each of these numbers once, in no apparent order. */
static inline uint64_t scatter(uint64_t i, uint64_t count)
{
    uint64_t x = (i * 0x9e3779b1 + 12345) & (count - 1);

    x ^= x >> 7;
    return x * 0xd1b54a35 & (count - 1);
}

static inline uint64_t in_order(uint64_t i, uint64_t count)
{
    (void)count;
    return i;
}

/* Each page is translated once: the sum of all addresses tells whether all were right. */
static void check_sum(const struct bench_tables *tables, uint64_t sum)
{
    uint64_t count = tables->page_count;
    uint64_t page_numbers = count * (count - 1) / 2;

    bench_require(sum == count * MEMORY_START + page_numbers * page_size_bytes(tables->size),
                  "a translation is wrong");
}

/* `order` is in_order or scatter, as a constant. */
__attribute__((always_inline)) static inline void
translate_all(struct bench_tables *tables, uint64_t (*order)(uint64_t i, uint64_t count))
{
    uint64_t bytes = page_size_bytes(tables->size);
    uint64_t count = tables->page_count;
    uint64_t sum = 0;

    for (uint64_t i = 0; i < count; i++) {
        virt_addr page = virt_addr_of(PAGES_START + order(i, count) * bytes);
        sum += page_table_translate(&tables->table, page).address.value;
    }
    check_sum(tables, sum);
}

__attribute__((always_inline)) static inline void
hand_translate_all(struct bench_tables *tables, uint64_t (*order)(uint64_t i, uint64_t count))
{
    uint64_t bytes = page_size_bytes(tables->size);
    uint64_t count = tables->page_count;
    uint64_t sum = 0;

    for (uint64_t i = 0; i < count; i++) {
        uint64_t page = PAGES_START + order(i, count) * bytes;
        sum += hand_translate(&tables->hand, page);
    }
    check_sum(tables, sum);
}

static void run_sequential(void *context)
{
    translate_all(context, in_order);
}

static void run_random(void *context)
{
    translate_all(context, scatter);
}

static void run_hand_sequential(void *context)
{
    hand_translate_all(context, in_order);
}

static void run_hand_random(void *context)
{
    hand_translate_all(context, scatter);
}

static void compare(struct bench_tables *tables, const char *operation, struct timed subject,
                    struct timed limit, enum page_size size, uint64_t page_count)
{
    struct row row = {operation, "hand-written walk", "ns", 1.0 / (double)page_count, 1.15};
    unsigned turns = page_count == GIB_PAGES ? 200 : MEASURE_TURNS_MAX / 2;

    tables->size = size;
    tables->page_count = page_count;
    prepare_pages(tables);
    report_row(&row, measure(subject, limit, turns, tables));
}

void bench_translate(struct bench_tables *tables)
{
    struct timed sequential = {.run = run_sequential};
    struct timed random = {.run = run_random};
    struct timed hand_sequential = {.run = run_hand_sequential};
    struct timed hand_random = {.run = run_hand_random};

    compare(tables, "translate 4 KiB pages, sequential, 1 GiB", sequential, hand_sequential,
            PAGE_4K, GIB_PAGES);
    compare(tables, "translate 4 KiB pages, random, 1 GiB", random, hand_random, PAGE_4K,
            GIB_PAGES);
    compare(tables, "translate 2 MiB pages, random, 32 GiB", random, hand_random, PAGE_2M, 32 * 512);
    compare(tables, "translate 1 GiB pages, random, 512 GiB", random, hand_random, PAGE_1G, 512);
}
