/* The state in which the kernel's entry function finds the machine. */
#include "kernel/cpu/registers.h"
#include "kernel/layout/image.h"
#include "kernel/layout/layout.h"
#include "kernel/lib/string.h"
#include "tests/kernel/support.h"

#define GIB (UINT64_C(1) << 30)

TEST(boot, gives_a_memory_map_in_order_without_overlaps)
{
    struct kernel *kernel = test->subject;
    const struct memory_map *map = &kernel->boot_info->memory_map;

    uint64_t ram_bytes = memory_map_bytes(map, MEMORY_USABLE) +
                         memory_map_bytes(map, MEMORY_KERNEL) +
                         memory_map_bytes(map, MEMORY_BOOT_INFO) +
                         memory_map_bytes(map, MEMORY_PAGE_TABLES);
    uint64_t end = memory_map_ram_end(map).value;

    REQUIRE(map->region_count > 0);
    for (size_t i = 0; i < map->region_count; i++) {
        CHECK(is_aligned(map->regions[i].start.value | map->regions[i].end.value, 4096));
        CHECK_LESS(map->regions[i].start.value, map->regions[i].end.value);
        if (i > 0) {
            CHECK_AT_MOST(map->regions[i - 1].end.value, map->regions[i].start.value);
        }
    }
    /* The hole for devices is below 4 GiB; what firmware keeps is the smaller part of any machine. */
    CHECK_AT_LEAST(ram_bytes, end > 4 * GIB ? end - 4 * GIB : end / 2);
}

struct table_check {
    struct test *test;
    const struct kernel *kernel;
};

static bool check_table_frame(void *context, const struct visited_entry *entry)
{
    const struct table_check *check = context;
    struct test *test = check->test;

    if (!entry->leaf && !entry->recursive) {
        CHECK_EQUAL(memory_type_at(check->kernel, page_entry_table(entry->entry)), MEMORY_PAGE_TABLES);
    }
    return true;
}

TEST(boot, calls_nothing_usable_that_is_in_use, .tags = "fresh")
{
    struct kernel *kernel = test->subject;
    struct table_check check = {.test = test, .kernel = kernel};

    for (uint64_t frame = (uint64_t)image_load_start; frame < (uint64_t)image_load_end;
         frame += 4096) {
        enum memory_type type = memory_type_at(kernel, phys_addr_of(frame));
        CHECK(type == MEMORY_KERNEL || type == MEMORY_BOOT_INFO);
    }
    for (uint64_t frame = (uint64_t)image_entry_start; frame < (uint64_t)image_entry_end;
         frame += 4096) {
        CHECK_EQUAL(memory_type_at(kernel, phys_addr_of(frame)), MEMORY_KERNEL);
    }
    CHECK_EQUAL(memory_type_at(kernel, image_physical(image_boot_info_start)), MEMORY_BOOT_INFO);
    CHECK_NOT_EQUAL(memory_type_at(kernel, phys_addr_of(0)), MEMORY_USABLE);
    CHECK_EQUAL(memory_type_at(kernel, kernel->page_table.root), MEMORY_PAGE_TABLES);
    page_table_visit(&kernel->page_table, check_table_frame, &check);
}

TEST(boot, leaves_cr3_at_the_root_of_the_kernels_tables)
{
    struct kernel *kernel = test->subject;

    CHECK_ADDRESS_EQUAL(phys_addr_of(cr3_read() & CR3_FRAME_MASK), kernel->page_table.root);
    CHECK_EQUAL((cr4_read() & CR4_LA57) != 0, kernel->page_table.levels == 5);
}

TEST(boot, turns_on_every_protection_that_the_cpu_has)
{
    struct kernel *kernel = test->subject;

    CHECK((cr0_read() & CR0_WRITE_PROTECT) != 0);
    CHECK_EQUAL((cr4_read() & CR4_SMEP) != 0, kernel->cpu.smep);
    CHECK_EQUAL((cr4_read() & CR4_SMAP) != 0, kernel->cpu.smap);
    CHECK_EQUAL((cr4_read() & CR4_UMIP) != 0, kernel->cpu.umip);
    CHECK_EQUAL((msr_read(MSR_EFER) & EFER_NO_EXECUTE) != 0, kernel->cpu.no_execute);
}

static bool check_write_or_execute(void *context, const struct visited_entry *entry)
{
    struct test *test = context;
    struct kernel *kernel = test->subject;

    if (entry->leaf) {
        struct translation page = page_table_translate(&kernel->page_table, entry->start);
        CHECK((page.effective.bits & PAGE_WRITABLE) == 0 ||
              (page.effective.bits & PAGE_NO_EXECUTE) != 0);
    }
    return true;
}

TEST(boot, maps_no_page_writable_and_executable, .requires = REQUIRES_NO_EXECUTE)
{
    struct kernel *kernel = test->subject;

    page_table_visit(&kernel->page_table, check_write_or_execute, test);
}

TEST(boot, maps_the_first_2_mib_at_their_own_addresses_but_for_page_0)
{
    struct kernel *kernel = test->subject;

    CHECK_NOT_MAPPED(&kernel->page_table, virt_addr_of(0));
    CHECK_NOT_MAPPED(&kernel->page_table, virt_addr_of(0xfff));
    for (uint64_t page = 0x1000; page < LAYOUT_IDENTITY_END; page += 0x1000) {
        CHECK_TRANSLATES(&kernel->page_table, virt_addr_of(page), phys_addr_of(page));
        CHECK_EQUAL(page_table_translate(&kernel->page_table, virt_addr_of(page)).level, PAGE_4K);
    }
}

