#include "tests/kernel/mapping_rules.h"

enum { EXECUTABLE_RANGES_MAX = 64, PAT_TYPE_MASK = 7 };

/* Memory types as the PAT has them. */
enum { TYPE_WRITE_THROUGH = 4, TYPE_WRITE_PROTECTED = 5, TYPE_WRITE_BACK = 6 };

#define FIXED_MTRRS_END UINT64_C(0x100000)

struct bytes {
    uint64_t start;
    uint64_t end;
};

struct judgement {
    const struct mapping_rules *rules;
    const struct page_table *table;
    struct bytes executable[EXECUTABLE_RANGES_MAX];
    size_t executable_count;
    bool tables_are_writable; /* through an entry that names the root */
    struct page_flags rights[PAGING_LEVELS_MAX + 2]; /* of the way down to each level */
    struct violation violation;
};

const char *broken_rule_text(enum broken_rule rule)
{
    static const char *const texts[] = {
        [RULE_NONE_BROKEN] = "no rule is broken",
        [RULE_WRITE_OR_EXECUTE] = "its memory is writable, here or elsewhere, and executable",
        [RULE_CACHED_OUTSIDE_RAM] = "it is cached, and not all of it is RAM",
        [RULE_TABLE_OUTSIDE_RAM] = "a table is there, and it is not RAM",
        [RULE_ACROSS_BOUNDARY] = "it is huge and lies across a boundary of the memory map",
        [RULE_UNKNOWN] = "too many ranges are executable to be judged",
    };
    return texts[rule];
}

static bool overlap(struct bytes one, struct bytes other)
{
    return one.start < other.end && other.start < one.end;
}

static struct bytes memory_of(const struct visited_entry *entry)
{
    uint64_t start = entry->leaf ? page_leaf_address(entry->entry, entry->level).value
                                 : page_entry_table(entry->entry).value;

    return (struct bytes){start, start + level_bytes(entry->leaf ? entry->level : 1)};
}

/* Writable and no-execute over all levels down to this entry. */
static struct page_flags rights_of(struct judgement *self, const struct visited_entry *entry)
{
    struct page_flags above = entry->level == self->table->levels
                                  ? page_flags_of(PAGE_WRITABLE)
                                  : self->rights[entry->level + 1];
    uint64_t writable = above.bits & entry->entry.bits & PAGE_WRITABLE;
    uint64_t no_execute = (above.bits | entry->entry.bits) & PAGE_NO_EXECUTE;

    self->rights[entry->level] = page_flags_of(writable | no_execute);
    return self->rights[entry->level];
}

/* Returns whether the visit is to go on. */
static bool report(struct judgement *self, enum broken_rule rule, const struct visited_entry *entry)
{
    if (self->violation.rule == RULE_NONE_BROKEN) {
        self->violation = (struct violation){rule, entry->start, entry->level,
                                             phys_addr_of(memory_of(entry).start)};
    }
    return false;
}

/* Adds to the last range if the memory follows it: tables mostly go up on both sides. */
static bool note_executable(void *context, const struct visited_entry *entry)
{
    struct judgement *self = context;
    struct page_flags rights = rights_of(self, entry);
    struct bytes memory = memory_of(entry);

    if (entry->recursive) {
        self->tables_are_writable =
            self->tables_are_writable || (rights.bits & PAGE_WRITABLE) != 0;
    }
    if (!self->table->features.no_execute || (!entry->leaf && !entry->recursive) ||
        (rights.bits & PAGE_NO_EXECUTE) != 0) {
        return true;
    }
    if (entry->recursive && (rights.bits & PAGE_WRITABLE) != 0) {
        return report(self, RULE_WRITE_OR_EXECUTE, entry);
    }
    if (self->executable_count > 0 &&
        self->executable[self->executable_count - 1].end == memory.start) {
        self->executable[self->executable_count - 1].end = memory.end;
        return true;
    }
    if (self->executable_count == EXECUTABLE_RANGES_MAX) {
        return report(self, RULE_UNKNOWN, entry);
    }
    self->executable[self->executable_count++] = memory;
    return true;
}

static bool is_executable(const struct judgement *self, struct bytes memory)
{
    for (size_t i = 0; i < self->executable_count; i++) {
        if (overlap(memory, self->executable[i])) {
            return true;
        }
    }
    return false;
}

static bool is_all_ram(const struct judgement *self, struct bytes memory)
{
    for (uint64_t at = memory.start; at < memory.end;) {
        struct memory_region region = memory_map_at(self->rules->map, phys_addr_of(at));
        if (!memory_type_is_ram(region.type)) {
            return false;
        }
        at = region.end.value;
    }
    return true;
}

static bool is_cached(const struct judgement *self, const struct visited_entry *leaf)
{
    unsigned index = ((leaf->entry.bits & PAGE_WRITE_THROUGH) != 0 ? 1u : 0u) +
                     ((leaf->entry.bits & PAGE_CACHE_DISABLE) != 0 ? 2u : 0u) +
                     ((leaf->entry.bits & page_leaf_pat(leaf->level)) != 0 ? 4u : 0u);
    unsigned type = self->rules->pat >> 8 * index & PAT_TYPE_MASK;

    return type == TYPE_WRITE_BACK || type == TYPE_WRITE_THROUGH || type == TYPE_WRITE_PROTECTED;
}

static bool is_in_one_region(const struct judgement *self, struct bytes memory)
{
    return memory_map_at(self->rules->map, phys_addr_of(memory.start)).end.value >= memory.end &&
           memory.start >= FIXED_MTRRS_END;
}

static bool judge(void *context, const struct visited_entry *entry)
{
    struct judgement *self = context;
    struct page_flags rights = rights_of(self, entry);
    struct bytes memory = memory_of(entry);
    bool writable = entry->leaf ? (rights.bits & PAGE_WRITABLE) != 0 : self->tables_are_writable;

    if (self->violation.rule != RULE_NONE_BROKEN) {
        return false;
    }
    if (writable && is_executable(self, memory)) {
        return report(self, RULE_WRITE_OR_EXECUTE, entry);
    }
    if (!entry->leaf) {
        return is_all_ram(self, memory) || report(self, RULE_TABLE_OUTSIDE_RAM, entry);
    }
    if (is_cached(self, entry) && !is_all_ram(self, memory)) {
        return report(self, RULE_CACHED_OUTSIDE_RAM, entry);
    }
    if (entry->level > 1 && !is_in_one_region(self, memory)) {
        return report(self, RULE_ACROSS_BOUNDARY, entry);
    }
    return true;
}

struct violation mapping_rules_check(const struct mapping_rules *rules,
                                     const struct page_table *table)
{
    struct judgement judgement = {.rules = rules, .table = table};

    if (!table->features.no_execute) {
        judgement.executable[judgement.executable_count++] =
            (struct bytes){rules->code.start.value,
                           rules->code.start.value + (rules->code.frame_count << PAGE_SHIFT)};
    }
    page_table_visit(table, note_executable, &judgement);
    page_table_visit(table, judge, &judgement);
    return judgement.violation;
}
