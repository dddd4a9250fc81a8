/* What the operations on ranges answer. */
#include "tests/host/page_model.h"

/* The last address of a range that is not empty. */
static uint64_t last_of(const struct operation *operation)
{
    return operation->page + (operation->page_count * 4096 - 1);
}

static bool is_in_one_half(const struct page_model *model, const struct operation *operation)
{
    uint64_t half_pages = UINT64_C(1) << (model->levels == 5 ? 56 - 12 : 47 - 12);
    uint64_t before = (operation->page >> 12) % half_pages;

    return model_is_canonical(model, operation->page) &&
           operation->page_count <= half_pages - before;
}

/* The size of the page that maps `address` in a range that ends at `last`. */
static unsigned piece_size(const struct page_model *model, const struct operation *operation,
                           uint64_t address, uint64_t last, uint64_t frame)
{
    unsigned size = (unsigned)operation->size;

    if (size != RANGE_PAGES_LARGEST) {
        return size;
    }
    for (size = model->features.pages_1g ? 3 : 2; size > 1; size--) {
        uint64_t bytes = model_size_bytes(size);

        if (address % bytes == 0 && frame % bytes == 0 && last - address >= bytes - 1) {
            break;
        }
    }
    return size;
}

static unsigned map_range_fault(const struct page_model *model, const struct operation *operation)
{
    unsigned size = (unsigned)operation->size;
    uint64_t alignment = size == RANGE_PAGES_LARGEST ? 4096 : model_size_bytes(size);
    uint64_t bytes = operation->page_count * 4096;
    uint64_t memory_end = UINT64_C(1) << model->features.physical_bits;

    if (size > 3) {
        return MAP_BAD_SIZE;
    }
    if (operation->page % 4096 != 0) {
        return MAP_MISALIGNED;
    }
    if (!is_in_one_half(model, operation)) {
        return MAP_NOT_CANONICAL;
    }
    if (operation->page % alignment != 0 || operation->frame % alignment != 0 ||
        bytes % alignment != 0) {
        return MAP_MISALIGNED;
    }
    if (operation->frame >= memory_end || bytes > memory_end - operation->frame) {
        return MAP_BAD_ADDRESS;
    }
    if (size == RANGE_PAGES_LARGEST && (operation->flags & (PAGE_PAT_4K | PAGE_PAT_HUGE)) != 0) {
        return MAP_BAD_FLAGS;
    }
    return model_flags_fault(model, operation->flags, size == RANGE_PAGES_LARGEST ? 1 : size);
}

/* The largest size of a page that the range can have anywhere. */
static unsigned largest_piece(const struct page_model *model, const struct operation *operation)
{
    uint64_t distance = operation->frame - operation->page;
    unsigned size = (unsigned)operation->size;

    if (size != RANGE_PAGES_LARGEST) {
        return size;
    }
    for (size = model->features.pages_1g ? 3 : 2; size > 1; size--) {
        if (distance % model_size_bytes(size) == 0) {
            break;
        }
    }
    return size;
}

/* Whether [first, first + bytes) lies in the range, which is not empty. */
static bool is_inside(const struct operation *operation, uint64_t first, uint64_t bytes)
{
    return first >= operation->page && first <= last_of(operation) &&
           last_of(operation) - first >= bytes - 1;
}

/* What keeps the page that would map `address` from its place. */
static unsigned piece_fault(const struct page_model *model, const struct operation *operation,
                            uint64_t address)
{
    unsigned size = largest_piece(model, operation);
    uint64_t start = address - address % model_size_bytes(size);

    while (size > 1 && !is_inside(operation, start, model_size_bytes(size))) {
        size--;
        start = address - address % model_size_bytes(size);
    }
    return model_place_fault(model, start, size);
}

/* How many tables of a level the range needs that are missing. Each translates a span of addresses:
 * those are needed that the range has to do with, but not those whose span is one page. */
static uint64_t missing_tables(const struct page_model *model, const struct operation *operation,
                               unsigned level)
{
    uint64_t span = model_size_bytes(level + 1);
    uint64_t first = operation->page / span;
    uint64_t last = last_of(operation) / span;
    bool spans_are_pages = largest_piece(model, operation) > level;
    uint64_t count = last - first + 1;

    if (spans_are_pages) {
        uint64_t first_whole = first + (operation->page % span != 0 ? 1 : 0);
        uint64_t end_of_whole = last + (last_of(operation) % span == span - 1 ? 1 : 0);

        count -= end_of_whole > first_whole ? end_of_whole - first_whole : 0;
    }
    for (size_t i = 0; i < model->tables[level].count; i++) {
        uint64_t start = model->tables[level].list[i].start;
        bool is_page = spans_are_pages && is_inside(operation, start, span);

        count -= start / span >= first && start / span <= last && !is_page ? 1 : 0;
    }
    return count;
}

