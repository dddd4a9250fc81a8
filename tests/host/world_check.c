#include "tests/host/world_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void output_world(struct test *test, const struct world *world)
{
    char text[128];

    world_describe(world, text, sizeof text);
    output_text(test->output, "#   in: ");
    output_text(test->output, text);
    output_text(test->output, "\n");
}

/* The entries that a translation of `address` reads. */
static void output_walk(struct test *test, const struct world *world, virt_addr address)
{
    struct soft_walk walk = soft_mmu_walk(&world->mmu, address.value);

    output_world(test, world);
    output_text(test->output, "#   walk of ");
    output_hex(test->output, address.value);
    output_text(test->output, ":");
    for (unsigned step = 0; step < walk.step_count; step++) {
        output_text(test->output, " ");
        output_hex(test->output, walk.steps[step].bits);
    }
    output_text(test->output, "\n");
}

void world_for_each(struct test *test, void (*body)(struct test *test, struct world *world))
{
    for (unsigned i = 0; i < world_shape_count; i++) {
        struct world *world = world_make(&world_shapes[i]);
        bool failed_before = test->failed;

        body(test, world);
        if (test->failed && !failed_before) {
            output_world(test, world);
        }
        world_finish(test, world);
    }
}

void world_finish(struct test *test, struct world *world)
{
    world_check_sound(test, world);
    world_free(world);
}

/* A table must be a frame that is out. */
static void check_table_frame(void *context, const struct soft_entry *entry)
{
    struct world *world = context;
    uint64_t table = mmu_address_bits(entry->bits, entry->level);

    if (!entry->leaf &&
        world->frames.state[test_frames_index(&world->frames, table)] != FRAME_TAKEN) {
        world->frames.fault = "a table is in a frame that the source has not handed out";
        world->frames.fault_frame = table;
    }
}

void world_check_sound(struct test *test, struct world *world)
{
    struct soft_survey survey = {
        .hidden = world->hidden,
        .visit = check_table_frame,
        .context = world,
    };
    struct soft_stale stale = soft_tlb_find_stale(&world->cpu.tlb, &world->cpu.mmu, UINT64_MAX);

    soft_mmu_survey(&world->mmu, &survey);
    if (survey.flaw != NULL) {
        output_text(test->output, "# the tree is not well formed: ");
        output_text(test->output, survey.flaw);
        output_text(test->output, "\n");
        output_walk(test, world, virt_addr_of(survey.flaw_entry.start));
    }
    if (world->frames.fault != NULL) {
        output_text(test->output, "# frame ");
        output_hex(test->output, world->frames.fault_frame);
        output_text(test->output, ": ");
        output_text(test->output, world->frames.fault);
        output_text(test->output, "\n");
    }
    if (stale.found) {
        output_text(test->output,
                    stale.is_table ? "# a cached table is stale: " : "# a cached page is stale: ");
        output_hex(test->output, stale.cached);
        output_text(test->output, "\n");
        output_walk(test, world, virt_addr_of(stale.address));
    }
    CHECK(survey.flaw == NULL);
    CHECK(world->frames.fault == NULL);
    CHECK(!stale.found);
    CHECK_EQUAL(survey.table_count, world->frames.in_use);
    CHECK_EQUAL(world->cpu.flushes_owed, 0);
}

void world_check_page(struct test *test, struct world *world, virt_addr address, unsigned level,
                      uint64_t frame, uint64_t flags)
{
    struct soft_walk walk = soft_mmu_walk(&world->mmu, address.value);
    struct translation translation = page_table_translate(&world->table, address);
    bool failed_before = test->failed;

    CHECK_EQUAL(walk.fault, SOFT_TRANSLATED);
    CHECK_EQUAL(walk.level, level);
    CHECK_EQUAL(walk.physical, frame);
    CHECK_EQUAL(walk.leaf & ~mmu_address_bits(walk.leaf, walk.level), flags);
    CHECK_EQUAL(translation.result, TRANSLATE_OK);
    CHECK_EQUAL(translation.level, level);
    CHECK_EQUAL(translation.address.value, frame);
    CHECK_EQUAL(translation.flags.bits, flags);
    CHECK_EQUAL((translation.effective.bits & PAGE_WRITABLE) != 0, walk.writable);
    CHECK_EQUAL((translation.effective.bits & PAGE_USER) != 0, walk.user);
    CHECK_EQUAL((translation.effective.bits & PAGE_NO_EXECUTE) != 0, walk.no_execute);
    if (test->failed && !failed_before) {
        output_walk(test, world, address);
    }
}

