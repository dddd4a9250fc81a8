#include "tests/host/world.h"

#include <stdio.h>
#include <stdlib.h>

/* Frames of the memory, by number. */
enum {
    ROOT_FRAME = 1,
    HELPER_FRAME = 2, /* and up to three more */
    SCRATCH_HOME_FRAME = 6,
    WINDOW_ROOT_FRAME = 7,
};

enum {
    TEMPORARY_FIRST_SLOT = 200,
    SCRATCH_ROOT_INDEX = 2,
    SCRATCH_INDEX = 7,
    DEFAULT_FRAME_COUNT = 128,
    DEFAULT_WINDOW_PAGES = 4096,
};

#define LINK_FLAGS (PAGE_PRESENT | PAGE_WRITABLE)

const struct world_shape world_shapes[] = {
    {.kind = ACCESS_LINEAR, .levels = 4},
    {.kind = ACCESS_LINEAR, .levels = 5, .ram_start = UINT64_C(0xffff800000000)},
    {.kind = ACCESS_TEMPORARY, .levels = 4},
    {.kind = ACCESS_TEMPORARY, .levels = 5, .ram_start = UINT64_C(0x123400000000)},
    {.kind = ACCESS_TEMPORARY, .levels = 4, .own_window = true},
    {.kind = ACCESS_RECURSIVE, .levels = 4, .recursive_slot = 510},
    {.kind = ACCESS_RECURSIVE, .levels = 5, .recursive_slot = 256, .ram_start = 0x40000000},
};
const unsigned world_shape_count = sizeof world_shapes / sizeof world_shapes[0];

static uint64_t frame_at(const struct world *world, uint64_t index)
{
    return world->memory.ram_start + (index << PAGE_SHIFT);
}

static void clear_frame(struct world *world, uint64_t index)
{
    mm_port_zero_table(world->memory.ram + (index << PAGE_SHIFT));
}

/* Makes tables, from frame HELPER_FRAME on, between entry `root_index` of the root in a frame and
 * the page with only zeros for the other indices. Returns the frame of the level-1 table. */
static uint64_t make_helper_tables(struct world *world, uint64_t root, unsigned root_index)
{
    uint64_t at = root + 8 * root_index;
    uint64_t table = root;

    for (unsigned level = world->shape.levels - 1; level >= 1; level--) {
        uint64_t index = HELPER_FRAME + world->shape.levels - 1 - level;

        clear_frame(world, index);
        table = frame_at(world, index);
        soft_mmu_write(&world->mmu, at, table | LINK_FLAGS);
        at = table;
    }
    return table;
}

static void make_temporary(struct world *world)
{
    uint64_t window_root =
        world->shape.own_window ? frame_at(world, WINDOW_ROOT_FRAME) : world->table.root.value;
    uint64_t level_1;
    struct table_access *access = &world->table.access;

    clear_frame(world, WINDOW_ROOT_FRAME);
    level_1 = make_helper_tables(world, window_root, 0);
    for (unsigned page = 0; page < TABLE_ENTRY_COUNT; page++) {
        soft_mmu_write(&world->mmu, level_1 + 8 * page, frame_at(world, page) | LINK_FLAGS);
    }
    *access = table_access_temporary(virt_addr_of(level_1 - world->memory.ram_start),
                                     virt_addr_of(0), TEMPORARY_FIRST_SLOT);
    world->cpu.mmu.root = window_root;
    world->table.active = !world->shape.own_window;
    world->own_entries = level_1 + 8 * TEMPORARY_FIRST_SLOT;
    world->own_entry_count = TEMPORARY_SLOT_COUNT;
}

static void make_recursive(struct world *world)
{
    unsigned slot = world->shape.recursive_slot;
    unsigned shift = level_shift(world->shape.levels);
    uint64_t scratch = (uint64_t)SCRATCH_ROOT_INDEX << shift | SCRATCH_INDEX << PAGE_SHIFT;
    uint64_t level_1 = make_helper_tables(world, world->table.root.value, SCRATCH_ROOT_INDEX);

    world->own_entries = level_1 + 8 * SCRATCH_INDEX;
    world->own_entry_count = 1;
    clear_frame(world, SCRATCH_HOME_FRAME);
    soft_mmu_write(&world->mmu, world->own_entries,
                   frame_at(world, SCRATCH_HOME_FRAME) | LINK_FLAGS);
    soft_mmu_write(&world->mmu, world->table.root.value + 8 * slot,
                   world->table.root.value | LINK_FLAGS);
    world->table.access = table_access_recursive(slot, virt_addr_of(scratch));
}

void world_hidden(const struct world_shape *shape, bool hidden[TABLE_ENTRY_COUNT])
{
    for (unsigned index = 0; index < TABLE_ENTRY_COUNT; index++) {
        hidden[index] = false;
    }
    if (shape->kind == ACCESS_TEMPORARY) {
        hidden[0] = !shape->own_window;
    } else if (shape->kind == ACCESS_RECURSIVE) {
        hidden[SCRATCH_ROOT_INDEX] = true;
        hidden[shape->recursive_slot] = true;
    }
}

