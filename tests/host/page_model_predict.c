/* What the operations on single pages answer. */
#include "tests/host/page_model.h"

#define ACCESSED_DIRTY (PAGE_ACCESSED | PAGE_DIRTY)

/* What is wrong with a page of a size, as a page_result. */
static enum page_result page_fault(const struct page_model *model, uint64_t page, unsigned size)
{
    if (size < 1 || size > 3) {
        return PAGE_BAD_SIZE;
    }
    if (!model_is_canonical(model, page)) {
        return PAGE_NOT_CANONICAL;
    }
    return page % model_size_bytes(size) == 0 ? PAGE_OK : PAGE_MISALIGNED;
}

/* Whether the page is mapped with its size, and if not, why. */
static enum page_result find_page(const struct page_model *model, uint64_t page, unsigned size)
{
    const struct model_leaf *leaf = model_leaf_at(model, page);

    if (leaf != NULL && leaf->level >= size) {
        return leaf->level == size ? PAGE_OK : PAGE_INSIDE_HUGE_PAGE;
    }
    return model_is_mapped(model, page, page + model_size_bytes(size) - 1) ? PAGE_OVER_TABLE
                                                                           : PAGE_NOT_MAPPED;
}

static enum map_result map_fault(const struct page_model *model, const struct operation *operation)
{
    unsigned size = (unsigned)operation->size;
    uint64_t frame = operation->frame;

    switch (page_fault(model, operation->page, size)) {
    case PAGE_BAD_SIZE:
        return MAP_BAD_SIZE;
    case PAGE_NOT_CANONICAL:
        return MAP_NOT_CANONICAL;
    case PAGE_MISALIGNED:
        return MAP_MISALIGNED;
    default:
        break;
    }
    if (frame % model_size_bytes(size) != 0) {
        return MAP_MISALIGNED;
    }
    if (frame >= UINT64_C(1) << model->features.physical_bits) {
        return MAP_BAD_ADDRESS;
    }
    return model_flags_fault(model, operation->flags, size);
}

static bool good_table_flags(const struct page_model *model, uint64_t flags)
{
    uint64_t good = UINT64_C(0x87f0000000000e3f); /* P W U PWT PCD A, software bits, XD */
    uint64_t needed = 1 | (model->tables_are_written ? 2 : 0);

    return (flags & needed) == needed && (flags & ~good) == 0;
}

static unsigned predict_map(struct page_model *model, const struct operation *operation,
                            uint64_t table_flags)
{
    unsigned result = map_fault(model, operation);
    unsigned size = (unsigned)operation->size;

    if (result == MAP_OK && operation->kind == OPERATION_MAP_WITH_TABLE_FLAGS) {
        result = !good_table_flags(model, table_flags)                   ? MAP_BAD_FLAGS
                 : table_flags >> 63 != 0 && !model->features.no_execute ? MAP_FEATURE_ABSENT
                                                                         : MAP_OK;
    }
    if (result == MAP_OK) {
        result = model_place_fault(model, operation->page, size);
    }
    if (result == MAP_OK &&
        model_missing_tables(model, operation->page, size) > model->free_frames) {
        result = MAP_NO_FRAME;
    }
    if (result == MAP_OK) {
        model_put_tables(model, operation->page, size, table_flags);
        *model_add_leaves(model, operation->page, 1) =
            model_leaf_of(operation->page, operation->frame, size, operation->flags);
    }
    return result;
}

static struct answer predict_unmap(struct page_model *model, const struct operation *operation)
{
    unsigned size = (unsigned)operation->size;
    enum page_result result = page_fault(model, operation->page, size);
    struct answer answer;

    if (result == PAGE_OK) {
        result = find_page(model, operation->page, size);
    }
    answer = (struct answer){.result = result};
    if (result == PAGE_OK) {
        answer.value = model_leaf_at(model, operation->page)->frame;
        if (operation->kind == OPERATION_UNMAP) {
            model_remove_leaves(model, model_leaf_index(model, operation->page), 1);
        }
    }
    return answer;
}

static unsigned predict_update(struct page_model *model, const struct operation *operation)
{
    static const unsigned results[] = {
        [PAGE_OK] = UPDATE_OK,
        [PAGE_NOT_MAPPED] = UPDATE_NOT_MAPPED,
        [PAGE_INSIDE_HUGE_PAGE] = UPDATE_INSIDE_HUGE_PAGE,
        [PAGE_OVER_TABLE] = UPDATE_OVER_TABLE,
        [PAGE_MISALIGNED] = UPDATE_MISALIGNED,
        [PAGE_NOT_CANONICAL] = UPDATE_NOT_CANONICAL,
        [PAGE_BAD_SIZE] = UPDATE_BAD_SIZE,
    };
    unsigned size = (unsigned)operation->size;
    enum page_result found = page_fault(model, operation->page, size);
    unsigned flags_fault =
        found == PAGE_OK ? model_flags_fault(model, operation->flags, size) : MAP_OK;
    struct model_leaf *leaf;
    uint64_t kept;

    if (flags_fault != MAP_OK) {
        return flags_fault == MAP_BAD_FLAGS ? UPDATE_BAD_FLAGS : UPDATE_FEATURE_ABSENT;
    }
    if (found == PAGE_OK) {
        found = find_page(model, operation->page, size);
    }
    if (found == PAGE_OK) {
        leaf = model_leaf_at(model, operation->page);
        kept = operation->accessed_dirty == ACCESSED_DIRTY_KEEP ? ACCESSED_DIRTY : 0;
        leaf->flags = (leaf->flags & kept) | operation->flags | (size > 1 ? PAGE_HUGE : 0);
        model_widen(model, operation->page, size, operation->flags);
    }
    return results[found];
}

