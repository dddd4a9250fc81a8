/* What allocating and freeing frames costs on this machine. Prints a table; run it on one core:
 *
 *   gcc -std=gnu11 -O2 -I. tests/bench/frame_bench.c mm/buddy_*.c mm/bit_tree.c mm/pool_source.c \
 *       mm/frame_source.c -o build/frame_bench && taskset -c 1 build/frame_bench
 *
 * Each figure is the median of many repetitions. What is compared takes turns, so that all of it
 * sees the same machine.
 */
#include "mm/buddy_source.h"
#include "mm/pool_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

enum {
    PAIR_COUNT = 1000,
    PAIR_REPETITIONS = 2001,
    HELD_COUNT = 8,
    RUN_COUNT = 1000000, /* allocations in a row */
    PART_COUNT = 1000,   /* of them, for one figure */
    RUN_REPETITIONS = 201,
    SAMPLES_MAX = PAIR_REPETITIONS,
    LIST_FRAMES = 64,
    POOL_FRAMES = 4096,
};

#define GIB (UINT64_C(1) << 30)
#define LOW_MEMORY_START UINT64_C(0x100000)
#define LOW_MEMORY_END (6 * GIB - 0x200000)
#define HIGH_MEMORY_START (1024 * GIB)

enum figure {
    LIST_INLINE_PAIR,
    LIST_PAIR,
    POOL_PAIR,
    BUDDY_PAIR,
    BUDDY_PAIR_AT_MILLION,
    BUDDY_2M_PAIR,
    BUDDY_1G_PAIR,
    ALLOCATE_FIRST_CALL,
    ALLOCATE_FIRST_COLD,
    ALLOCATE_FIRST,
    ALLOCATE_SECOND,
    ALLOCATE_MILLIONTH,
    FREE_FIRST,
    FREE_MILLIONTH,
    INIT_6_GIB,
    INIT_512_GIB,
    INIT_4_TIB,
    FIGURE_COUNT,
    NO_FIGURE = FIGURE_COUNT,
};

static const char *const figure_names[FIGURE_COUNT] = {
    [LIST_INLINE_PAIR] = "push and pop, intrusive list, inline",
    [LIST_PAIR] = "push and pop, intrusive list, as a frame source",
    [POOL_PAIR] = "free and allocate, pool",
    [BUDDY_PAIR] = "free and allocate, buddy, none allocated",
    [BUDDY_PAIR_AT_MILLION] = "free and allocate, buddy, a million allocated",
    [BUDDY_2M_PAIR] = "free and allocate 2 MiB, buddy",
    [BUDDY_1G_PAIR] = "free and allocate 1 GiB, buddy",
    [ALLOCATE_FIRST_CALL] = "allocate, very first call",
    [ALLOCATE_FIRST_COLD] = "allocate, each of the first 1000, caches cold",
    [ALLOCATE_FIRST] = "allocate, each of the first 1000",
    [ALLOCATE_SECOND] = "allocate, each of the second 1000",
    [ALLOCATE_MILLIONTH] = "allocate, each of the 1000 up to the millionth",
    [FREE_FIRST] = "free, each of the first 1000",
    [FREE_MILLIONTH] = "free, each of the 1000 up to the millionth",
    [INIT_6_GIB] = "init with 6 GiB",
    [INIT_512_GIB] = "init with 512 GiB more",
    [INIT_4_TIB] = "init with 4 TiB more",
};

static double samples[FIGURE_COUNT][SAMPLES_MAX];
static unsigned sample_counts[FIGURE_COUNT];