/* Looks at the places of all pages, and counts the tables that are missing. What it costs depends
 * on the pages and tables that there are, not on the length of the range. */
static unsigned place_range(const struct page_model *model, const struct operation *operation,
                            uint64_t *missing)
{
    unsigned smallest = operation->size == (enum page_size)RANGE_PAGES_LARGEST
                            ? 1
                            : (unsigned)operation->size;
    uint64_t first = operation->page;

    if (model_is_mapped(model, first, last_of(operation))) {
        if (model_leaf_at(model, first) == NULL) {
            first = model->leaves[model_leaf_index(model, first)].start;
        }
        return piece_fault(model, operation, first);
    }
    for (unsigned level = smallest; level < model->levels; level++) {
        *missing += missing_tables(model, operation, level);
    }
    return MAP_OK;
}

/* How many pages map the range. */
static size_t count_pieces(const struct page_model *model, const struct operation *operation)
{
    uint64_t left = operation->page_count * 4096;
    uint64_t offset = 0;
    size_t count = 0;

    while (offset < left) {
        offset += model_size_bytes(piece_size(model, operation, operation->page + offset,
                                              last_of(operation), operation->frame + offset));
        count++;
    }
    return count;
}

static void put_range(struct page_model *model, const struct operation *operation)
{
    uint64_t table_flags = 3 | (operation->flags & PAGE_USER);
    size_t count = count_pieces(model, operation);
    struct model_leaf *leaves = model_add_leaves(model, operation->page, count);
    uint64_t offset = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t page = operation->page + offset;
        uint64_t frame = operation->frame + offset;
        unsigned size = piece_size(model, operation, page, last_of(operation), frame);

        /* A table of level 1 serves many pages in turn. */
        if (size > 1 || i == 0 || page % model_size_bytes(2) == 0) {
            model_put_tables(model, page, size, table_flags);
        }
        leaves[i] = model_leaf_of(page, frame, size, operation->flags);
        offset += model_size_bytes(size);
    }
}

static struct answer predict_map_range(struct page_model *model, const struct operation *operation)
{
    unsigned result = map_range_fault(model, operation);
    uint64_t missing = 0;

    if (result == MAP_OK && operation->page_count > 0) {
        result = place_range(model, operation, &missing);
    }
    if (operation->kind == OPERATION_FRAMES_NEEDED) {
        return (struct answer){.result = result, .value = result == MAP_OK ? missing : 0};
    }
    if (result == MAP_OK && missing > model->free_frames) {
        result = MAP_NO_FRAME;
    }
    if (result == MAP_OK && operation->page_count > 0) {
        put_range(model, operation);
    }
    return (struct answer){.result = result};
}

/* What keeps a range from being changed, as a range_result. */
static unsigned range_fault(const struct page_model *model, const struct operation *operation)
{
    const struct model_leaf *first;
    const struct model_leaf *last;

    if (operation->page % 4096 != 0) {
        return RANGE_MISALIGNED;
    }
    if (!is_in_one_half(model, operation)) {
        return RANGE_NOT_CANONICAL;
    }
    if (operation->page_count == 0) {
        return RANGE_OK;
    }
    first = model_leaf_at(model, operation->page);
    last = model_leaf_at(model, last_of(operation));
    if ((first != NULL && first->start != operation->page) ||
        (last != NULL && last->start + (model_size_bytes(last->level) - 1) != last_of(operation))) {
        return RANGE_INSIDE_HUGE_PAGE;
    }
    return RANGE_OK;
}

/* The leaves in a range that is not empty and cuts none: *first and how many. */
static size_t leaves_in(const struct page_model *model, const struct operation *operation,
                        size_t *first)
{
    size_t end;

    *first = model_leaf_index(model, operation->page);
    for (end = *first; end < model->leaf_count && model->leaves[end].start <= last_of(operation);) {
        end++;
    }
    return end - *first;
}

static void protect_leaf(struct page_model *model, struct model_leaf *leaf, uint64_t flags)
{
    uint64_t kept = PAGE_ACCESSED | PAGE_DIRTY;

    kept |= leaf->level == 1 ? PAGE_PAT_4K : PAGE_PAT_HUGE | PAGE_HUGE;
    leaf->flags = (leaf->flags & kept) | flags;
    model_widen(model, leaf->start, leaf->level, flags);
}