static unsigned predict_update_table(struct page_model *model, const struct operation *operation)
{
    const struct model_leaf *leaf = model_leaf_at(model, operation->page);
    struct model_table *table;

    if (operation->level < 2 || operation->level > model->levels) {
        return UPDATE_BAD_SIZE;
    }
    if (!model_is_canonical(model, operation->page)) {
        return UPDATE_NOT_CANONICAL;
    }
    if (!good_table_flags(model, operation->flags)) {
        return UPDATE_BAD_FLAGS;
    }
    if (operation->flags >> 63 != 0 && !model->features.no_execute) {
        return UPDATE_FEATURE_ABSENT;
    }
    if (leaf != NULL && leaf->level >= operation->level) {
        return UPDATE_INSIDE_HUGE_PAGE;
    }
    table = model_table_at(model, operation->level - 1, operation->page);
    if (table == NULL) {
        return UPDATE_NOT_MAPPED;
    }
    table->flags = operation->flags | (table->flags & PAGE_ACCESSED);
    return UPDATE_OK;
}

/* Flags of a leaf as one of another level has them. */
static uint64_t flags_at(uint64_t flags, unsigned level, unsigned other_level)
{
    uint64_t pat_from = level == 1 ? PAGE_PAT_4K : PAGE_PAT_HUGE;
    uint64_t pat_to = other_level == 1 ? PAGE_PAT_4K : PAGE_PAT_HUGE;
    uint64_t plain = flags & ~(pat_from | (level > 1 ? PAGE_HUGE : 0));

    return plain | ((flags & pat_from) != 0 ? pat_to : 0) | (other_level > 1 ? PAGE_HUGE : 0);
}

static unsigned predict_split(struct page_model *model, const struct operation *operation)
{
    static const unsigned results[] = {
        [PAGE_OK] = SPLIT_OK,
        [PAGE_NOT_MAPPED] = SPLIT_NOT_MAPPED,
        [PAGE_INSIDE_HUGE_PAGE] = SPLIT_INSIDE_HUGE_PAGE,
        [PAGE_OVER_TABLE] = SPLIT_OVER_TABLE,
        [PAGE_MISALIGNED] = SPLIT_MISALIGNED,
        [PAGE_NOT_CANONICAL] = SPLIT_NOT_CANONICAL,
        [PAGE_BAD_SIZE] = SPLIT_BAD_SIZE,
    };
    unsigned size = (unsigned)operation->size;
    enum page_result found = page_fault(model, operation->page, size);
    struct model_leaf *parts;
    struct model_leaf whole;

    if (size == 1) {
        return SPLIT_BAD_SIZE;
    }
    if (found == PAGE_OK) {
        found = find_page(model, operation->page, size);
    }
    if (found != PAGE_OK) {
        return results[found];
    }
    if (model->free_frames == 0) {
        return SPLIT_NO_FRAME;
    }
    whole = *model_leaf_at(model, operation->page);
    model_remove_leaves(model, model_leaf_index(model, operation->page), 1);
    model_add_table(model, size - 1, operation->page, 3 | (whole.flags & PAGE_USER));
    parts = model_add_leaves(model, operation->page, 512);
    for (unsigned i = 0; i < 512; i++) {
        parts[i] = (struct model_leaf){
            .start = whole.start + i * model_size_bytes(size - 1),
            .frame = whole.frame + i * model_size_bytes(size - 1),
            .flags = flags_at(whole.flags, size, size - 1),
            .level = size - 1,
        };
    }
    return SPLIT_OK;
}

/* What keeps 512 pages from being merged; in *flags what the page of `size` has then. */
static unsigned merge_fault(const struct page_model *model, uint64_t page, unsigned size,
                            uint64_t *flags)
{
    uint64_t bytes = model_size_bytes(size - 1);
    const struct model_leaf *first = model_leaf_at(model, page);
    unsigned fault = MERGE_OK;

    for (unsigned i = 0; i < 512; i++) {
        const struct model_leaf *leaf = model_leaf_at(model, page + i * bytes);

        if (leaf == NULL || leaf->level < size - 1) {
            return model_is_mapped(model, page + i * bytes, page + i * bytes + (bytes - 1))
                       ? MERGE_OVER_TABLE
                       : MERGE_NOT_MAPPED;
        }
        if (leaf->frame != first->frame + i * bytes) {
            fault = MERGE_NOT_CONTIGUOUS;
        } else if (((leaf->flags ^ first->flags) & ~ACCESSED_DIRTY) != 0 && fault == MERGE_OK) {
            fault = MERGE_FLAGS_DIFFER;
        }
        *flags |= leaf->flags;
    }
    if (fault == MERGE_OK && first->frame % model_size_bytes(size) != 0) {
        fault = MERGE_FRAME_MISALIGNED;
    }
    return fault;
}