static void make_access(struct world *world)
{
    uint64_t base = (uint64_t)(uintptr_t)world->memory.ram - world->memory.ram_start;
    phys_addr start = phys_addr_of(world->memory.ram_start);

    world->table.active = true;
    world->cpu.mmu.root = world->table.root.value;
    world_hidden(&world->shape, world->hidden);
    switch (world->shape.kind) {
    case ACCESS_LINEAR:
        world->table.access =
            table_access_linear(base, start, phys_addr_add(start, world->memory.ram_bytes));
        break;
    case ACCESS_TEMPORARY:
        make_temporary(world);
        break;
    case ACCESS_RECURSIVE:
        make_recursive(world);
        break;
    }
    world->table.access.slot_flags.bits |= world->table.features.no_execute ? PAGE_NO_EXECUTE : 0;
}

/* The worlds that there are. A REQUIRE that fails leaves its world behind: that is no leak to be
 * reported in place of the failure. */
static struct world *newest;

/* A frame must not come back before the CPU has forgotten what led to it. */
static const char *check_forgotten(void *context, phys_addr frame)
{
    const struct world *world = context;

    return soft_tlb_find_stale(&world->cpu.tlb, &world->cpu.mmu, frame.value).found
               ? "it was not flushed before"
               : NULL;
}

struct world *world_make(const struct world_shape *shape)
{
    struct world *world = calloc(1, sizeof *world);

    if (world == NULL) {
        host_panic("no memory for a world");
    }
    world->shape = *shape;
    if (shape->features.physical_bits == 0) {
        world->shape.features = (struct paging_features){
            .physical_bits = PHYS_ADDR_BITS_MAX, .no_execute = true, .pages_1g = true};
    }
    if (shape->frame_count == 0) {
        world->shape.frame_count = DEFAULT_FRAME_COUNT;
    }
    if (shape->window_pages == 0) {
        world->shape.window_pages = DEFAULT_WINDOW_PAGES;
    }
    host_memory_init(&world->memory, shape->ram_start, world->shape.frame_count << PAGE_SHIFT,
                     shape->kind == ACCESS_LINEAR ? 0 : world->shape.window_pages);
    test_frames_init(&world->frames, &world->memory, WORLD_RESERVED_FRAMES, shape->seed);
    world->frames.check_free = check_forgotten;
    world->frames.context = world;
    host_cpu_init(&world->cpu, &world->memory, shape->levels, shape->marks);
    world->cpu.mmu.physical_bits = world->shape.features.physical_bits;
    world->cpu.mmu.no_execute = world->shape.features.no_execute;
    world->cpu.mmu.pages_1g = world->shape.features.pages_1g;
    world->mmu = world->cpu.mmu;
    world->table = (struct page_table){
        .root = phys_addr_of(frame_at(world, ROOT_FRAME)),
        .levels = shape->levels,
        .features = world->shape.features,
    };
    world->mmu.root = world->table.root.value;
    clear_frame(world, ROOT_FRAME);
    make_access(world);
    host_cpu_run(&world->cpu);
    world->older = newest;
    newest = world;
    return world;
}

void world_free(struct world *world)
{
    struct world **link = &newest;

    while (*link != world) {
        link = &(*link)->older;
    }
    *link = world->older;
    host_cpu_run(NULL);
    test_frames_release(&world->frames);
    host_memory_free(&world->memory);
    free(world);
}

/* The first entry of the root that is not in use, or TABLE_ENTRY_COUNT. */
static unsigned free_root_index(const struct world *world)
{
    unsigned index = 0;

    while (index < TABLE_ENTRY_COUNT &&
           soft_mmu_read(&world->mmu, world->table.root.value + 8 * index) != 0) {
        index++;
    }
    return index;
}

bool world_make_way(struct world *world, virt_addr address)
{
    unsigned levels = world->shape.levels;
    unsigned from = virt_addr_index(address, levels);
    unsigned to = free_root_index(world);
    uint64_t root = world->table.root.value;

    if (world->shape.kind != ACCESS_RECURSIVE || !world->hidden[from]) {
        return true;
    }
    if (to == TABLE_ENTRY_COUNT) {
        return false;
    }
    soft_mmu_write(&world->mmu, root + 8 * to, soft_mmu_read(&world->mmu, root + 8 * from));
    soft_mmu_write(&world->mmu, root + 8 * from, 0);
    world->hidden[to] = true;
    world->hidden[from] = false;
    if (world->table.access.recursive.slot == from) {
        world->table.access.recursive.slot = to;
    } else {
        world->table.access.recursive.scratch = virt_addr_new_truncate(
            (uint64_t)to << level_shift(levels) | SCRATCH_INDEX << PAGE_SHIFT, levels);
    }
    host_cpu_flush_all();
    return true;
}

virt_addr world_page(const struct world *world, unsigned root_index, unsigned index_3,
                     unsigned index_2, unsigned index_1)
{
    unsigned levels = world->shape.levels;
    uint64_t index_4 = levels == 5 ? 5 : root_index;
    uint64_t address = index_4 << level_shift(4) | (uint64_t)index_3 << level_shift(3) |
                       (uint64_t)index_2 << level_shift(2) | (uint64_t)index_1 << level_shift(1);

    if (levels == 5) {
        address |= (uint64_t)root_index << level_shift(5);
    }
    return virt_addr_new_truncate(address, levels);
}

void world_describe(const struct world *world, char *text, size_t text_bytes)
{
    static const char *const kinds[] = {[ACCESS_LINEAR] = "linear",
                                        [ACCESS_TEMPORARY] = "temporary",
                                        [ACCESS_RECURSIVE] = "recursive"};

    snprintf(text, text_bytes, "%s access%s, %u levels, memory at %#llx", kinds[world->shape.kind],
             world->shape.own_window ? " through another tree" : "", world->shape.levels,
             (unsigned long long)world->shape.ram_start);
}
