#include "tests/host/model_run.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MARKS (PAGE_ACCESSED | PAGE_DIRTY)

/* Notes the first thing that went wrong. */
__attribute__((format(printf, 2, 3))) static void fail(struct model_run *run, const char *format,
                                                       ...)
{
    va_list arguments;

    if (run->failure[0] == '\0') {
        va_start(arguments, format);
        vsnprintf(run->failure, sizeof run->failure, format, arguments);
        va_end(arguments);
    }
}

void model_run_begin(struct model_run *run, const struct world_shape *shape, uint64_t frame_limit)
{
    struct world_shape marking = *shape;

    marking.marks = true; /* as the model does */
    *run = (struct model_run){.world = world_make(&marking)};
    run->world->frames.limit = frame_limit;
    page_model_init(&run->model, run->world);
}

void model_run_end(struct model_run *run)
{
    page_model_free(&run->model);
    world_free(run->world);
}

bool model_run_step(struct model_run *run, const struct operation *operation)
{
    struct answer actual = operation_apply(run->world, operation);
    struct answer expected = page_model_apply(&run->model, operation);
    char operation_text[OPERATION_TEXT_BYTES];
    char actual_text[OPERATION_TEXT_BYTES];
    char expected_text[OPERATION_TEXT_BYTES];

    if (!answer_equals(&actual, &expected)) {
        operation_print(operation, operation_text, sizeof operation_text);
        answer_print(operation, &actual, actual_text, sizeof actual_text);
        answer_print(operation, &expected, expected_text, sizeof expected_text);
        fail(run, "\"%s\" says %s; it should say %s", operation_text, actual_text, expected_text);
    }
    return run->failure[0] == '\0';
}

/* A comparison in progress. */
struct comparison {
    struct model_run *run;
    size_t next_leaf;
};

static void compare_table(struct model_run *run, const struct soft_entry *entry)
{
    const struct model_table *table = model_table_at(&run->model, entry->level - 1, entry->start);
    uint64_t frame = mmu_address_bits(entry->bits, entry->level);
    uint64_t flags = entry->bits & ~frame;

    if (table == NULL) {
        fail(run, "the entry for %#llx at level %u names a table that should not exist",
             (unsigned long long)entry->start, entry->level);
    } else if (((flags ^ table->flags) & ~MARKS) != 0) {
        fail(run, "the entry for %#llx at level %u has flags %#llx; it should have %#llx",
             (unsigned long long)entry->start, entry->level, (unsigned long long)flags,
             (unsigned long long)table->flags);
    } else if (run->world->frames.state[test_frames_index(&run->world->frames, frame)] !=
               FRAME_TAKEN) {
        fail(run, "the table for %#llx at level %u is in frame %#llx, which is free",
             (unsigned long long)entry->start, entry->level - 1, (unsigned long long)frame);
    }
}

static void compare_entry(void *context, const struct soft_entry *entry)
{
    struct comparison *comparison = context;
    struct model_run *run = comparison->run;
    struct page_model *model = &run->model;
    const struct model_leaf *leaf;
    uint64_t effective;

    if (!entry->leaf) {
        compare_table(run, entry);
        return;
    }
    if (comparison->next_leaf == model->leaf_count) {
        fail(run, "a page is mapped at %#llx; there should be none",
             (unsigned long long)entry->start);
        return;
    }
    leaf = &model->leaves[comparison->next_leaf++];
    effective = (entry->writable ? PAGE_WRITABLE : 0) | (entry->user ? PAGE_USER : 0) |
                (entry->no_execute ? PAGE_NO_EXECUTE : 0);
    if (entry->start != leaf->start || entry->level != leaf->level ||
        entry->bits != (leaf->frame | leaf->flags) ||
        effective != page_model_effective(model, leaf)) {
        fail(run,
             "at %#llx, level %u, entry %#llx allows %#llx; "
             "expected at %#llx, level %u, entry %#llx, which allows %#llx",
             (unsigned long long)entry->start, entry->level, (unsigned long long)entry->bits,
             (unsigned long long)effective, (unsigned long long)leaf->start, leaf->level,
             (unsigned long long)(leaf->frame | leaf->flags),
             (unsigned long long)page_model_effective(model, leaf));
    }
}

