#include "mm/page_table.h"

#include "mm/walk.h"

__attribute__((always_inline)) static inline struct translation
translate_in(enum access_kind kind, const struct page_table *table, virt_addr address)
{
    struct walk walk = walk_to(kind, table, address, 1);

    if (!page_entry_is_present(walk.entry)) {
        return (struct translation){.result = TRANSLATE_NOT_MAPPED, .level = walk.level};
    }
    uint64_t offset = address.value & (level_bytes(walk.level) - 1);
    uint64_t leaf = walk.entry.bits;
    return (struct translation){
        .result = TRANSLATE_OK,
        .level = walk.level,
        .address = phys_addr_add(page_leaf_address(walk.entry, walk.level), offset),
        .flags = page_leaf_flags(walk.entry, walk.level),
        .effective = page_flags_of((walk.allowed & leaf) |
                                   ((walk.denied | leaf) & PAGE_NO_EXECUTE)),
    };
}

struct translation page_table_translate(const struct page_table *table, virt_addr address)
{
    if (!virt_addr_is_canonical(address, table->levels)) {
        return (struct translation){.result = TRANSLATE_NOT_CANONICAL};
    }
    return WITH_KIND(table, translate_in, table, address);
}

/* The address bits that a leaf may not have: above MAXPHYADDR. */
static uint64_t unaddressable_bits(const struct page_table *table)
{
    return ~((UINT64_C(1) << table->features.physical_bits) - 1);
}

/* What is wrong with the arguments of a mapping, before any table is looked at. */
static enum map_result map_check(const struct page_table *table, virt_addr page, phys_addr frame,
                                 enum page_size size, page_flags flags)
{
    uint64_t bytes = page_size_bytes(size);

    if (!virt_addr_is_canonical(page, table->levels)) {
        return MAP_NOT_CANONICAL;
    }
    if ((frame.value & unaddressable_bits(table)) != 0) {
        return MAP_BAD_ADDRESS;
    }
    if (!is_aligned(page.value | frame.value, bytes)) {
        return MAP_MISALIGNED;
    }
    if ((flags.bits & PAGE_PRESENT) == 0 ||
        (flags.bits & page_leaf_address_mask((unsigned)size) & ~(bytes - 1)) != 0 ||
        (flags.bits & (bytes - 1) & PAGE_FRAME_MASK &
         ~(size == PAGE_4K ? 0 : PAGE_PAT_HUGE)) != 0) {
        return MAP_BAD_FLAGS;
    }
    if ((size == PAGE_1G && !table->features.pages_1g) ||
        ((flags.bits & PAGE_NO_EXECUTE) != 0 && !table->features.no_execute)) {
        return MAP_FEATURE_ABSENT;
    }
    return MAP_OK;
}

/* Takes `count` frames that may be tables, or none. */
static enum map_result take_table_frames(enum access_kind kind, const struct page_table *table,
                                         struct frame_source *frames, phys_addr *taken,
                                         unsigned count)
{
    enum map_result result = MAP_OK;
    unsigned taken_count = 0;

    while (taken_count < count && result == MAP_OK) {
        if (!frame_source_allocate(frames, 0, &taken[taken_count])) {
            result = MAP_NO_FRAME;
        } else if (!access_reaches(&table->access, kind, taken[taken_count++])) {
            result = MAP_FRAME_UNREACHABLE;
        }
    }
    while (result != MAP_OK && taken_count > 0) {
        frame_source_free(frames, 0, taken[--taken_count]);
    }
    return result;
}

/* Gives the entries above the leaf of `page` the bits of `parent` that they lack. */
__attribute__((always_inline)) static inline void
widen_parents(enum access_kind kind, const struct page_table *table, virt_addr page,
              unsigned leaf_level, uint64_t parent)
{
    for (unsigned level = table->levels; level > leaf_level; level--) {
        struct walk walk = walk_to(kind, table, page, level);
        page_entry_store(walk.slot, (struct page_entry){walk.entry.bits | parent});
    }
}

/* What stands in the way of a leaf at `size` where a walk met a present entry. */
static enum map_result map_obstacle(const struct walk *walk, enum page_size size)
{
    if (!page_entry_is_leaf(walk->entry, walk->level)) {
        return MAP_OVER_TABLE;
    }
    return walk->level == (unsigned)size ? MAP_ALREADY_MAPPED : MAP_INSIDE_HUGE_PAGE;
}

/* The missing tables are filled from the leaf upwards while nothing names them; one store then
 * links them all. */
__attribute__((always_inline)) static inline struct map_outcome
map_in(enum access_kind kind, const struct page_table *table, virt_addr page, phys_addr frame,
       enum page_size size, page_flags flags, struct frame_source *frames)
{
    uint64_t parent = PAGE_PRESENT | PAGE_WRITABLE | (flags.bits & PAGE_USER);
    struct page_entry entry = {frame.value | flags.bits |
                               (size == PAGE_4K ? 0 : PAGE_HUGE)};
    struct walk walk = walk_to(kind, table, page, (unsigned)size);
    struct map_outcome outcome = {.result = MAP_OK, .flush = tlb_flush_none()};

