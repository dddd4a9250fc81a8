#include "mm/address_space.h"

/* CR3: a switch with this bit keeps what is cached under the new PCID. */
#define CR3_KEEP_CACHED (UINT64_C(1) << 63)

enum { LOWER_HALF_ENTRIES = TABLE_ENTRY_COUNT / 2 };

static struct page_entry *entries_of(const struct page_table *table, unsigned level,
                                     phys_addr frame)
{
    return access_table(&table->access, table->access.kind, table->levels, virt_addr_of(0), level,
                        frame);
}

enum address_space_result address_space_create(struct address_space *space,
                                               const struct address_space *kernel, unsigned pcid,
                                               struct frame_source *frames)
{
    const struct page_table *shared = &kernel->table;
    struct page_entry *to;
    phys_addr root;

    if (shared->access.kind == ACCESS_RECURSIVE) {
        return ADDRESS_SPACE_RECURSIVE;
    }
    if (!frame_source_allocate(frames, 0, &root)) {
        return ADDRESS_SPACE_NO_FRAME;
    }
    if (!access_reaches(&shared->access, shared->access.kind, root)) {
        frame_source_free(frames, 0, root);
        return ADDRESS_SPACE_FRAME_UNREACHABLE;
    }
    *space = (struct address_space){.table = *shared, .pcid = pcid, .stale = true};
    space->table.root = root;
    space->table.active = false;
    to = access_new_table(&shared->access, shared->access.kind, shared->levels, root);
    mm_port_zero_table(to);
    for (unsigned index = LOWER_HALF_ENTRIES; index < TABLE_ENTRY_COUNT; index++) {
        struct page_entry entry =
            page_entry_load(&entries_of(shared, shared->levels, shared->root)[index]);

        if (page_entry_table(entry).value != shared->root.value) {
            page_entry_store(&to[index], entry);
        }
    }
    return ADDRESS_SPACE_OK;
}

/* Gives back the tables that the first `count` entries of a table of `level` name. The depth is at
 * most the number of levels. */
static void free_tables_below(const struct page_table *table, unsigned level, phys_addr frame,
                              unsigned count, struct frame_source *frames)
{
    struct page_entry *entries = entries_of(table, level, frame);

    for (unsigned index = 0; level > 1 && index < count; index++) {
        struct page_entry entry = page_entry_load(&entries[index]);

        if (page_entry_is_present(entry) && !page_entry_is_leaf(entry, level) &&
            page_entry_table(entry).value != table->root.value) {
            free_tables_below(table, level - 1, page_entry_table(entry), TABLE_ENTRY_COUNT, frames);
            frame_source_free(frames, 0, page_entry_table(entry));
        }
    }
}

enum address_space_result address_space_destroy(struct address_space *space,
                                                struct frame_source *frames)
{
    const struct page_table *table = &space->table;

    if (table->active) {
        return ADDRESS_SPACE_ACTIVE;
    }
    free_tables_below(table, table->levels, table->root, LOWER_HALF_ENTRIES, frames);
    frame_source_free(frames, 0, table->root);
    return ADDRESS_SPACE_OK;
}

void address_space_switch(struct address_space *from, struct address_space *to)
{
    bool keep = to->pcid != 0 && !to->stale;

    mm_port_set_root(to->table.root.value | to->pcid | (keep ? CR3_KEEP_CACHED : 0));
    from->table.active = false;
    to->table.active = true;
    to->stale = false;
}

void address_space_flush_token(struct address_space *space, struct tlb_flush flush)
{
    if (space->table.active) {
        tlb_flush_apply(flush);
        return;
    }
    space->stale = space->stale || flush.page_count != 0;
    tlb_flush_consume(flush);
}

const char *address_space_result_text(enum address_space_result result)
{
    switch (result) {
    case ADDRESS_SPACE_OK:
        return "ok";
    case ADDRESS_SPACE_NO_FRAME:
        return "frame allocation failed: a space needs one frame for its root";
    case ADDRESS_SPACE_FRAME_UNREACHABLE:
        return "the source gave a frame that the table access cannot reach";
    case ADDRESS_SPACE_RECURSIVE:
        return "recursive access reaches the tables of the active space alone";
    case ADDRESS_SPACE_ACTIVE:
        return "the space is active: switch to another one first";
    }
    return "no such result";
}
