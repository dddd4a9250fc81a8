#define _GNU_SOURCE

#include "tests/bench/bench_tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    FRAME_COUNT = 1024, /* in the arena */
    HUGE_BYTES = 2 << 20,
};

#define ARENA_ADDRESS UINT64_C(0x100000) /* physical, of the root */

void bench_require(bool fact, const char *what)
{
    if (!fact) {
        fprintf(stderr, "page_table_bench: %s\n", what);
        exit(1);
    }
}

static bool bump_allocate(struct frame_source *source, unsigned order, phys_addr *frame)
{
    struct bump_source *self = (struct bump_source *)source;

    if (order != 0 || self->taken == FRAME_COUNT) {
        return false;
    }
    *frame = phys_addr_of(ARENA_ADDRESS + self->taken * TABLE_BYTES);
    self->taken++;
    return true;
}

static enum frame_free_result bump_free(struct frame_source *source, unsigned order,
                                        phys_addr frame)
{
    struct bump_source *self = (struct bump_source *)source;

    (void)order;
    (void)frame;
    self->freed++;
    return FRAME_FREE_OK;
}

/* Memory that stays where it is in the host's cache and TLB: huge pages, if the host gives any. */
static unsigned char *new_arena(void)
{
    size_t bytes = (size_t)FRAME_COUNT * TABLE_BYTES;
    unsigned char *memory = aligned_alloc(HUGE_BYTES, bytes);

    bench_require(memory != NULL, "no memory");
    (void)madvise(memory, bytes, MADV_HUGEPAGE);
    memset(memory, 0xa5, bytes);
    return memory;
}

void bench_tables_init(struct bench_tables *tables)
{
    unsigned char *arena = new_arena();
    uint64_t base = (uint64_t)arena - ARENA_ADDRESS;

    *tables = (struct bench_tables){
        .frames = {.source = {.allocate = bump_allocate, .free = bump_free}},
        .table =
            {
                .root = phys_addr_of(ARENA_ADDRESS),
                .levels = 4,
                .features = {.physical_bits = 46, .no_execute = true, .pages_1g = true},
                .access = table_access_linear(
                    base, phys_addr_of(ARENA_ADDRESS),
                    phys_addr_of(ARENA_ADDRESS + (uint64_t)FRAME_COUNT * TABLE_BYTES)),
            },
        .hand = {.root = ARENA_ADDRESS, .base = base, .physical_bits = 46, .no_execute = true},
        .arena = arena,
    };
}

void prepare_empty_root(void *context)
{
    struct bench_tables *tables = context;

    tables->frames.taken = 1;
    tables->frames.freed = 0;
    memset(tables->arena, 0, TABLE_BYTES);
}

void prepare_pages(void *context)
{
    struct bench_tables *tables = context;
    uint64_t page_count = tables->page_count * (page_size_bytes(tables->size) >> PAGE_SHIFT);

    prepare_empty_root(tables);
    bench_require(tlb_flush_ignore(page_table_map_range(
                      &tables->table, bench_range(page_count), phys_addr_of(MEMORY_START),
                      (enum range_pages)tables->size, page_flags_of(LEAF_FLAGS),
                      &tables->frames.source)) == MAP_OK,
                  "map_range failed");
}

void prepare_gib(void *context)
{
    struct bench_tables *tables = context;

    tables->size = PAGE_4K;
    tables->page_count = GIB_PAGES;
    prepare_pages(tables);
    bench_require(tables->frames.taken == 1 + GIB_TABLES, "1 GiB of 4 KiB pages is not 514 tables");
}

void prepare_empty_tables(void *context)
{
    struct bench_tables *tables = context;

    prepare_gib(tables);
    bench_require(tlb_flush_ignore(page_table_unmap_range(&tables->table,
                                                          bench_range(GIB_PAGES))) == RANGE_OK,
                  "unmap_range failed");
}
