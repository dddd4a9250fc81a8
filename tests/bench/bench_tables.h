/* The tables that the benchmarks of mm/ work on: in memory of the program, reached linearly. */
#pragma once

#include "mm/page_range.h"
#include "tests/bench/hand_written.h"

enum {
    GIB_PAGES = 1 << 18,      /* 4 KiB pages in 1 GiB */
    GIB_TABLES = 1 + 1 + 512, /* below the root, for 1 GiB in 4 KiB pages */
    GIBS_32_TABLES = 1 + 32,  /* below the root, for 32 GiB in 2 MiB pages */
    TABLE_BYTES = 4096,
};

#define PAGES_START UINT64_C(0x7e8000000000) /* the first page mapped: a multiple of 512 GiB */
#define MEMORY_START (UINT64_C(8) << 30)     /* where it is mapped to */
#define LEAF_FLAGS (PAGE_PRESENT | PAGE_WRITABLE)

/* Hands out the frames of the arena one after the other. */
struct bump_source {
    struct frame_source source;
    uint64_t taken;
    uint64_t freed;
};

struct bench_tables {
    struct bump_source frames;
    struct page_table table;
    struct hand_table hand;   /* the same tree */
    unsigned char *arena;     /* the first frame is the root */
    enum page_size size;      /* of the pages that translations are timed with */
    uint64_t page_count;
};

/* Ends the program with a message unless `fact` holds. */
void bench_require(bool fact, const char *what);

void bench_tables_init(struct bench_tables *tables);

/* The first table below the root; the others follow in the order in which they were taken. */
static inline unsigned char *bench_lower_tables(const struct bench_tables *tables)
{
    return tables->arena + TABLE_BYTES;
}

static inline struct page_range bench_range(uint64_t page_count)
{
    return page_range_of(virt_addr_of(PAGES_START), page_count);
}

/* Preparations for struct timed: `context` is a struct bench_tables.
 * An empty root; the other frames are as dirty and as warm as the last run left them. */
void prepare_empty_root(void *context);

/* Maps `page_count` pages of `size`, in an empty root. */
void prepare_pages(void *context);

/* Maps 1 GiB in 4 KiB pages, in an empty root. */
void prepare_gib(void *context);

/* The tables for 1 GiB in 4 KiB pages, with nothing mapped. */
void prepare_empty_tables(void *context);

/* The benchmarks: each prints its rows. */
void bench_translate(struct bench_tables *tables);
void bench_page(struct bench_tables *tables);
void bench_range_operations(struct bench_tables *tables);
