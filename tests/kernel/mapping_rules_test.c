/* The kernel's own mappings keep the rules of mapping_rules.h, and what breaks one is found. */
#include "tests/kernel/mapping_rules.h"

#include "kernel/cpu/registers.h"
#include "kernel/layout/image.h"
#include "kernel/layout/layout.h"
#include "kernel/test_mode/print.h"
#include "tests/kernel/support.h"

/* What a CPU without a PAT acts by, and one with a PAT after a reset.
 * Source: Intel SDM volume 3, 11.12.4 "Programming the PAT". */
#define PAT_AFTER_RESET UINT64_C(0x0007040600070406)

#define KIB UINT64_C(0x400)
#define MIB UINT64_C(0x100000)
#define GIB UINT64_C(0x40000000)

static struct mapping_rules rules_of(const struct kernel *kernel, const struct memory_map *map)
{
    return (struct mapping_rules){
        .map = map,
        .pat = kernel->cpu.page_attributes ? msr_read(MSR_PAT) : PAT_AFTER_RESET,
        .code = {image_physical(image_text_start),
                 (uint64_t)(image_rodata_end - image_text_start) >> PAGE_SHIFT},
    };
}

TEST(mapping_rules, hold_for_every_mapping_of_the_kernel)
{
    struct kernel *kernel = test->subject;
    struct mapping_rules rules = rules_of(kernel, &kernel->boot_info->memory_map);
    struct page_table table = kernel->page_table;

    table.access = physical_access(kernel);
    struct violation found = mapping_rules_check(&rules, &table);
    if (found.rule != RULE_NONE_BROKEN) {
        test_print_line(test, "# the level-%u entry for 0x%lx, to 0x%lx: %s", found.level,
                        found.page.value, found.frame.value, broken_rule_text(found.rule));
    }
    CHECK_EQUAL(found.rule, RULE_NONE_BROKEN);
}

static bool is_writable(const struct kernel *kernel, uint64_t address)
{
    struct translation found = page_table_translate(&kernel->page_table, virt_addr_of(address));

    return found.result == TRANSLATE_OK && (found.effective.bits & PAGE_WRITABLE) != 0;
}

/* Each frame of the image has the same rights in the map of physical memory as where it is linked,
 * but is never executable there. */
TEST(mapping_rules, let_no_alias_write_what_is_read_only)
{
    struct kernel *kernel = test->subject;
    uint64_t image = (uint64_t)image_text_start;
    uint64_t boot_info = (uint64_t)(image_boot_info_end - image_boot_info_start);

    for (uint64_t at = image; at < (uint64_t)image_data_end; at += level_bytes(1)) {
        uint64_t frame = image_physical((const void *)at).value;
        CHECK_EQUAL(is_writable(kernel, LAYOUT_PHYSICAL_MEMORY + frame), is_writable(kernel, at));
        CHECK_EQUAL(is_writable(kernel, at), at >= (uint64_t)image_data_start);
    }
    for (uint64_t at = 0; at < boot_info; at += level_bytes(1)) {
        uint64_t frame = image_physical(image_boot_info_start).value + at;
        CHECK(!is_writable(kernel, LAYOUT_PHYSICAL_MEMORY + frame));
        CHECK(!is_writable(kernel, LAYOUT_BOOT_INFO + at));
    }
}

/* The tables of entry.asm, which map 4 GiB writable and executable, are part of no tree in use. */
static bool check_not_in_image(void *context, const struct visited_entry *entry)
{
    struct test *test = context;

    if (!entry->leaf) {
        uint64_t table = page_entry_table(entry->entry).value;
        CHECK(table < (uint64_t)image_load_start || table >= (uint64_t)image_load_end);
    }
    return true;
}

TEST(mapping_rules, leave_the_tables_of_the_boot_unused)
{
    struct kernel *kernel = test->subject;

    CHECK(kernel->page_table.root.value < (uint64_t)image_load_start ||
          kernel->page_table.root.value >= (uint64_t)image_load_end);
    page_table_visit(&kernel->page_table, check_not_in_image, test);
}

