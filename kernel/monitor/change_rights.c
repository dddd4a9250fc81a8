#include "kernel/monitor/change_rights.h"

/* PAT is kept by page_table_protect_range itself. */
#define MEMORY_TYPE_FLAGS (PAGE_WRITE_THROUGH | PAGE_CACHE_DISABLE)

/* The length of what follows `start`, up to `bytes`, in which all pages have one memory type, which
 * is given to *type. */
static uint64_t run_of_one_type(const struct page_table *table, virt_addr start, uint64_t bytes,
                                uint64_t *type)
{
    bool found = false;

    *type = 0;
    for (uint64_t done = 0; done < bytes;) {
        virt_addr at = virt_addr_add(start, done);
        struct translation page = page_table_translate(table, at);

        if (page.result == TRANSLATE_NOT_CANONICAL) {
            return bytes; /* the change says so */
        }
        if (page.result == TRANSLATE_OK) {
            if (found && (page.flags.bits & MEMORY_TYPE_FLAGS) != *type) {
                return done;
            }
            found = true;
            *type = page.flags.bits & MEMORY_TYPE_FLAGS;
        }
        uint64_t rest = level_bytes(page.level) - (at.value & (level_bytes(page.level) - 1));
        done += rest < bytes - done ? rest : bytes - done;
    }
    return bytes;
}

/* An end inside a huge page is an error that has to be found before anything is changed. */
static bool ends_inside_page(const struct page_table *table, virt_addr end)
{
    struct translation page = page_table_translate(table, end);

    return page.result == TRANSLATE_OK && !is_aligned(end.value, level_bytes(page.level));
}

enum range_result change_rights(const struct page_table *table, virt_addr start, uint64_t bytes,
                                page_flags rights, uint64_t *page_count)
{
    bool whole = ends_inside_page(table, virt_addr_add(start, bytes));

    *page_count = 0;
    for (uint64_t done = 0; done < bytes;) {
        virt_addr at = virt_addr_add(start, done);
        uint64_t type;
        uint64_t run = run_of_one_type(table, at, bytes - done, &type);

        run = whole ? bytes : run;
        struct range_outcome changed = page_table_protect_range(
            table, page_range_of(at, run >> PAGE_SHIFT), page_flags_of(rights.bits | type));
        *page_count += changed.leaf_count;
        enum range_result result = tlb_flush_now(changed);
        if (result != RANGE_OK) {
            return result;
        }
        done += run;
    }
    return RANGE_OK;
}
