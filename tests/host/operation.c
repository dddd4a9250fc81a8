#include "tests/host/operation.h"

#include "mm/page_tree.h"

#include <stdio.h>
#include <string.h>

static struct answer map_answer(struct map_outcome outcome)
{
    return (struct answer){.result = tlb_flush_now(outcome)};
}

static struct answer range_answer(struct range_outcome outcome)
{
    uint64_t count = outcome.leaf_count;

    return (struct answer){.result = tlb_flush_now(outcome), .value = count};
}

static struct answer translate_answer(struct translation translation)
{
    return (struct answer){
        .result = translation.result,
        .level = translation.level,
        .value = translation.address.value,
        .flags = translation.flags.bits,
        .effective = translation.effective.bits,
    };
}

static struct answer access_answer(struct world *world, const struct operation *operation)
{
    bool write = operation->kind == OPERATION_WRITE;
    struct soft_access access;

    if (!world->table.active) {
        return (struct answer){0};
    }
    access = host_cpu_access(&world->cpu, operation->page, write);
    if (access.fault != SOFT_TRANSLATED || access.protected) {
        return (struct answer){.result = access.protected ? 1 : 2};
    }
    return (struct answer){
        .value = access.physical,
        .effective = (access.writable ? PAGE_WRITABLE : 0) | (access.user ? PAGE_USER : 0) |
                     (access.no_execute ? PAGE_NO_EXECUTE : 0),
    };
}

static struct answer apply_to_page(struct world *world, const struct operation *operation)
{
    const struct page_table *table = &world->table;
    struct frame_source *frames = &world->frames.source;
    virt_addr page = virt_addr_of(operation->page);
    phys_addr frame = phys_addr_of(operation->frame);
    page_flags flags = page_flags_of(operation->flags);
    struct page_frame found;
    struct unmap_outcome unmapped;

    switch (operation->kind) {
    case OPERATION_MAP:
        return map_answer(page_table_map_to(table, page, frame, operation->size, flags, frames));
    case OPERATION_IDENTITY_MAP:
        return map_answer(page_table_identity_map(table, frame, operation->size, flags, frames));
    case OPERATION_MAP_WITH_TABLE_FLAGS:
        return map_answer(
            page_table_map_to_with_table_flags(table, page, frame, operation->size, flags,
                                               page_flags_of(operation->table_flags), frames));
    case OPERATION_UNMAP:
        unmapped = page_table_unmap(table, page, operation->size);
        frame = unmapped.frame;
        return (struct answer){.result = tlb_flush_now(unmapped), .value = frame.value};
    case OPERATION_UPDATE:
        return (struct answer){
            .result = tlb_flush_now(page_table_update_flags(table, page, operation->size, flags,
                                                            operation->accessed_dirty))};
    case OPERATION_UPDATE_TABLE:
        return (struct answer){.result = tlb_flush_now(page_table_update_table_flags(
                                   table, page, operation->level, flags))};
    case OPERATION_SPLIT:
        return (struct answer){
            .result = tlb_flush_now(page_table_split(table, page, operation->size, frames))};
    case OPERATION_MERGE:
        return (struct answer){
            .result = tlb_flush_now(page_table_merge(table, page, operation->size, frames))};
    case OPERATION_TRANSLATE:
        return translate_answer(page_table_translate(table, page));
    case OPERATION_TRANSLATE_PAGE:
        found = page_table_translate_page(table, page, operation->size);
        return (struct answer){.result = found.result, .value = found.frame.value};
    default:
        return access_answer(world, operation);
    }
}

struct answer operation_apply(struct world *world, const struct operation *operation)
{
    const struct page_table *table = &world->table;
    struct page_range range = page_range_of(virt_addr_of(operation->page), operation->page_count);
    phys_addr frame = phys_addr_of(operation->frame);
    page_flags flags = page_flags_of(operation->flags);
    enum range_pages pages = (enum range_pages)operation->size;
    struct frames_needed needed;
    virt_addr found = {0};
    bool was_found;

    switch (operation->kind) {
    case OPERATION_FIND_UNMAPPED:
        was_found =
            page_table_find_unmapped(table, range, operation->frame, operation->size, &found);
        return (struct answer){.result = was_found, .value = found.value};
    case OPERATION_MAP_RANGE:
        return map_answer(
            page_table_map_range(table, range, frame, pages, flags, &world->frames.source));
    case OPERATION_FRAMES_NEEDED:
        needed = page_table_frames_needed(table, range, frame, pages, flags);
        return (struct answer){
            .result = needed.result,
            .value = needed.result == MAP_OK ? needed.count : 0,
        };
    case OPERATION_UNMAP_RANGE:
        return range_answer(page_table_unmap_range(table, range));
    case OPERATION_PROTECT_RANGE:
        return range_answer(page_table_protect_range(table, range, flags));
    case OPERATION_CLEAN_UP:
        return range_answer(page_table_clean_up(table, range, &world->frames.source));
    default:
        return apply_to_page(world, operation);
    }
}