void world_check_absent(struct test *test, struct world *world, virt_addr address)
{
    struct soft_walk walk = soft_mmu_walk(&world->mmu, address.value);
    struct translation translation = page_table_translate(&world->table, address);

    CHECK_EQUAL(walk.fault, SOFT_NOT_PRESENT);
    CHECK_EQUAL(translation.result, TRANSLATE_NOT_MAPPED);
    CHECK_EQUAL(translation.level, walk.level);
    if (walk.fault != SOFT_NOT_PRESENT || translation.result != TRANSLATE_NOT_MAPPED) {
        output_walk(test, world, address);
    }
}

void world_check_effective(struct test *test, struct world *world, virt_addr address,
                           uint64_t effective)
{
    struct soft_walk walk = soft_mmu_walk(&world->mmu, address.value);
    struct translation translation = page_table_translate(&world->table, address);

    CHECK_EQUAL((walk.writable ? PAGE_WRITABLE : 0) | (walk.user ? PAGE_USER : 0) |
                    (walk.no_execute ? PAGE_NO_EXECUTE : 0),
                effective);
    CHECK_EQUAL(translation.effective.bits, effective);
    if (translation.effective.bits != effective) {
        output_walk(test, world, address);
    }
}

void world_touch(struct world *world, virt_addr address)
{
    if (world->table.active) {
        (void)host_cpu_access(&world->cpu, address.value, false);
    }
}

uint64_t world_entry(const struct world *world, virt_addr address, unsigned level)
{
    struct soft_walk walk = soft_mmu_walk(&world->mmu, address.value);
    unsigned step = world->shape.levels - level;

    return step < walk.step_count ? walk.steps[step].bits : 0;
}

uint64_t world_table_count(const struct world *world)
{
    struct soft_survey survey = {.hidden = world->hidden};

    soft_mmu_survey(&world->mmu, &survey);
    return survey.table_count;
}

uint64_t world_leaf_count(const struct world *world)
{
    struct soft_survey survey = {.hidden = world->hidden};

    soft_mmu_survey(&world->mmu, &survey);
    return survey.leaf_count;
}

struct world_snapshot {
    struct world_snapshot *older; /* as for worlds, see world.c */
    uint64_t in_use;
    uint64_t limit;
    uint8_t *state;
    uint8_t ram[];
};

static struct world_snapshot *newest;

struct world_snapshot *world_snapshot_take(struct world *world)
{
    struct world_snapshot *snapshot = malloc(sizeof *snapshot + world->memory.ram_bytes);

    if (snapshot == NULL) {
        host_panic("no memory for a snapshot");
    }
    snapshot->older = newest;
    newest = snapshot;
    snapshot->in_use = world->frames.in_use;
    snapshot->limit = world->frames.limit;
    snapshot->state = malloc(world->frames.frame_count);
    if (snapshot->state == NULL) {
        host_panic("no memory for a snapshot");
    }
    memcpy(snapshot->state, world->frames.state, world->frames.frame_count);
    memcpy(snapshot->ram, world->memory.ram, world->memory.ram_bytes);
    memset(world->frames.touched, 0, world->frames.frame_count * sizeof world->frames.touched[0]);
    return snapshot;
}

static bool is_own_entry(const struct world *world, uint64_t at)
{
    return at - world->own_entries < 8 * (uint64_t)world->own_entry_count;
}

/* Whether a frame holds what it held. */
static bool frame_is_unchanged(const struct world *world, const struct world_snapshot *snapshot,
                               uint64_t index)
{
    uint64_t offset = index << PAGE_SHIFT;

    if (memcmp(world->memory.ram + offset, snapshot->ram + offset, 1 << PAGE_SHIFT) == 0) {
        return true;
    }
    if (world->frames.state[index] == FRAME_FREE && world->frames.touched[index]) {
        return true;
    }
    for (uint64_t at = offset; at < offset + (1 << PAGE_SHIFT); at += 8) {
        if (memcmp(world->memory.ram + at, snapshot->ram + at, 8) != 0 &&
            !is_own_entry(world, world->memory.ram_start + at)) {
            return false;
        }
    }
    return true;
}

void world_snapshot_check(struct test *test, struct world *world, struct world_snapshot *snapshot)
{
    uint64_t changed_count = 0;

    for (uint64_t index = 0; index < world->frames.frame_count; index++) {
        if (!frame_is_unchanged(world, snapshot, index)) {
            changed_count++;
        }
    }
    if (changed_count > 0) {
        output_world(test, world);
    }
    CHECK_EQUAL(changed_count, 0);
    CHECK_EQUAL(memcmp(snapshot->state, world->frames.state, world->frames.frame_count), 0);
    CHECK_EQUAL(world->frames.in_use, snapshot->in_use);
    CHECK_EQUAL(world->frames.limit, snapshot->limit);
    world_snapshot_free(snapshot);
}

void world_snapshot_free(struct world_snapshot *snapshot)
{
    struct world_snapshot **link = &newest;

    while (*link != snapshot) {
        link = &(*link)->older;
    }
    *link = snapshot->older;
    free(snapshot->state);
    free(snapshot);
}
