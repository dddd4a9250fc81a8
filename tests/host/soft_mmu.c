#include "tests/host/soft_mmu.h"

#include <stdlib.h>
#include <string.h>

static unsigned index_of(uint64_t address, unsigned level)
{
    return (unsigned)(address >> mmu_shift(level) & 0x1ff);
}

static struct mmu_control control_of(const struct soft_mmu *mmu)
{
    return (struct mmu_control){
        .levels = mmu->levels,
        .physical_bits = mmu->physical_bits,
        .pages_1g = mmu->pages_1g,
        .no_execute = mmu->no_execute,
    };
}

static uint64_t reserved_bits(const struct soft_mmu *mmu, uint64_t entry, unsigned level)
{
    struct mmu_control control = control_of(mmu);

    return mmu_reserved_bits(&control, entry, level);
}

static uint64_t sign_extended(const struct soft_mmu *mmu, uint64_t address)
{
    uint64_t top_bit = UINT64_C(1) << (mmu_shift(mmu->levels) + 8);
    uint64_t low = address & (top_bit | (top_bit - 1));

    return (low ^ top_bit) - top_bit;
}

static bool is_in_ram(const struct soft_mmu *mmu, uint64_t table)
{
    return table >= mmu->ram_start && table - mmu->ram_start < mmu->ram_bytes;
}

uint64_t soft_mmu_read(const struct soft_mmu *mmu, uint64_t at)
{
    uint64_t bits;

    memcpy(&bits, mmu->ram + (at - mmu->ram_start), sizeof bits);
    return bits;
}

void soft_mmu_write(const struct soft_mmu *mmu, uint64_t at, uint64_t bits)
{
    memcpy(mmu->ram + (at - mmu->ram_start), &bits, sizeof bits);
}

struct soft_walk soft_mmu_walk(const struct soft_mmu *mmu, uint64_t address)
{
    return soft_mmu_walk_below(mmu, address, mmu->levels);
}

struct soft_walk soft_mmu_walk_below(const struct soft_mmu *mmu, uint64_t address, unsigned level)
{
    struct soft_walk walk = {.writable = true, .user = true};
    uint64_t table = mmu->root;

    struct mmu_control control = control_of(mmu);

    if (!mmu_is_canonical(&control, address)) {
        walk.fault = SOFT_NOT_CANONICAL;
        return walk;
    }
    for (walk.level = level;; walk.level--) {
        uint64_t at = table + 8 * index_of(address, walk.level);
        uint64_t bits;

        if (!is_in_ram(mmu, table)) {
            walk.fault = SOFT_OUTSIDE_RAM;
            return walk;
        }
        bits = soft_mmu_read(mmu, at);
        walk.steps[walk.step_count++] = (struct soft_step){.at = at, .bits = bits};
        if ((bits & MMU_P) == 0) {
            walk.fault = SOFT_NOT_PRESENT;
            return walk;
        }
        if ((bits & reserved_bits(mmu, bits, walk.level)) != 0) {
            walk.fault = SOFT_RESERVED_BIT;
            return walk;
        }
        walk.writable = walk.writable && (bits & MMU_RW) != 0;
        walk.user = walk.user && (bits & MMU_US) != 0;
        walk.no_execute = walk.no_execute || (bits & MMU_XD) != 0;
        if (mmu_is_leaf(bits, walk.level)) {
            uint64_t offset = address & (mmu_entry_bytes(walk.level) - 1);

            walk.leaf = bits;
            walk.physical = mmu_address_bits(bits, walk.level) | offset;
            return walk;
        }
        table = mmu_address_bits(bits, walk.level);
    }
}

/* A survey in progress. */
struct survey_state {
    const struct soft_mmu *mmu;
    struct soft_survey *survey;
    uint8_t *seen; /* by frame of RAM */
};

/* Why an entry cannot stand where it does, or NULL. */
static const char *flaw_of(struct survey_state *state, const struct soft_entry *entry)
{
    const struct soft_mmu *mmu = state->mmu;
    uint64_t table = mmu_address_bits(entry->bits, entry->level);
    uint8_t *seen;

    if ((entry->bits & reserved_bits(mmu, entry->bits, entry->level)) != 0) {
        return "a reserved bit is set";
    }
    if (entry->leaf) {
        return NULL;
    }
    if (!is_in_ram(mmu, table)) {
        return "a table is outside RAM";
    }
    seen = &state->seen[(table - mmu->ram_start) >> 12];
    if (*seen != 0) {
        return "a table is reached twice";
    }
    *seen = 1;
    return NULL;
}

static void survey_table(struct survey_state *state, uint64_t table, const struct soft_entry *above)
{
    const struct soft_mmu *mmu = state->mmu;
    struct soft_survey *survey = state->survey;
    unsigned level = above->level - 1;

    for (unsigned index = 0; index < SOFT_TABLE_ENTRIES && survey->flaw == NULL; index++) {
        uint64_t bits = soft_mmu_read(mmu, table + 8 * index);
        uint64_t start = above->start | (uint64_t)index << mmu_shift(level);
        bool in_root = level == mmu->levels;

        if ((bits & MMU_P) == 0 ||
            (in_root && ((survey->hidden != NULL && survey->hidden[index]) ||
                         (bits & MMU_ADDRESS) == mmu->root))) {
            continue;
        }
        struct soft_entry entry = {
            .start = sign_extended(mmu, start),
            .level = level,
            .bits = bits,
            .leaf = mmu_is_leaf(bits, level),
            .writable = above->writable && (bits & MMU_RW) != 0,
            .user = above->user && (bits & MMU_US) != 0,
            .no_execute = above->no_execute || (bits & MMU_XD) != 0,
        };
        survey->flaw = flaw_of(state, &entry);
        survey->flaw_entry = entry;
        if (survey->flaw != NULL) {
            return;
        }
        *(entry.leaf ? &survey->leaf_count : &survey->table_count) += 1;
        if (survey->visit != NULL) {
            survey->visit(survey->context, &entry);
        }
        if (!entry.leaf) {
            survey_table(state, mmu_address_bits(bits, level), &entry);
        }
    }
}

void soft_mmu_survey(const struct soft_mmu *mmu, struct soft_survey *survey)
{
    struct soft_entry above = {.level = mmu->levels + 1, .writable = true, .user = true};
    struct survey_state state = {
        .mmu = mmu,
        .survey = survey,
        .seen = calloc(mmu->ram_bytes >> 12, 1),
    };

    survey->table_count = 0;
    survey->leaf_count = 0;
    survey->flaw = NULL;
    if (state.seen == NULL) {
        abort();
    }
    if (is_in_ram(mmu, mmu->root)) {
        state.seen[(mmu->root - mmu->ram_start) >> 12] = 1;
        survey_table(&state, mmu->root, &above);
    } else {
        survey->flaw = "the root is outside RAM";
    }
    free(state.seen);
}