static struct answer predict_change(struct page_model *model, const struct operation *operation)
{
    bool protect = operation->kind == OPERATION_PROTECT_RANGE;
    unsigned flags_fault = MAP_OK;
    struct answer answer = {.result = RANGE_OK};
    size_t first;

    if (protect) {
        flags_fault = (operation->flags & PAGE_PAT_4K) != 0
                          ? MAP_BAD_FLAGS
                          : model_flags_fault(model, operation->flags, 1);
    }
    answer.result = flags_fault == MAP_BAD_FLAGS        ? RANGE_BAD_FLAGS
                    : flags_fault == MAP_FEATURE_ABSENT ? RANGE_FEATURE_ABSENT
                                                        : range_fault(model, operation);
    if (answer.result != RANGE_OK || operation->page_count == 0) {
        return answer;
    }
    answer.value = leaves_in(model, operation, &first);
    for (size_t i = first; protect && i < first + answer.value; i++) {
        protect_leaf(model, &model->leaves[i], operation->flags);
    }
    if (!protect) {
        model_remove_leaves(model, first, answer.value);
    }
    return answer;
}

/* Whether nothing is below a table of `level`. */
static bool table_is_empty(const struct page_model *model, unsigned level, uint64_t start)
{
    uint64_t last = start + (model_size_bytes(level + 1) - 1);

    for (unsigned below = 1; below < level; below++) {
        for (size_t i = 0; i < model->tables[below].count; i++) {
            uint64_t table = model->tables[below].list[i].start;

            if (table >= start && table <= last) {
                return false;
            }
        }
    }
    return !model_is_mapped(model, start, last);
}

static struct answer predict_clean_up(struct page_model *model, const struct operation *operation)
{
    uint64_t free_before = model->free_frames;

    if (operation->page % 4096 != 0) {
        return (struct answer){.result = RANGE_MISALIGNED};
    }
    if (!is_in_one_half(model, operation)) {
        return (struct answer){.result = RANGE_NOT_CANONICAL};
    }
    for (unsigned level = 1; level < model->levels && operation->page_count > 0; level++) {
        for (size_t i = model->tables[level].count; i > 0; i--) {
            uint64_t start = model->tables[level].list[i - 1].start;

            if (start <= last_of(operation) &&
                start + (model_size_bytes(level + 1) - 1) >= operation->page &&
                table_is_empty(model, level, start)) {
                model_remove_table(model, level, start);
            }
        }
    }
    return (struct answer){.result = RANGE_OK, .value = model->free_frames - free_before};
}

/* Tries each place that the one before rules out no longer. */
static struct answer predict_find(const struct page_model *model, const struct operation *operation)
{
    unsigned size = (unsigned)operation->size;
    uint64_t wanted_bytes = operation->frame * 4096;
    uint64_t at = operation->page;

    if (size < 1 || size > 3 || operation->frame == 0 || operation->frame > operation->page_count ||
        at % 4096 != 0 || !is_in_one_half(model, operation)) {
        return (struct answer){.result = false};
    }
    for (;;) {
        uint64_t misfit = at % model_size_bytes(size);
        uint64_t place = misfit == 0 ? at : at + (model_size_bytes(size) - misfit);
        const struct model_leaf *leaf;

        if (place < at || place > last_of(operation) ||
            last_of(operation) - place < wanted_bytes - 1) {
            return (struct answer){.result = false};
        }
        if (!model_is_mapped(model, place, place + (wanted_bytes - 1))) {
            return (struct answer){.result = true, .value = place};
        }
        leaf = model_leaf_at(model, place);
        if (leaf == NULL) {
            leaf = &model->leaves[model_leaf_index(model, place)];
        }
        at = leaf->start + model_size_bytes(leaf->level);
        if (at <= place) {
            return (struct answer){.result = false};
        }
    }
}

struct answer page_model_apply_to_range(struct page_model *model, const struct operation *operation)
{
    switch (operation->kind) {
    case OPERATION_MAP_RANGE:
    case OPERATION_FRAMES_NEEDED:
        return predict_map_range(model, operation);
    case OPERATION_FIND_UNMAPPED:
        return predict_find(model, operation);
    case OPERATION_CLEAN_UP:
        return predict_clean_up(model, operation);
    default:
        return predict_change(model, operation);
    }
}