static unsigned predict_merge(struct page_model *model, const struct operation *operation)
{
    unsigned size = (unsigned)operation->size;
    uint64_t page = operation->page;
    enum page_result fault = page_fault(model, page, size);
    const struct model_leaf *leaf = model_leaf_at(model, page);
    uint64_t flags = 0;
    uint64_t above;
    unsigned result;

    if (fault != PAGE_OK || size == 1) {
        return fault == PAGE_MISALIGNED      ? MERGE_MISALIGNED
               : fault == PAGE_NOT_CANONICAL ? MERGE_NOT_CANONICAL
                                             : MERGE_BAD_SIZE;
    }
    if (leaf != NULL && leaf->level >= size) {
        return MERGE_INSIDE_HUGE_PAGE;
    }
    if (model_table_at(model, size - 1, page) == NULL) {
        return MERGE_NOT_MAPPED;
    }
    if (size == 3 && !model->features.pages_1g) {
        return MERGE_FEATURE_ABSENT;
    }
    result = merge_fault(model, page, size, &flags);
    if (result == MERGE_OK) {
        uint64_t frame = leaf->frame;

        above = model_table_at(model, size - 1, page)->flags;
        flags = flags_at(flags, size - 1, size);
        flags = (flags & (above | ~(PAGE_WRITABLE | PAGE_USER))) | (above & PAGE_NO_EXECUTE);
        model_remove_leaves(model, model_leaf_index(model, page), 512);
        model_remove_table(model, size - 1, page);
        *model_add_leaves(model, page, 1) =
            (struct model_leaf){.start = page, .frame = frame, .flags = flags, .level = size};
    }
    return result;
}

static struct answer predict_translate(const struct page_model *model, uint64_t address)
{
    const struct model_leaf *leaf = model_leaf_at(model, address);
    unsigned level = model->levels;

    if (!model_is_canonical(model, address)) {
        return (struct answer){.result = TRANSLATE_NOT_CANONICAL};
    }
    if (leaf == NULL) {
        while (level > 1 && model_table_at(model, level - 1, address) != NULL) {
            level--;
        }
        return (struct answer){.result = TRANSLATE_NOT_MAPPED, .level = level};
    }
    return (struct answer){
        .result = TRANSLATE_OK,
        .level = leaf->level,
        .value = leaf->frame + (address - leaf->start),
        .flags = leaf->flags,
        .effective = page_model_effective(model, leaf),
    };
}

/* What the CPU sees, and the marks that it leaves. */
static struct answer predict_access(struct page_model *model, const struct operation *operation)
{
    struct model_leaf *leaf = model_leaf_at(model, operation->page);
    bool write = operation->kind == OPERATION_WRITE;
    uint64_t effective;

    if (!model->active) {
        return (struct answer){0};
    }
    if (leaf == NULL) {
        return (struct answer){.result = 2};
    }
    effective = page_model_effective(model, leaf);
    if (write && (effective & PAGE_WRITABLE) == 0) {
        return (struct answer){.result = 1};
    }
    leaf->flags |= PAGE_ACCESSED | (write ? PAGE_DIRTY : 0);
    return (struct answer){
        .value = leaf->frame + (operation->page - leaf->start),
        .effective = effective,
    };
}

struct answer page_model_apply(struct page_model *model, const struct operation *operation)
{
    uint64_t default_table_flags = 3 | (operation->flags & PAGE_USER);
    struct operation identity = *operation;

    switch (operation->kind) {
    case OPERATION_MAP:
        return (struct answer){.result = predict_map(model, operation, default_table_flags)};
    case OPERATION_IDENTITY_MAP:
        identity.page = operation->frame;
        return (struct answer){.result = predict_map(model, &identity, default_table_flags)};
    case OPERATION_MAP_WITH_TABLE_FLAGS:
        return (struct answer){.result = predict_map(model, operation, operation->table_flags)};
    case OPERATION_UNMAP:
    case OPERATION_TRANSLATE_PAGE:
        return predict_unmap(model, operation);
    case OPERATION_UPDATE:
        return (struct answer){.result = predict_update(model, operation)};
    case OPERATION_UPDATE_TABLE:
        return (struct answer){.result = predict_update_table(model, operation)};
    case OPERATION_SPLIT:
        return (struct answer){.result = predict_split(model, operation)};
    case OPERATION_MERGE:
        return (struct answer){.result = predict_merge(model, operation)};
    case OPERATION_TRANSLATE:
        return predict_translate(model, operation->page);
    case OPERATION_READ:
    case OPERATION_WRITE:
        return predict_access(model, operation);
    default:
        return page_model_apply_to_range(model, operation);
    }
}
