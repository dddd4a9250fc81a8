#include "tests/host/world_save.h"

#include <stdlib.h>
#include <string.h>

struct saved_run {
    struct page_model model;
    uint64_t free_count;
    uint64_t in_use;
    uint64_t limit;
    uint32_t *free;
    uint8_t *state;
    uint8_t ram[];
};

static void *copy_of(const void *from, size_t bytes)
{
    void *copy = malloc(bytes > 0 ? bytes : 1);

    if (copy == NULL) {
        host_panic("no memory to save a run");
    }
    if (bytes > 0) {
        memcpy(copy, from, bytes);
    }
    return copy;
}

static struct page_model model_copy(const struct page_model *from)
{
    struct page_model model = *from;

    model.leaf_room = model.leaf_count;
    model.leaves = copy_of(from->leaves, from->leaf_count * sizeof *from->leaves);
    for (unsigned level = 0; level < PAGING_LEVELS_MAX; level++) {
        struct model_tables *tables = &model.tables[level];

        tables->room = tables->count;
        tables->list = copy_of(from->tables[level].list, tables->count * sizeof *tables->list);
    }
    return model;
}

struct saved_run *model_run_save(const struct model_run *run)
{
    const struct world *world = run->world;
    struct saved_run *saved = malloc(sizeof *saved + world->memory.ram_bytes);

    if (saved == NULL) {
        host_panic("no memory to save a run");
    }
    saved->model = model_copy(&run->model);
    saved->free_count = world->frames.free_count;
    saved->in_use = world->frames.in_use;
    saved->limit = world->frames.limit;
    saved->free =
        copy_of(world->frames.free, world->frames.frame_count * sizeof *world->frames.free);
    saved->state = copy_of(world->frames.state, world->frames.frame_count);
    memcpy(saved->ram, world->memory.ram, world->memory.ram_bytes);
    return saved;
}

void saved_run_free(struct saved_run *saved)
{
    page_model_free(&saved->model);
    free(saved->free);
    free(saved->state);
    free(saved);
}

void model_run_restore(struct model_run *run, const struct saved_run *saved)
{
    struct world *world = run->world;

    page_model_free(&run->model);
    run->model = model_copy(&saved->model);
    world->frames.free_count = saved->free_count;
    world->frames.in_use = saved->in_use;
    world->frames.limit = saved->limit;
    memcpy(world->frames.free, saved->free, world->frames.frame_count * sizeof *world->frames.free);
    memcpy(world->frames.state, saved->state, world->frames.frame_count);
    memcpy(world->memory.ram, saved->ram, world->memory.ram_bytes);
    host_cpu_flush_all();
}

static uint64_t mixed(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

/* What is in free frames does not matter: they are filled again when they are handed out. */
uint64_t model_run_hash(const struct model_run *run)
{
    const struct world *world = run->world;
    uint64_t hash = mixed(1, world->frames.limit);

    for (uint64_t i = 0; i < world->frames.free_count; i++) {
        hash = mixed(hash, world->frames.free[i]);
    }
    for (uint64_t frame = 0; frame < world->frames.frame_count; frame++) {
        for (uint64_t at = 0; at < 4096 && world->frames.state[frame] != FRAME_FREE; at += 8) {
            uint64_t word;

            memcpy(&word, world->memory.ram + (frame << PAGE_SHIFT) + at, sizeof word);
            hash = word == 0 ? hash : mixed(hash, word + at * UINT64_C(0x100000001b3));
        }
    }
    return hash;
}