/* The first and the last page, and what is every 2 MiB between them. */
static void check_all_mapped(struct test *test, uint64_t start, uint64_t end)
{
    const struct page_table *table = &((struct kernel *)test->subject)->page_table;

    for (uint64_t at = start; at < end; at += page_size_bytes(PAGE_2M)) {
        REQUIRE_TRANSLATES(table, virt_addr_of(LAYOUT_PHYSICAL_MEMORY + at), phys_addr_of(at));
    }
    CHECK_TRANSLATES(table, virt_addr_of(LAYOUT_PHYSICAL_MEMORY + end - 1), phys_addr_of(end - 1));
}

static void check_none_mapped(struct test *test, uint64_t start, uint64_t end)
{
    const struct page_table *table = &((struct kernel *)test->subject)->page_table;

    if (start < end) {
        CHECK_NOT_MAPPED(table, virt_addr_of(LAYOUT_PHYSICAL_MEMORY + start));
        CHECK_NOT_MAPPED(table, virt_addr_of(LAYOUT_PHYSICAL_MEMORY + end - 1));
    }
}

TEST(boot, maps_the_ram_and_nothing_else_at_the_physical_memory_offset)
{
    struct kernel *kernel = test->subject;
    const struct memory_map *map = &kernel->boot_info->memory_map;
    uint64_t end = 0;

    for (size_t i = 0; i < map->region_count; i++) {
        const struct memory_region *region = &map->regions[i];
        check_none_mapped(test, end, region->start.value);
        end = region->end.value;
        if (region->type == MEMORY_RESERVED || region->type == MEMORY_BAD) {
            check_none_mapped(test, region->start.value, end);
        } else {
            check_all_mapped(test, region->start.value, end);
        }
    }
    check_none_mapped(test, end, LAYOUT_PHYSICAL_MEMORY_END - LAYOUT_PHYSICAL_MEMORY);
}

/* Whether the page of `size` around the address lies within the region, and its rights can be the
 * same everywhere. */
static bool larger_page_fits(const struct memory_region *region, uint64_t address,
                             enum page_size size)
{
    uint64_t start = align_down(address, page_size_bytes(size));
    uint64_t end = start + page_size_bytes(size);
    uint64_t written = image_physical(image_data_start).value;

    return start >= region->start.value && end <= region->end.value &&
           start >= LAYOUT_IDENTITY_END && (written <= start || written >= end);
}

TEST(boot, maps_the_ram_with_the_largest_pages_that_fit)
{
    struct kernel *kernel = test->subject;
    const struct memory_map *map = &kernel->boot_info->memory_map;
    unsigned largest = kernel->cpu.pages_1g ? PAGE_1G : PAGE_2M;

    for (size_t i = 0; i < map->region_count; i++) {
        const struct memory_region *region = &map->regions[i];
        uint64_t at = region->start.value;
        while (region->type == MEMORY_USABLE && at < region->end.value) {
            struct translation page = page_table_translate(
                &kernel->page_table, virt_addr_of(LAYOUT_PHYSICAL_MEMORY + at));
            REQUIRE_EQUAL(page.result, TRANSLATE_OK);
            REQUIRE(page.level == largest ||
                    !larger_page_fits(region, at, (enum page_size)(page.level + 1)));
            at = align_down(at, level_bytes(page.level)) + level_bytes(page.level);
        }
    }
}

TEST(boot, puts_kernel_stack_boot_info_and_physical_memory_in_different_root_entries)
{
    struct kernel *kernel = test->subject;
    uint64_t on_stack = 0;
    const uint64_t addresses[] = {
        (uint64_t)cr3_read,
        (uint64_t)&on_stack,
        (uint64_t)kernel->boot_info,
        kernel->boot_info->physical_memory_offset,
        (uint64_t)page_table_translate,
    };

    for (size_t i = 0; i < 4; i++) {
        for (size_t j = i + 1; j < 4; j++) {
            uint64_t first = i == 0 ? addresses[4] : addresses[i];
            CHECK_NOT_EQUAL(virt_addr_index(virt_addr_of(first), 4),
                            virt_addr_index(virt_addr_of(addresses[j]), 4));
        }
    }
}

TEST(boot, gives_the_same_command_line_that_the_options_come_from)
{
    struct kernel *kernel = test->subject;
    struct command_line again = command_line_parse(kernel->boot_info->command_line);

    CHECK_EQUAL(again.paging_levels, kernel->options.paging_levels);
    CHECK_EQUAL(again.seed, kernel->options.seed);
    CHECK_TEXT_EQUAL(again.test_glob, kernel->options.test_glob);
    CHECK_TEXT_EQUAL(again.unknown_word, "");
}

/* A test that prints the kernel or its command line must not print it. */
TEST(boot, shows_no_test_the_key_of_the_report)
{
    struct kernel *kernel = test->subject;
    const char *text = kernel->boot_info->command_line;

    for (; *text != '\0'; text++) {
        CHECK_NOT_EQUAL(strncmp(text, "key=", 4), 0);
    }
    CHECK_EQUAL(kernel->report_key, 0);
}
