/* What the CPU could find on its way to a page while that is being mapped. */
#include "tests/kernel/single_step.h"
#include "tests/kernel/support.h"

#define FAR_PAGE UINT64_C(0xdeadbeaf000)
#define SCREEN_FRAME UINT64_C(0xb8000)

enum { TABLES_OF_FAR_PAGE = 3 };

/* A call of map_to, and what was seen after each of its instructions. */
struct watched_mapping {
    struct kernel *kernel;
    struct frame_source *frames;
    enum map_result result;
    uint64_t seen_linked[TABLES_OF_FAR_PAGE + 1]; /* instructions, by how many tables were linked */
    uint64_t foreign_entries; /* in linked tables: neither zero nor on the way to the page */
};

/* Counts what is in a table beside the way to the page. */
static uint64_t foreign_entries(const struct kernel *kernel, phys_addr table, unsigned used_index)
{
    const volatile uint64_t *entries = (const volatile uint64_t *)physical_byte(kernel, table);
    uint64_t count = 0;

    for (unsigned index = 0; index < TABLE_ENTRY_COUNT; index++) {
        count += index != used_index && entries[index] != 0 ? 1 : 0;
    }
    return count;
}

static void watch(void *context)
{
    struct watched_mapping *watched = context;
    const struct kernel *kernel = watched->kernel;
    virt_addr page = virt_addr_of(FAR_PAGE);
    phys_addr table = kernel->page_table.root;
    unsigned linked = 0;

    for (unsigned level = kernel->page_table.levels; level > 1; level--) {
        const volatile uint64_t *entries = (const volatile uint64_t *)physical_byte(kernel, table);
        struct page_entry entry = {entries[virt_addr_index(page, level)]};
        if (!page_entry_is_present(entry)) {
            break;
        }
        table = page_entry_table(entry);
        uint64_t foreign = 0;
        if (level <= TABLES_OF_FAR_PAGE + 1) {
            linked++;
            foreign = foreign_entries(kernel, table, virt_addr_index(page, level - 1));
        }
        if (foreign != 0) {
            watched->foreign_entries += foreign;
            break; /* the way on may lead anywhere */
        }
    }
    watched->seen_linked[linked]++;
}

static void map_watched(void *context)
{
    struct watched_mapping *watched = context;

    watched->result = tlb_flush_now(page_table_map_to(
        &watched->kernel->page_table, virt_addr_of(FAR_PAGE), phys_addr_of(SCREEN_FRAME), PAGE_4K,
        data_flags(watched->kernel), watched->frames));
}

TEST(map_to, links_new_tables_by_one_store_when_all_of_them_are_zeroed, .tags = "fresh")
{
    struct kernel *kernel = test->subject;
    struct page_range page = page_range_of(virt_addr_of(FAR_PAGE), 1);
    struct test_frames frames; /* dirty ones */
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct watched_mapping watched = {.kernel = kernel, .frames = &frames.source};

    uint64_t instructions = single_step(map_watched, &watched, watch, &watched);
    REQUIRE_EQUAL(watched.result, MAP_OK);
    CHECK_AT_LEAST(instructions, 100);
    CHECK_EQUAL(watched.foreign_entries, 0);
    CHECK_AT_LEAST(watched.seen_linked[0], 1);
    CHECK_EQUAL(watched.seen_linked[1], 0);
    CHECK_EQUAL(watched.seen_linked[2], 0);
    CHECK_AT_LEAST(watched.seen_linked[TABLES_OF_FAR_PAGE], 1);
    CHECK_TRANSLATES(&kernel->page_table, page.start, phys_addr_of(SCREEN_FRAME));
    CHECK_EQUAL(tlb_flush_now(page_table_unmap(&kernel->page_table, page.start, PAGE_4K)), PAGE_OK);
    CHECK_EQUAL(tlb_flush_now(page_table_clean_up(&kernel->page_table, page, &frames.source)),
                RANGE_OK);
    CHECK_EQUAL(frames.in_use, 0);
}
