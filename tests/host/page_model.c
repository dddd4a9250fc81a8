#include "tests/host/page_model.h"

#include <stdlib.h>
#include <string.h>

uint64_t model_size_bytes(unsigned level)
{
    return UINT64_C(4096) << (9 * (level - 1));
}

bool model_is_canonical(const struct page_model *model, uint64_t address)
{
    uint64_t upper = address >> (model->levels == 5 ? 56 : 47);

    return upper == 0 || upper == UINT64_MAX >> (model->levels == 5 ? 56 : 47);
}

void page_model_init(struct page_model *model, const struct world *world)
{
    *model = (struct page_model){
        .levels = world->table.levels,
        .features = world->table.features,
        .active = world->table.active,
        .tables_are_written = world->table.access.kind == ACCESS_RECURSIVE,
        .free_frames = world->frames.limit < world->frames.free_count ? world->frames.limit
                                                                      : world->frames.free_count,
    };
}

void page_model_free(struct page_model *model)
{
    free(model->leaves);
    for (unsigned level = 0; level < PAGING_LEVELS_MAX; level++) {
        free(model->tables[level].list);
    }
}

size_t model_leaf_index(const struct page_model *model, uint64_t address)
{
    size_t low = 0;
    size_t high = model->leaf_count;

    /* Leaves before `low` begin before the address, those from `high` on do not. */
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (model->leaves[middle].start < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct model_leaf *model_leaf_at(const struct page_model *model, uint64_t address)
{
    size_t index = model_leaf_index(model, address);

    if (index < model->leaf_count && model->leaves[index].start == address) {
        return &model->leaves[index];
    }
    if (index > 0 && address - model->leaves[index - 1].start <
                         model_size_bytes(model->leaves[index - 1].level)) {
        return &model->leaves[index - 1];
    }
    return NULL;
}

bool model_is_mapped(const struct page_model *model, uint64_t first, uint64_t last)
{
    size_t index = model_leaf_index(model, first);

    return model_leaf_at(model, first) != NULL ||
           (index < model->leaf_count && model->leaves[index].start <= last);
}

/* A list with room for `count` elements. */
static void *grown(void *list, size_t count, size_t *room, size_t element_bytes)
{
    if (count <= *room) {
        return list;
    }
    *room = count * 2;
    list = realloc(list, *room * element_bytes);
    if (list == NULL) {
        host_panic("no memory for the model");
    }
    return list;
}

struct model_leaf *model_add_leaves(struct page_model *model, uint64_t start, size_t count)
{
    size_t index = model_leaf_index(model, start);

    model->leaves =
        grown(model->leaves, model->leaf_count + count, &model->leaf_room, sizeof *model->leaves);
    memmove(&model->leaves[index + count], &model->leaves[index],
            (model->leaf_count - index) * sizeof *model->leaves);
    model->leaf_count += count;
    return &model->leaves[index];
}

void model_remove_leaves(struct page_model *model, size_t index, size_t count)
{
    if (count > 0) {
        model->leaf_count -= count;
        memmove(&model->leaves[index], &model->leaves[index + count],
                (model->leaf_count - index) * sizeof *model->leaves);
    }
}

/* The first address of the table of `level` on the way to an address. */
static uint64_t table_start(unsigned level, uint64_t address)
{
    return address & ~(model_size_bytes(level + 1) - 1);
}

struct model_table *model_table_at(const struct page_model *model, unsigned level, uint64_t address)
{
    uint64_t start = table_start(level, address);

    for (size_t i = 0; i < model->tables[level].count; i++) {
        if (model->tables[level].list[i].start == start) {
            return &model->tables[level].list[i];
        }
    }
    return NULL;
}

void model_add_table(struct page_model *model, unsigned level, uint64_t address, uint64_t flags)
{
    struct model_tables *tables = &model->tables[level];

    tables->list = grown(tables->list, tables->count + 1, &tables->room, sizeof *tables->list);
    tables->list[tables->count++] =
        (struct model_table){.start = table_start(level, address), .flags = flags};
    model->free_frames--;
}

void model_remove_table(struct page_model *model, unsigned level, uint64_t address)
{
    struct model_tables *tables = &model->tables[level];

    struct model_table *removed = model_table_at(model, level, address);

    tables->count--;
    *removed = tables->list[tables->count];
    model->free_frames++;
}

void model_remove_tables_below(struct page_model *model, unsigned level, uint64_t first,
                               uint64_t last)
{
    for (unsigned below = 1; below < level; below++) {
        struct model_tables *tables = &model->tables[below];

        for (size_t i = tables->count; i > 0; i--) {
            if (tables->list[i - 1].start >= first && tables->list[i - 1].start <= last) {
                model_remove_table(model, below, tables->list[i - 1].start);
            }
        }
    }
}

uint64_t page_model_table_count(const struct page_model *model)
{
    uint64_t count = 0;

    for (unsigned level = 1; level < model->levels; level++) {
        count += model->tables[level].count;
    }
    return count;
}

uint64_t page_model_effective(const struct page_model *model, const struct model_leaf *leaf)
{
    uint64_t allowed = leaf->flags & (PAGE_WRITABLE | PAGE_USER);
    uint64_t denied = leaf->flags & PAGE_NO_EXECUTE;

    for (unsigned level = leaf->level; level < model->levels; level++) {
        const struct model_table *table = model_table_at(model, level, leaf->start);

        allowed &= table->flags;
        denied |= table->flags & PAGE_NO_EXECUTE;
    }
    return allowed | denied;
}

void model_widen(struct page_model *model, uint64_t page, unsigned size, uint64_t bits)
{
    for (unsigned level = size; level < model->levels; level++) {
        model_table_at(model, level, page)->flags |= bits & (PAGE_WRITABLE | PAGE_USER);
    }
}

unsigned model_flags_fault(const struct page_model *model, uint64_t flags, unsigned size)
{
    uint64_t address_bits = UINT64_C(0x000ffffffffff000);

    if (size > 1) {
        address_bits -= UINT64_C(1) << 12; /* PAT */
    }
    if ((flags & 1) == 0 || (flags & address_bits) != 0) {
        return MAP_BAD_FLAGS;
    }
    if ((flags >> 63 != 0 && !model->features.no_execute) ||
        (size == 3 && !model->features.pages_1g)) {
        return MAP_FEATURE_ABSENT;
    }
    return MAP_OK;
}

unsigned model_place_fault(const struct page_model *model, uint64_t page, unsigned size)
{
    const struct model_leaf *leaf = model_leaf_at(model, page);

    if (leaf != NULL && leaf->level >= size) {
        return leaf->level == size ? MAP_ALREADY_MAPPED : MAP_INSIDE_HUGE_PAGE;
    }
    return model_is_mapped(model, page, page + model_size_bytes(size) - 1) ? MAP_OVER_TABLE
                                                                           : MAP_OK;
}

unsigned model_missing_tables(const struct page_model *model, uint64_t page, unsigned size)
{
    unsigned count = 0;

    for (unsigned level = size; level < model->levels; level++) {
        count += model_table_at(model, level, page) == NULL ? 1 : 0;
    }
    return count;
}

void model_put_tables(struct page_model *model, uint64_t page, unsigned size, uint64_t table_flags)
{
    model_remove_tables_below(model, size, page, page + model_size_bytes(size) - 1);
    for (unsigned level = size; level < model->levels; level++) {
        if (model_table_at(model, level, page) == NULL) {
            model_add_table(model, level, page, table_flags);
        }
    }
    model_widen(model, page, size, table_flags);
}

struct model_leaf model_leaf_of(uint64_t page, uint64_t frame, unsigned size, uint64_t flags)
{
    return (struct model_leaf){
        .start = page,
        .frame = frame,
        .flags = flags | (size > 1 ? PAGE_HUGE : 0),
        .level = size,
    };
}