bool model_run_compare(struct model_run *run)
{
    struct world *world = run->world;
    struct comparison comparison = {.run = run};
    struct soft_survey survey = {
        .hidden = world->hidden,
        .visit = compare_entry,
        .context = &comparison,
    };
    struct soft_stale stale = soft_tlb_find_stale(&world->cpu.tlb, &world->cpu.mmu, UINT64_MAX);

    soft_mmu_survey(&world->mmu, &survey);
    if (survey.flaw != NULL) {
        fail(run, "not well formed at %#llx, level %u: %s",
             (unsigned long long)survey.flaw_entry.start, survey.flaw_entry.level, survey.flaw);
    }
    if (survey.leaf_count != run->model.leaf_count ||
        survey.table_count != page_model_table_count(&run->model) ||
        survey.table_count != world->frames.in_use) {
        fail(run, "%llu pages, %llu tables, %llu frames in use; expected %llu pages, %llu tables",
             (unsigned long long)survey.leaf_count, (unsigned long long)survey.table_count,
             (unsigned long long)world->frames.in_use, (unsigned long long)run->model.leaf_count,
             (unsigned long long)page_model_table_count(&run->model));
    }
    if (world->frames.fault != NULL) {
        fail(run, "frame %#llx was given back: %s", (unsigned long long)world->frames.fault_frame,
             world->frames.fault);
    }
    if (stale.found) {
        fail(run, "%s of %#llx is still cached as %#llx", stale.is_table ? "a table" : "the page",
             (unsigned long long)stale.address, (unsigned long long)stale.cached);
    }
    if (world->cpu.flushes_owed != 0) {
        fail(run, "%lld flush tokens are owed", (long long)world->cpu.flushes_owed);
    }
    return run->failure[0] == '\0';
}

/* Unmaps leaf by leaf: ranges may hold what is hidden. */
bool model_run_empty(struct model_run *run)
{
    const struct page_range halves[] = {
        page_range_lower_half(run->model.levels),
        page_range_upper_half(run->model.levels),
    };

    while (run->model.leaf_count > 0) {
        const struct model_leaf *last = &run->model.leaves[run->model.leaf_count - 1];
        struct operation unmap = {
            .kind = OPERATION_UNMAP,
            .size = (enum page_size)last->level,
            .page = last->start,
        };
        if (!model_run_step(run, &unmap)) {
            return false;
        }
    }
    for (unsigned half = 0; half < 2; half++) {
        struct operation clean_up = {
            .kind = OPERATION_CLEAN_UP,
            .page = halves[half].start.value,
            .page_count = halves[half].page_count,
        };
        if (!model_run_step(run, &clean_up)) {
            return false;
        }
    }
    if (run->world->frames.in_use != 0) {
        fail(run, "%llu frames are lost", (unsigned long long)run->world->frames.in_use);
    }
    return model_run_compare(run);
}

bool model_run_trace(const struct trace *trace, char *failure, size_t failure_bytes)
{
    struct model_run run;
    bool good = true;

    model_run_begin(&run, &trace->shape, trace->frame_limit);
    for (size_t i = 0; i < trace->count && good; i++) {
        good = model_run_step(&run, &trace->operations[i]);
        if (good && trace->compare_every != 0 && (i + 1) % trace->compare_every == 0) {
            good = model_run_compare(&run);
        }
    }
    good = good && model_run_compare(&run) && model_run_empty(&run);
    if (failure != NULL) {
        snprintf(failure, failure_bytes, "%s", run.failure);
    }
    model_run_end(&run);
    return good;
}
