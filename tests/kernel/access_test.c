/* The ways in which tables are reached lead to the same tables. */
#include "kernel/layout/layout.h"
#include "tests/kernel/support.h"

/* Addresses of which the kernel's space maps some and not others. */
static const uint64_t addresses[] = {
    0, 0x1000, VGA_TEXT_FRAME, 0x1ff000, 0x200000, LAYOUT_FIXED_OFFSET + 0x5000,
    LAYOUT_PHYSICAL_MEMORY, LAYOUT_PHYSICAL_MEMORY + 0x12345678, LAYOUT_STACKS, LAYOUT_BOOT_INFO,
    LAYOUT_TEMPORARY, LAYOUT_KERNEL + 0x201000, UINT64_MAX,
};

TEST(access, reads_the_same_entries_as_physical_memory_shows)
{
    struct kernel *kernel = test->subject;
    struct page_table linear = kernel->page_table;

    linear.access = physical_access(kernel);
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        struct path_entry path[PAGING_LEVELS_MAX];
        struct path_entry linear_path[PAGING_LEVELS_MAX];
        virt_addr address = virt_addr_of(addresses[i]);
        unsigned count = page_table_path(&kernel->page_table, address, path);

        REQUIRE_EQUAL(count, page_table_path(&linear, address, linear_path));
        for (unsigned step = 0; step < count; step++) {
            uint64_t marks = PAGE_ACCESSED | PAGE_DIRTY;
            CHECK_EQUAL(path[step].entry.bits & ~marks, linear_path[step].entry.bits & ~marks);
            CHECK_EQUAL(path[step].index, linear_path[step].index);
        }
        CHECK_ADDRESS_EQUAL(page_table_translate(&kernel->page_table, address).address,
                            page_table_translate(&linear, address).address);
    }
}

TEST(access, counts_the_same_tables_as_physical_memory_shows)
{
    struct kernel *kernel = test->subject;
    struct page_table linear = kernel->page_table;

    linear.access = physical_access(kernel);
    CHECK_AT_LEAST(page_table_tables_used(&linear), 10);
    CHECK_EQUAL(page_table_tables_used(&kernel->page_table), page_table_tables_used(&linear));
}
