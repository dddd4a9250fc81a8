#include "mm/page_table.h"

__attribute__((always_inline)) static inline struct translation
translate_in(enum access_kind kind, const struct page_table *table, virt_addr address)
{
    struct walk walk = walk_to(kind, table, address, 1);

    return translation_of(&walk, address);
}

struct translation page_table_translate_any(const struct page_table *table, virt_addr address)
{
    if (!virt_addr_is_canonical(address, table->levels)) {
        return (struct translation){.result = TRANSLATE_NOT_CANONICAL};
    }
    return WITH_KIND(table, translate_in, table, address);
}

__attribute__((always_inline)) static inline struct page_frame
translate_page_in(enum access_kind kind, const struct page_table *table, virt_addr page,
                  enum page_size size)
{
    struct walk walk = walk_to(kind, table, page, (unsigned)size);
    enum page_result result = walk_page_result(table, page, &walk, size);

    if (result != PAGE_OK) {
        return (struct page_frame){.result = result};
    }
    return (struct page_frame){
        .result = PAGE_OK,
        .frame = page_leaf_address(walk.entry, walk.level),
    };
}

struct page_frame page_table_translate_page(const struct page_table *table, virt_addr page,
                                            enum page_size size)
{
    enum page_result checked = page_check(table, page, size);

    if (checked != PAGE_OK) {
        return (struct page_frame){.result = checked};
    }
    return WITH_KIND(table, translate_page_in, table, page, size);
}
