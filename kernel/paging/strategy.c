#include "kernel/paging/strategy.h"

#include "kernel/layout/layout.h"

/* Pages of the window at LAYOUT_TEMPORARY. */
enum {
    TEMPORARY_FIRST_SLOT = 0,
    RECURSIVE_SCRATCH_PAGE = TEMPORARY_FIRST_SLOT + TEMPORARY_SLOT_COUNT,
};

static virt_addr temporary_page(unsigned page)
{
    return virt_addr_of(LAYOUT_TEMPORARY + page * page_size_bytes(PAGE_4K));
}

const char *access_strategy_name(enum access_strategy strategy)
{
    static const char *const names[STRATEGY_COUNT] = {
        [STRATEGY_OFFSET] = "offset",       [STRATEGY_FIXED] = "fixed",
        [STRATEGY_IDENTITY] = "identity",   [STRATEGY_TEMPORARY] = "temporary",
        [STRATEGY_RECURSIVE] = "recursive",
    };
    return names[strategy];
}

bool access_strategy_has_window(enum access_strategy strategy)
{
    return strategy == STRATEGY_FIXED || strategy == STRATEGY_IDENTITY;
}

static struct table_access access_of(enum access_strategy strategy, phys_addr ram_end)
{
    phys_addr window_start = phys_addr_of(page_size_bytes(PAGE_4K));
    phys_addr window_end = phys_addr_of(LAYOUT_IDENTITY_END);

    switch (strategy) {
    case STRATEGY_FIXED:
        return table_access_linear(LAYOUT_FIXED_OFFSET, window_start, window_end);
    case STRATEGY_IDENTITY:
        return table_access_linear(LAYOUT_IDENTITY, window_start, window_end);
    case STRATEGY_TEMPORARY:
        return table_access_temporary(temporary_page(TABLE_ENTRY_COUNT - 1), temporary_page(0),
                                      TEMPORARY_FIRST_SLOT);
    case STRATEGY_RECURSIVE:
        return table_access_recursive(LAYOUT_RECURSIVE_SLOT,
                                      temporary_page(RECURSIVE_SCRATCH_PAGE));
    default:
        return table_access_linear(LAYOUT_PHYSICAL_MEMORY, phys_addr_of(0), ram_end);
    }
}

struct table_access access_strategy_access(enum access_strategy strategy, phys_addr ram_end,
                                           bool no_execute)
{
    struct table_access access = access_of(strategy, ram_end);

    access.slot_flags.bits |= no_execute ? PAGE_NO_EXECUTE : 0;
    return access;
}
