/* Changing flags, seen by the CPU. */
#include "tests/kernel/support.h"

#define FREE_PAGE UINT64_C(0xffffe00000000000)

/* Maps FREE_PAGE in the kernel's own space, readable. Returns a pointer to it. */
static void *map_free_page(struct test *test)
{
    (void)map_kernel_page(test, virt_addr_of(FREE_PAGE), page_flags_of(PAGE_PRESENT));
    return mm_port_pointer(virt_addr_of(FREE_PAGE));
}

static enum update_result update(struct kernel *kernel, uint64_t flags, enum accessed_dirty marks)
{
    return tlb_flush_now(page_table_update_flags(&kernel->page_table, virt_addr_of(FREE_PAGE),
                                                 PAGE_4K, page_flags_of(flags), marks));
}

/* The accessed and dirty bits of the page. */
static page_flags leaf_marks(const struct kernel *kernel)
{
    page_flags flags = page_table_translate(&kernel->page_table, virt_addr_of(FREE_PAGE)).flags;

    return page_flags_of(flags.bits & (PAGE_ACCESSED | PAGE_DIRTY));
}

TEST(update_flags, makes_a_page_writable_and_read_only_again)
{
    struct kernel *kernel = test->subject;
    void *address = map_free_page(test);

    CHECK_PAGE_FAULT(virt_addr_of(FREE_PAGE), PAGE_FAULT_PROTECTION | PAGE_FAULT_WRITE, write_at,
                     address);
    REQUIRE_EQUAL(update(kernel, PAGE_PRESENT | PAGE_WRITABLE, ACCESSED_DIRTY_KEEP), UPDATE_OK);
    CHECK_NO_FAULT(write_at, address);
    REQUIRE_EQUAL(update(kernel, PAGE_PRESENT, ACCESSED_DIRTY_KEEP), UPDATE_OK);
    CHECK_PAGE_FAULT(virt_addr_of(FREE_PAGE), PAGE_FAULT_PROTECTION | PAGE_FAULT_WRITE, write_at,
                     address);
}

TEST(update_flags, keeps_accessed_and_dirty_unless_asked_otherwise)
{
    struct kernel *kernel = test->subject;
    void *address = map_free_page(test);

    CHECK_FLAGS_EQUAL(leaf_marks(kernel), page_flags_of(0));
    CHECK_NO_FAULT(read_at, address);
    CHECK_FLAGS_EQUAL(leaf_marks(kernel), page_flags_of(PAGE_ACCESSED));
    REQUIRE_EQUAL(update(kernel, PAGE_PRESENT | PAGE_WRITABLE, ACCESSED_DIRTY_KEEP), UPDATE_OK);
    CHECK_FLAGS_EQUAL(leaf_marks(kernel), page_flags_of(PAGE_ACCESSED));
    CHECK_NO_FAULT(write_at, address);
    CHECK_FLAGS_EQUAL(leaf_marks(kernel), page_flags_of(PAGE_ACCESSED | PAGE_DIRTY));
    REQUIRE_EQUAL(update(kernel, PAGE_PRESENT, ACCESSED_DIRTY_REPLACE), UPDATE_OK);
    CHECK_FLAGS_EQUAL(leaf_marks(kernel), page_flags_of(0));
}

TEST(update_table_flags, withholds_a_permission_from_every_page_below)
{
    struct kernel *kernel = test->subject;
    void *address = map_free_page(test);

    REQUIRE_EQUAL(update(kernel, PAGE_PRESENT | PAGE_WRITABLE, ACCESSED_DIRTY_KEEP), UPDATE_OK);
    for (unsigned level = 2; level <= 3; level++) {
        enum update_result result = tlb_flush_now(
            page_table_update_table_flags(&kernel->page_table, virt_addr_of(FREE_PAGE), level,
                                          page_flags_of(PAGE_PRESENT)));
        if (kernel->page_table.access.kind == ACCESS_RECURSIVE) {
            CHECK_EQUAL(result, UPDATE_BAD_FLAGS); /* it would lock itself out of the table */
            continue;
        }
        REQUIRE_EQUAL(result, UPDATE_OK);
        CHECK_PAGE_FAULT(virt_addr_of(FREE_PAGE), PAGE_FAULT_PROTECTION | PAGE_FAULT_WRITE,
                         write_at, address);
        CHECK_NO_FAULT(read_at, address);
        REQUIRE_EQUAL(tlb_flush_now(page_table_update_table_flags(
                          &kernel->page_table, virt_addr_of(FREE_PAGE), level,
                          page_flags_of(PAGE_PRESENT | PAGE_WRITABLE))),
                      UPDATE_OK);
        CHECK_NO_FAULT(write_at, address);
    }
}