/* A machine of the test's own. */
static const struct memory_map machine = {
    .region_count = 6,
    .regions =
        {
            {{0}, {0xa0000}, MEMORY_USABLE},
            {{0xa0000}, {MIB}, MEMORY_RESERVED},
            {{MIB}, {16 * MIB}, MEMORY_KERNEL},
            {{16 * MIB}, {3 * GIB}, MEMORY_USABLE},
            {{3 * GIB}, {3 * GIB + 64 * MIB}, MEMORY_RESERVED},
            {{4 * GIB}, {6 * GIB + 4 * KIB}, MEMORY_USABLE},
        },
};

enum { ROW_PAGES_MAX = 3 };

struct page {
    uint64_t page;
    uint64_t frame;
    enum page_size size; /* 0: no page */
    uint64_t flags;      /* PRESENT is added */
};

/* Pages of one space, and the rule that they break together. */
struct mappings {
    const char *name;
    struct page pages[ROW_PAGES_MAX];
    enum broken_rule broken;
};

#define W PAGE_WRITABLE
#define NX PAGE_NO_EXECUTE
#define UNCACHED (PAGE_CACHE_DISABLE | PAGE_WRITE_THROUGH)

static const struct mappings rows_of_types[] = {
    {"RAM", {{0x1000, 0x1000, PAGE_4K, W}, {GIB, GIB, PAGE_2M, W}}, RULE_NONE_BROKEN},
    {"end of RAM", {{0x1000, 0x9f000, PAGE_4K, W}, {GIB, 3 * GIB - 2 * MIB, PAGE_2M, W}},
     RULE_NONE_BROKEN},
    {"reserved, cached", {{0x1000, 0xa0000, PAGE_4K, W}}, RULE_CACHED_OUTSIDE_RAM},
    {"reserved, read-only", {{0x1000, 0xb8000, PAGE_4K, 0}}, RULE_CACHED_OUTSIDE_RAM},
    {"reserved, write-through", {{0x1000, 0xb8000, PAGE_4K, W | PAGE_WRITE_THROUGH}},
     RULE_CACHED_OUTSIDE_RAM},
    {"reserved, uncached", {{0x1000, 0xb8000, PAGE_4K, W | UNCACHED}}, RULE_NONE_BROKEN},
    {"reserved, PCD alone", {{0x1000, 0xb8000, PAGE_4K, W | PAGE_CACHE_DISABLE}},
     RULE_NONE_BROKEN},
    {"a gap, cached", {{0x1000, 0xfee00000, PAGE_4K, W}}, RULE_CACHED_OUTSIDE_RAM},
    {"a gap, uncached", {{0x1000, 0xfee00000, PAGE_4K, W | UNCACHED}}, RULE_NONE_BROKEN},
    {"above all regions", {{0x1000, 6 * GIB + 4 * KIB, PAGE_4K, W}}, RULE_CACHED_OUTSIDE_RAM},
    {"the last page of RAM", {{0x1000, 6 * GIB, PAGE_4K, W}}, RULE_NONE_BROKEN},
    {"RAM into a gap", {{GIB, 6 * GIB, PAGE_2M, W}}, RULE_CACHED_OUTSIDE_RAM},
    {"RAM into a gap, uncached", {{GIB, 6 * GIB, PAGE_2M, W | UNCACHED}}, RULE_ACROSS_BOUNDARY},
    {"below 1 MiB", {{GIB, 0, PAGE_2M, W | UNCACHED}}, RULE_ACROSS_BOUNDARY},
    {"two kinds of RAM", {{GIB, 14 * MIB, PAGE_2M, W}, {2 * GIB, 16 * MIB, PAGE_2M, W}},
     RULE_NONE_BROKEN},
    {"reserved, huge", {{GIB, 3 * GIB, PAGE_2M, W | UNCACHED}}, RULE_NONE_BROKEN},
};