static void fail(const char *text)
{
    fprintf(stderr, "frame_bench: %s\n", text);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void add_sample(enum figure figure, uint64_t start_ns, uint64_t count)
{
    uint64_t end_ns = now_ns();

    if (figure != NO_FIGURE) {
        samples[figure][sample_counts[figure]++] = (double)(end_ns - start_ns) / (double)count;
    }
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
}

static double median(enum figure figure)
{
    qsort(samples[figure], sample_counts[figure], sizeof(double), compare);
    return samples[figure][sample_counts[figure] / 2];
}

/* The least that a frame allocator can do: free frames hold the address of the next. */
struct list_source {
    struct frame_source source;
    uint64_t first;
    uint8_t memory[LIST_FRAMES + 1][1 << PAGE_SHIFT];
};

static inline uint64_t *link_of(struct list_source *self, uint64_t frame)
{
    return (uint64_t *)(self->memory[0] + frame);
}

static bool list_allocate(struct frame_source *source, unsigned order, phys_addr *frame)
{
    struct list_source *self = (struct list_source *)source;

    if (order != 0 || self->first == 0) {
        return false;
    }
    *frame = phys_addr_of(self->first);
    self->first = *link_of(self, self->first);
    return true;
}

static enum frame_free_result list_free(struct frame_source *source, unsigned order,
                                        phys_addr frame)
{
    struct list_source *self = (struct list_source *)source;

    (void)order;
    *link_of(self, frame.value) = self->first;
    self->first = frame.value;
    return FRAME_FREE_OK;
}

static void allocate_run(struct frame_source *source, unsigned order, phys_addr *frames,
                         unsigned count, enum figure figure)
{
    uint64_t start_ns = now_ns();

    for (unsigned i = 0; i < count; i++) {
        if (!frame_source_allocate(source, order, &frames[i])) {
            fail("out of frames");
        }
    }
    add_sample(figure, start_ns, count);
}

static void free_run(struct frame_source *source, unsigned order, const phys_addr *frames,
                     unsigned count, enum figure figure)
{
    uint64_t start_ns = now_ns();

    for (unsigned i = 0; i < count; i++) {
        if (frame_source_free(source, order, frames[i]) != FRAME_FREE_OK) {
            fail("a free failed");
        }
    }
    add_sample(figure, start_ns, count);
}

static void list_pairs(struct list_source *list)
{
    phys_addr held[HELD_COUNT];

    allocate_run(&list->source, 0, held, HELD_COUNT, NO_FIGURE);
    uint64_t start_ns = now_ns();

    for (unsigned i = 0; i < PAIR_COUNT; i++) {
        phys_addr *frame = &held[i % HELD_COUNT];

        *link_of(list, frame->value) = list->first;
        list->first = frame->value;
        __asm__ volatile("" : : : "memory");
        frame->value = list->first;
        list->first = *link_of(list, frame->value);
        __asm__ volatile("" : : : "memory");
    }
    add_sample(LIST_INLINE_PAIR, start_ns, PAIR_COUNT);
    free_run(&list->source, 0, held, HELD_COUNT, NO_FIGURE);
}

/* Frees a frame and allocates one, again and again. Several are held, since with one alone the time
 * is that of forwarding a store to the next load. Never inlined, so that all sources are called from
 * the same place. */
static __attribute__((noinline)) void source_pairs(struct frame_source *source, unsigned order,
                                                   unsigned held_count, enum figure figure)
{
    phys_addr held[HELD_COUNT];

    allocate_run(source, order, held, held_count, NO_FIGURE);
    uint64_t start_ns = now_ns();

    for (unsigned i = 0; i < PAIR_COUNT; i++) {
        phys_addr *frame = &held[i & (held_count - 1)];

        if (frame_source_free(source, order, *frame) != FRAME_FREE_OK ||
            !frame_source_allocate(source, order, frame)) {
            fail("a pair failed");
        }
    }
    add_sample(figure, start_ns, PAIR_COUNT);
    free_run(source, order, held, held_count, NO_FIGURE);
}

/* An allocator with memory of its own. */
struct machine {
    _Alignas(4096) struct buddy_source buddy;
    struct frame_range ranges[2];
    uint64_t base;
};

static void machine_init(struct machine *machine, uint64_t high_bytes)
{
    /* The allocator touches its metadata only, which goes to the range whose end is none of 1 GiB:
     * so what lies high needs no memory behind it. */
    machine->ranges[0] = (struct frame_range){phys_addr_of(LOW_MEMORY_START),
                                              (LOW_MEMORY_END - LOW_MEMORY_START) >> PAGE_SHIFT};
    machine->ranges[1] =
        (struct frame_range){phys_addr_of(HIGH_MEMORY_START), high_bytes >> PAGE_SHIFT};
    if (machine->base == 0) {
        void *window = mmap(NULL, LOW_MEMORY_END, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (window == MAP_FAILED) {
            fail("no address space");
        }
        machine->base = (uint64_t)window;
    }
    if (!buddy_source_init(&machine->buddy, machine->base, machine->ranges, 2)) {
        fail("no room for the metadata");
    }
}

static void measure_pairs(phys_addr *frames)
{
    static struct machine fresh;
    static struct machine used;
    static struct list_source list = {.source = {list_allocate, list_free}};
    static struct pool_source pool;
    static uint32_t links[POOL_FRAMES];

    machine_init(&fresh, 0);
    machine_init(&used, 0);
    allocate_run(&used.buddy.source, 0, frames, RUN_COUNT, NO_FIGURE);
    for (uint64_t i = LIST_FRAMES; i > 0; i--) {
        list_free(&list.source, 0, phys_addr_of(i << PAGE_SHIFT));
    }
    pool_source_init(&pool, (struct frame_range){phys_addr_of(0), POOL_FRAMES}, links);

    for (unsigned i = 0; i < PAIR_REPETITIONS; i++) {
        list_pairs(&list);
        source_pairs(&list.source, 0, HELD_COUNT, LIST_PAIR);
        source_pairs(&pool.source, 0, HELD_COUNT, POOL_PAIR);
        source_pairs(&fresh.buddy.source, 0, HELD_COUNT, BUDDY_PAIR);
        source_pairs(&used.buddy.source, 0, HELD_COUNT, BUDDY_PAIR_AT_MILLION);
        source_pairs(&used.buddy.source, 9, HELD_COUNT, BUDDY_2M_PAIR);
        source_pairs(&used.buddy.source, 18, 1, BUDDY_1G_PAIR);
    }
}

static void measure_runs(phys_addr *frames)
{
    static struct machine machine;
    struct frame_source *source = &machine.buddy.source;
    const unsigned last_part = RUN_COUNT - PART_COUNT;

    for (unsigned i = 0; i < RUN_REPETITIONS; i++) {
        machine_init(&machine, 0);
        allocate_run(source, 0, frames, PART_COUNT, ALLOCATE_FIRST_COLD);
        machine_init(&machine, 0);
        allocate_run(source, 0, frames, 1, ALLOCATE_FIRST_CALL);
        /* The caches are as warm as they are when the millionth's turn comes. */
        machine_init(&machine, 0);
        allocate_run(source, 0, frames, PART_COUNT, ALLOCATE_FIRST);
        allocate_run(source, 0, frames + PART_COUNT, PART_COUNT, ALLOCATE_SECOND);
        allocate_run(source, 0, frames + 2 * PART_COUNT, last_part - 2 * PART_COUNT, NO_FIGURE);
        allocate_run(source, 0, frames + last_part, PART_COUNT, ALLOCATE_MILLIONTH);
        free_run(source, 0, frames, PART_COUNT, FREE_FIRST);
        free_run(source, 0, frames + PART_COUNT, last_part - PART_COUNT, NO_FIGURE);
        free_run(source, 0, frames + last_part, PART_COUNT, FREE_MILLIONTH);
    }
}

static void measure_inits(void)
{
    static struct machine machine;
    static const struct {
        enum figure figure;
        uint64_t high_bytes;
    } cases[] = {{INIT_6_GIB, 0}, {INIT_512_GIB, 512 * GIB}, {INIT_4_TIB, 4096 * GIB}};

    for (unsigned i = 0; i < RUN_REPETITIONS; i++) {
        for (unsigned k = 0; k < sizeof cases / sizeof cases[0]; k++) {
            uint64_t start_ns = now_ns();

            machine_init(&machine, cases[k].high_bytes);
            add_sample(cases[k].figure, start_ns, 1);
        }
    }
}

static double percent_more(enum figure figure, enum figure than)
{
    return 100 * (median(figure) / median(than) - 1);
}

int main(void)
{
    phys_addr *frames = malloc(RUN_COUNT * sizeof *frames);

    if (frames == NULL) {
        fail("out of memory");
    }
    measure_pairs(frames);
    measure_runs(frames);
    measure_inits();

    printf("%-48s %9s %9s %9s\n", "", "ns", "x inline", "x source");
    for (enum figure i = 0; i < FIGURE_COUNT; i++) {
        printf("%-48s %9.2f", figure_names[i], median(i));
        if (i <= BUDDY_1G_PAIR) {
            printf(" %9.2f %9.2f", median(i) / median(LIST_INLINE_PAIR),
                   median(i) / median(LIST_PAIR));
        }
        printf("\n");
    }
    printf(
        "\nthe millionth against the first 1000: allocate %+.1f %%, free and allocate %+.1f %%\n",
        percent_more(ALLOCATE_MILLIONTH, ALLOCATE_FIRST),
        percent_more(BUDDY_PAIR_AT_MILLION, BUDDY_PAIR));
    return 0;
}