bool answer_equals(const struct answer *one, const struct answer *other)
{
    return one->result == other->result && one->level == other->level &&
           one->value == other->value && one->flags == other->flags &&
           one->effective == other->effective;
}

static const char *size_text(enum page_size size)
{
    static const char *const texts[] = {"largest", "4k", "2m", "1g"};

    return (unsigned)size < 4 ? texts[size] : "none";
}

/* Prints a number with a space before it. */
static void add_hex(char *text, size_t text_bytes, uint64_t value)
{
    size_t length = strlen(text);

    snprintf(text + length, text_bytes - length, " %llx", (unsigned long long)value);
}

static void add_word(char *text, size_t text_bytes, const char *word)
{
    size_t length = strlen(text);

    snprintf(text + length, text_bytes - length, " %s", word);
}

/* Which arguments an operation has, in the order in which they are printed: V page, N page count,
 * P frame, S size, F flags, T table flags, L level, A what becomes of accessed and dirty. */
static const struct {
    const char *name;
    const char *arguments;
} operation_texts[OPERATION_KIND_COUNT] = {
    [OPERATION_MAP] = {"map", "VPSF"},
    [OPERATION_IDENTITY_MAP] = {"identity_map", "PSF"},
    [OPERATION_MAP_WITH_TABLE_FLAGS] = {"map_with_table_flags", "VPSFT"},
    [OPERATION_UNMAP] = {"unmap", "VS"},
    [OPERATION_UPDATE] = {"upd", "VSFA"},
    [OPERATION_UPDATE_TABLE] = {"upd_table", "VLF"},
    [OPERATION_SPLIT] = {"split", "VS"},
    [OPERATION_MERGE] = {"merge", "VS"},
    [OPERATION_MAP_RANGE] = {"map_range", "VNPSF"},
    [OPERATION_FRAMES_NEEDED] = {"frames_needed", "VNPSF"},
    [OPERATION_UNMAP_RANGE] = {"unmap_range", "VN"},
    [OPERATION_PROTECT_RANGE] = {"protect_range", "VNF"},
    [OPERATION_CLEAN_UP] = {"cleanup", "VN"},
    [OPERATION_FIND_UNMAPPED] = {"find_unmapped", "VNPS"},
    [OPERATION_TRANSLATE] = {"tr", "V"},
    [OPERATION_TRANSLATE_PAGE] = {"tr_page", "VS"},
    [OPERATION_READ] = {"read", "V"},
    [OPERATION_WRITE] = {"write", "V"},
};

void operation_print(const struct operation *operation, char *text, size_t text_bytes)
{
    snprintf(text, text_bytes, "%s", operation_texts[operation->kind].name);
    for (const char *which = operation_texts[operation->kind].arguments; *which != '\0'; which++) {
        switch (*which) {
        case 'V':
            add_hex(text, text_bytes, operation->page);
            break;
        case 'N':
            add_hex(text, text_bytes, operation->page_count);
            break;
        case 'P':
            add_hex(text, text_bytes, operation->frame);
            break;
        case 'S':
            add_word(text, text_bytes, size_text(operation->size));
            break;
        case 'F':
            add_hex(text, text_bytes, operation->flags);
            break;
        case 'T':
            add_hex(text, text_bytes, operation->table_flags);
            break;
        case 'L':
            add_hex(text, text_bytes, operation->level);
            break;
        default:
            add_word(text, text_bytes,
                     operation->accessed_dirty == ACCESSED_DIRTY_KEEP ? "keep" : "replace");
        }
    }
}

static const char *result_text(enum operation_kind kind, unsigned result)
{
    switch (kind) {
    case OPERATION_MAP:
    case OPERATION_IDENTITY_MAP:
    case OPERATION_MAP_WITH_TABLE_FLAGS:
    case OPERATION_MAP_RANGE:
    case OPERATION_FRAMES_NEEDED:
        return map_result_text((enum map_result)result);
    case OPERATION_UNMAP:
    case OPERATION_TRANSLATE_PAGE:
        return page_result_text((enum page_result)result);
    case OPERATION_UPDATE:
    case OPERATION_UPDATE_TABLE:
        return update_result_text((enum update_result)result);
    case OPERATION_SPLIT:
        return split_result_text((enum split_result)result);
    case OPERATION_MERGE:
        return merge_result_text((enum merge_result)result);
    case OPERATION_TRANSLATE:
        return translate_result_text((enum translate_result)result);
    case OPERATION_FIND_UNMAPPED:
        return result != 0 ? "found" : "not found";
    case OPERATION_READ:
    case OPERATION_WRITE:
        return result == 0 ? "ok" : result == 1 ? "protected" : "page fault";
    default:
        return range_result_text((enum range_result)result);
    }
}

void answer_print(const struct operation *operation, const struct answer *answer, char *text,
                  size_t text_bytes)
{
    snprintf(text, text_bytes, "\"%s\", value %llx, level %u, flags %llx, effective %llx",
             result_text(operation->kind, answer->result), (unsigned long long)answer->value,
             answer->level, (unsigned long long)answer->flags,
             (unsigned long long)answer->effective);
}
