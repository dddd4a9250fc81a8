/* What the tutorial, and its readers, have counted: how many tables something takes. */
#include "kernel/claims/claim.h"
#include "mm/page_range.h"

/* All addresses of four levels, in pages of 4 KiB: 2^36 pages below the root. */
#define FULL_SPACE_TABLES UINT64_C(134480385)
#define FULL_SPACE_BYTES UINT64_C(550831656960)

static uint64_t tables_of(struct monitor *monitor, uint64_t bytes, enum range_pages pages)
{
    struct mapping_plan plan = mapping_plan(page_range_of(virt_addr_of(0), bytes >> PAGE_SHIFT),
                                            phys_addr_of(0), pages, 4, true);

    console_print_size(monitor->console, bytes);
    console_print(monitor->console, " in pages of %s: %lu tables, %lu bytes\n",
                  page_size_name((enum page_size)pages), plan.table_count,
                  plan.table_count * level_bytes(1));
    return plan.table_count;
}

static enum claim_result show_entries(struct monitor *monitor)
{
    console_print(monitor->console, "  %d entries of %zu bytes; 64 = 16 + 4 * %d + %d bits\n",
                  TABLE_ENTRY_COUNT, sizeof(struct page_entry), TABLE_INDEX_BITS, PAGE_SHIFT);
    return claim_result_of(TABLE_ENTRY_COUNT * sizeof(struct page_entry) == level_bytes(1) &&
                           16 + 4 * TABLE_INDEX_BITS + PAGE_SHIFT == 64);
}

static enum claim_result show_full_space(struct monitor *monitor)
{
    struct mapping_plan lower =
        mapping_plan(page_range_lower_half(4), phys_addr_of(0), RANGE_PAGES_4K, 4, true);
    struct mapping_plan upper =
        mapping_plan(page_range_upper_half(4), phys_addr_of(0), RANGE_PAGES_4K, 4, true);
    /* Both halves have the same root. */
    uint64_t tables = lower.table_count + upper.table_count - 1;

    console_print(monitor->console, "  %lu tables, %lu bytes\n", tables, tables * level_bytes(1));
    return claim_result_of(tables == FULL_SPACE_TABLES &&
                           tables * level_bytes(1) == FULL_SPACE_BYTES);
}

static enum claim_result show_8_gib(struct monitor *monitor)
{
    console_print(monitor->console, "  ");
    return claim_result_of(tables_of(monitor, UINT64_C(8) << 30, RANGE_PAGES_4K) ==
                           1 + 1 + 8 + 4096);
}

/* The tutorial counts the tables below the root: the root is there anyway. */
static enum claim_result show_32_gib(struct monitor *monitor)
{
    static const struct {
        enum range_pages pages;
        uint64_t tables;
    } cases[] = {
        {RANGE_PAGES_4K, 1 + 1 + 32 + 32 * 512},
        {RANGE_PAGES_2M, 1 + 1 + 32},
        {RANGE_PAGES_1G, 1 + 1},
    };
    bool exact = true;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        console_print(monitor->console, "  ");
        exact = tables_of(monitor, UINT64_C(32) << 30, cases[i].pages) == cases[i].tables && exact;
    }
    return claim_result_of(exact);
}

static enum claim_result show_empty_source(struct monitor *monitor)
{
    phys_addr frame = phys_addr_of(0x1234);
    bool given = frame_source_allocate(frame_source_empty(), 0, &frame);

    console_print(monitor->console, "  asked for a frame, it says %s\n", given ? "yes" : "none");
    return claim_result_of(!given && frame.value == 0x1234);
}

const struct claim claims_of_sums[] = {
    {"G4", "512 entries of 8 bytes are a table; an address is 9+9+9+9+12 bits", show_entries,
     false},
    {"G6", "all tables of a 48-bit space: 134480385, 550831656960 bytes", show_full_space, false},
    {"G7", "8 GiB in 4 KiB pages take 4106 tables with the root, 16818176 bytes", show_8_gib,
     false},
    {"P2", "32 GiB: 33 tables in 2 MiB pages besides the root, 16417 in 4 KiB", show_32_gib, false},
    {"A1", "the empty allocator never has a frame", show_empty_source, false},
    {NULL, NULL, NULL, false},
};
