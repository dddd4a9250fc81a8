#include "kernel/test_mode/tree_record.h"

#include "kernel/layout/layout.h"

static bool is_temporary_slot(const struct visited_entry *entry)
{
    uint64_t slots_bytes = level_bytes(2) - page_size_bytes(PAGE_4K);

    return entry->level == 1 && entry->start.value - LAYOUT_TEMPORARY < slots_bytes;
}

static uint64_t recorded_bits(const struct visited_entry *entry)
{
    return entry->entry.bits & ~(PAGE_ACCESSED | PAGE_DIRTY);
}

/* FNV-1a, a word at a time. */
static uint64_t add_to_checksum(uint64_t checksum, const struct visited_entry *entry)
{
    checksum = (checksum ^ (entry->start.value | entry->level)) * UINT64_C(0x100000001b3);
    return (checksum ^ recorded_bits(entry)) * UINT64_C(0x100000001b3);
}

/* The address and the bits of an entry of the run; `index` may be its count, for the entry that
 * would come next. */
static uint64_t run_start(const struct tree_run *run, uint64_t index)
{
    return run->start.value + (index << level_shift(run->level));
}

static uint64_t run_bits(const struct tree_run *run, uint64_t index)
{
    return run->bits + index * run->step;
}

/* Whether the entry is the next one of the run. The second entry of a run decides its step. */
static bool run_extend(struct tree_run *run, const struct visited_entry *entry)
{
    if (run == NULL || entry->start.value != run_start(run, run->count)) {
        return false;
    }
    if (run->count == 1) {
        run->step = recorded_bits(entry) - run->bits;
    }
    if (recorded_bits(entry) != run_bits(run, run->count)) {
        return false;
    }
    run->count++;
    return true;
}

static bool record_entry(void *context, const struct visited_entry *entry)
{
    struct tree_record *record = context;
    struct tree_run **last = &record->last[entry->level];

    if (is_temporary_slot(entry)) {
        return true;
    }
    if (!record->is_full && run_extend(*last, entry)) {
        record->entry_count++;
    } else if (!record->is_full && record->run_count < TREE_RUNS_MAX) {
        *last = &record->runs[record->run_count++];
        **last = (struct tree_run){
            .start = entry->start, .level = entry->level, .bits = recorded_bits(entry), .count = 1};
        record->entry_count++;
    } else {
        record->is_full = true;
        record->rest = add_to_checksum(record->rest, entry);
    }
    return true;
}

void tree_record_take(struct tree_record *record, const struct page_table *table)
{
    record->run_count = 0;
    record->entry_count = 0;
    record->is_full = false;
    record->rest = 0;
    for (unsigned level = 0; level <= PAGING_LEVELS_MAX; level++) {
        record->last[level] = NULL;
    }
    page_table_visit(table, record_entry, record);
}

/* The next entry of a level that the record expects: entry `index` of runs[run]. */
struct tree_position {
    size_t run;
    uint64_t index;
};

struct tree_comparison {
    const struct tree_record *record;
    struct tree_position next[PAGING_LEVELS_MAX + 1]; /* by level */
    uint64_t entry_count;                             /* compared so far */
    uint64_t rest;
    struct tree_difference difference;
};

/* The run with the next entry of the level, or NULL behind its last one. */
static const struct tree_run *expected_run(struct tree_comparison *comparison, unsigned level)
{
    const struct tree_record *record = comparison->record;
    struct tree_position *next = &comparison->next[level];

    while (next->run < record->run_count && (record->runs[next->run].level != level ||
                                             next->index == record->runs[next->run].count)) {
        next->run++;
        next->index = 0;
    }
    return next->run < record->run_count ? &record->runs[next->run] : NULL;
}

static struct tree_difference lost_entry(const struct tree_run *run, uint64_t index)
{
    return (struct tree_difference){
        .found = true,
        .is_named = true,
        .level = run->level,
        .start = virt_addr_of(run_start(run, index)),
        .before = run_bits(run, index),
    };
}

/* An entry is met after those above it. So the first that is missing is noticed at the next entry of
 * its own level, before any below that. */
static bool compare_entry(void *context, const struct visited_entry *entry)
{
    struct tree_comparison *comparison = context;
    struct tree_difference *difference = &comparison->difference;

    if (is_temporary_slot(entry) || difference->found) {
        return !difference->found;
    }
    if (comparison->entry_count == comparison->record->entry_count) {
        comparison->rest = add_to_checksum(comparison->rest, entry);
        return true;
    }
    const struct tree_run *run = expected_run(comparison, entry->level);
    uint64_t index = comparison->next[entry->level].index;
    if (run != NULL && run_start(run, index) == entry->start.value &&
        run_bits(run, index) == recorded_bits(entry)) {
        comparison->next[entry->level].index++;
        comparison->entry_count++;
        return true;
    }
    if (run != NULL && run_start(run, index) <= entry->start.value) {
        *difference = lost_entry(run, index);
    }
    if (!difference->found || difference->start.value == entry->start.value) {
        difference->found = true;
        difference->is_named = true;
        difference->level = entry->level;
        difference->start = entry->start;
        difference->after = recorded_bits(entry);
    }
    return false;
}

struct tree_difference tree_record_compare(const struct tree_record *record,
                                           const struct page_table *table)
{
    struct tree_comparison comparison = {.record = record};

    page_table_visit(table, compare_entry, &comparison);
    for (unsigned level = table->levels;
         !comparison.difference.found && comparison.entry_count < record->entry_count &&
         level > 0;
         level--) {
        const struct tree_run *run = expected_run(&comparison, level);
        if (run != NULL) {
            comparison.difference = lost_entry(run, comparison.next[level].index);
        }
    }
    if (!comparison.difference.found) {
        comparison.difference.found = comparison.rest != record->rest;
    }
    return comparison.difference;
}
