#include "mm/page_table.h"

struct translation page_table_translate_any(const struct page_table *table, virt_addr address)
{
    if (!virt_addr_is_canonical(address, table->levels)) {
        return (struct translation){.result = TRANSLATE_NOT_CANONICAL};
    }
    struct walk walk = walk_any(table, address, 1);
    return translation_of(&walk, address, walk.level);
}

struct page_frame page_table_translate_page(const struct page_table *table, virt_addr page,
                                            enum page_size size)
{
    enum page_result result = page_check(table, page, size);

    if (result != PAGE_OK) {
        return (struct page_frame){.result = result};
    }
    struct walk walk = walk_any(table, page, (unsigned)size);
    result = walk_page_result(table, page, &walk, size);
    if (result != PAGE_OK) {
        return (struct page_frame){.result = result};
    }
    return (struct page_frame){
        .result = PAGE_OK,
        .frame = page_leaf_address(walk.entry, walk.level),
    };
}