    if (page_entry_is_present(walk.entry)) {
        outcome.result = map_obstacle(&walk, size);
        return outcome;
    }
    if (walk.level > (unsigned)size) {
        phys_addr taken[PAGING_LEVELS_MAX];
        unsigned count = walk.level - (unsigned)size;

        outcome.result = take_table_frames(kind, table, frames, taken, count);
        if (outcome.result != MAP_OK) {
            return outcome;
        }
        for (unsigned built = 0; built < count; built++) {
            struct page_entry *entries =
                access_new_table(&table->access, kind, table->levels, taken[built]);
            mm_port_zero_table(entries);
            page_entry_store(&entries[virt_addr_index(page, (unsigned)size + built)], entry);
            entry.bits = taken[built].value | parent;
        }
    }
    page_entry_store(walk.slot, entry);
    if ((parent & (PAGE_WRITABLE | PAGE_USER) & ~walk.allowed) != 0) {
        widen_parents(kind, table, page, walk.level, parent);
        outcome.flush = tlb_flush_page(page);
    }
    return outcome;
}

struct map_outcome page_table_map_to(const struct page_table *table, virt_addr page,
                                     phys_addr frame, enum page_size size, page_flags flags,
                                     struct frame_source *frames)
{
    enum map_result checked = map_check(table, page, frame, size, flags);

    if (checked != MAP_OK) {
        return (struct map_outcome){.result = checked};
    }
    return WITH_KIND(table, map_in, table, page, frame, size, flags, frames);
}

__attribute__((always_inline)) static inline struct unmap_outcome
unmap_in(enum access_kind kind, const struct page_table *table, virt_addr page,
         enum page_size size)
{
    struct walk walk = walk_to(kind, table, page, (unsigned)size);

    if (!page_entry_is_present(walk.entry)) {
        return (struct unmap_outcome){.result = UNMAP_NOT_MAPPED};
    }
    if (walk.level != (unsigned)size) {
        return (struct unmap_outcome){.result = UNMAP_INSIDE_HUGE_PAGE};
    }
    if (!page_entry_is_leaf(walk.entry, walk.level)) {
        return (struct unmap_outcome){.result = UNMAP_OVER_TABLE};
    }
    page_entry_store(walk.slot, (struct page_entry){0});
    return (struct unmap_outcome){
        .result = UNMAP_OK,
        .flush = tlb_flush_page(page),
        .frame = page_leaf_address(walk.entry, walk.level),
    };
}

struct unmap_outcome page_table_unmap(const struct page_table *table, virt_addr page,
                                      enum page_size size)
{
    if (!virt_addr_is_canonical(page, table->levels)) {
        return (struct unmap_outcome){.result = UNMAP_NOT_CANONICAL};
    }
    if (!is_aligned(page.value, page_size_bytes(size))) {
        return (struct unmap_outcome){.result = UNMAP_MISALIGNED};
    }
    return WITH_KIND(table, unmap_in, table, page, size);
}

__attribute__((always_inline)) static inline enum map_result
link_recursive_in(enum access_kind kind, const struct page_table *table, unsigned slot)
{
    virt_addr window =
        virt_addr_new_truncate((uint64_t)slot << level_shift(table->levels), table->levels);
    struct walk walk = walk_to(kind, table, window, table->levels);

    if (page_entry_is_present(walk.entry)) {
        return MAP_ALREADY_MAPPED;
    }
    page_entry_store(walk.slot, (struct page_entry){table->root.value | PAGE_PRESENT |
                                                    PAGE_WRITABLE |
                                                    (table->features.no_execute ? PAGE_NO_EXECUTE
                                                                                : 0)});
    return MAP_OK;
}

enum map_result page_table_link_recursive(const struct page_table *table, unsigned slot)
{
    return WITH_KIND(table, link_recursive_in, table, slot);
}

unsigned page_table_path(const struct page_table *table, virt_addr address,
                         struct path_entry *path)
{
    unsigned count = 0;

    if (!virt_addr_is_canonical(address, table->levels)) {
        return 0;
    }
    for (unsigned level = table->levels; level >= 1; level--) {
        struct walk walk = walk_to(table->access.kind, table, address, level);
        bool present = page_entry_is_present(walk.entry);

        path[count++] = (struct path_entry){
            .level = level,
            .index = virt_addr_index(address, level),
            .entry = walk.entry,
            .leaf = present && page_entry_is_leaf(walk.entry, level),
        };
        if (!present || path[count - 1].leaf) {
            break;
        }
    }
    return count;
}

/* A visit in progress: what the levels of the recursion share. */
struct visit {
    const struct page_table *table;
    bool (*visit)(void *context, const struct visited_entry *entry);
    void *context;
};

/* The depth is at most the number of levels. */
static void visit_table(enum access_kind kind, const struct visit *visit, phys_addr frame,
                        unsigned level, virt_addr start)
{
    const struct page_table *table = visit->table;

    for (unsigned index = 0; index < TABLE_ENTRY_COUNT; index++) {
        virt_addr address = virt_addr_new_truncate(start.value + index * level_bytes(level),
                                                   table->levels);
        /* Asked for again each time: below, a temporary slot of this level does not move, but
         * `visit` may use the same access. */
        struct page_entry *entries =
            access_table(&table->access, kind, table->levels, address, level, frame);
        struct visited_entry entry = {
            .start = address,
            .level = level,
            .entry = page_entry_load(&entries[index]),
        };

        if (!page_entry_is_present(entry.entry)) {
            continue;
        }
        entry.leaf = page_entry_is_leaf(entry.entry, level);
        entry.recursive =
            !entry.leaf && page_entry_table(entry.entry).value == table->root.value;
        if (visit->visit(visit->context, &entry) && !entry.leaf && !entry.recursive) {
            visit_table(kind, visit, page_entry_table(entry.entry), level - 1, address);
        }
    }
}

void page_table_visit(const struct page_table *table,
                      bool (*visit)(void *context, const struct visited_entry *entry),
                      void *context)
{
    struct visit state = {.table = table, .visit = visit, .context = context};

    visit_table(table->access.kind, &state, table->root, table->levels, virt_addr_of(0));
}