static const struct mappings rows_of_1g_pages[] = {
    {"RAM", {{GIB, GIB, PAGE_1G, W}, {2 * GIB, 4 * GIB, PAGE_1G, W}}, RULE_NONE_BROKEN},
    {"from 0 on", {{GIB, 0, PAGE_1G, UNCACHED}}, RULE_ACROSS_BOUNDARY},
    {"reserved into a gap", {{GIB, 3 * GIB, PAGE_1G, W | UNCACHED}}, RULE_ACROSS_BOUNDARY},
    {"PAT, write-combining", {{GIB, 5 * GIB, PAGE_1G, W | PAGE_PAT_HUGE}}, RULE_NONE_BROKEN},
};

static const struct mappings rows_of_rights[] = {
    {"writable or executable", {{0x1000, 5 * MIB, PAGE_4K, W | NX}, {0x2000, 6 * MIB, PAGE_4K, 0}},
     RULE_NONE_BROKEN},
    {"both", {{0x1000, 5 * MIB, PAGE_4K, W}}, RULE_WRITE_OR_EXECUTE},
    {"two pages, written first", {{0x1000, 5 * MIB, PAGE_4K, W | NX}, {0x2000, 5 * MIB, PAGE_4K, 0}},
     RULE_WRITE_OR_EXECUTE},
    {"two pages, executed first", {{0x1000, 5 * MIB, PAGE_4K, 0}, {GIB, 5 * MIB, PAGE_4K, W | NX}},
     RULE_WRITE_OR_EXECUTE},
    {"read-only alias", {{0x1000, 5 * MIB, PAGE_4K, 0}, {GIB, 5 * MIB, PAGE_4K, NX}},
     RULE_NONE_BROKEN},
    {"inside a huge page", {{0x1000, 5 * MIB, PAGE_4K, 0}, {GIB, 4 * MIB, PAGE_2M, W | NX}},
     RULE_WRITE_OR_EXECUTE},
    {"beside a huge page", {{0x1000, 6 * MIB, PAGE_4K, 0}, {GIB, 4 * MIB, PAGE_2M, W | NX}},
     RULE_NONE_BROKEN},
    {"in a run", {{0x1000, 5 * MIB, PAGE_4K, 0}, {0x2000, 5 * MIB + 4 * KIB, PAGE_4K, 0},
                  {GIB, 5 * MIB + 4 * KIB, PAGE_4K, W | NX}},
     RULE_WRITE_OR_EXECUTE},
};

/* Makes the tables and judges them. They are reached by physical memory and never active. */
static void check_row(struct test *test, const struct mappings *row, uint64_t default_flags)
{
    struct kernel *kernel = test->subject;
    struct mapping_rules rules = rules_of(kernel, &machine);
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct page_table table = kernel->page_table;

    table.access = physical_access(kernel);
    table.active = false;
    table.features.physical_bits = PHYS_ADDR_BITS_MAX;
    REQUIRE(frame_source_allocate(&frames.source, 0, &table.root));
    mm_port_zero_table((void *)physical_byte(kernel, table.root));
    test_tree(table.root, table.levels);
    for (unsigned i = 0; i < ROW_PAGES_MAX && row->pages[i].size != 0; i++) {
        const struct page *page = &row->pages[i];
        REQUIRE_EQUAL(tlb_flush_ignore(page_table_map_to(
                          &table, virt_addr_of(page->page), phys_addr_of(page->frame), page->size,
                          page_flags_of(PAGE_PRESENT | page->flags | default_flags),
                          &frames.source)),
                      MAP_OK);
    }
    CHECK_EQUAL(mapping_rules_check(&rules, &table).rule, row->broken);
}

static uint64_t no_execute_if_there(struct test *test)
{
    return data_flags(test->subject).bits & PAGE_NO_EXECUTE;
}

TEST_EACH(mapping_rules, tell_what_breaks_them, rows_of_types)
{
    check_row(test, row, no_execute_if_there(test));
}

TEST_EACH(mapping_rules, tell_what_breaks_them_with_1g_pages, rows_of_1g_pages,
          .requires = REQUIRES_PAGES_1G)
{
    check_row(test, row, no_execute_if_there(test));
}

TEST_EACH(mapping_rules, tell_what_is_writable_and_executable, rows_of_rights,
          .requires = REQUIRES_NO_EXECUTE)
{
    check_row(test, row, 0);
}
