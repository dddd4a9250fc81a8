/* Changing flags, seen by the CPU. */
#include "kernel/cpu/exception.h"
#include "tests/kernel/support.h"

#define FREE_PAGE UINT64_C(0xffffe00000000000)

static void write_byte(void *address)
{
    *(volatile uint8_t *)address = 1;
}

static void read_byte(void *address)
{
    (void)*(volatile uint8_t *)address;
}

/* Maps FREE_PAGE in the kernel's own space, readable. */
static void map_free_page(struct test *test)
{
    struct kernel *kernel = test->subject;
    phys_addr frame;

    REQUIRE(frame_source_allocate(&kernel->frames.source, 0, &frame));
    REQUIRE_EQUAL(tlb_flush_now(page_table_map_to(&kernel->page_table, virt_addr_of(FREE_PAGE),
                                                  frame, PAGE_4K, page_flags_of(PAGE_PRESENT),
                                                  kernel->table_frames)),
                  MAP_OK);
}

static enum update_result update(struct kernel *kernel, uint64_t flags, enum accessed_dirty marks)
{
    return tlb_flush_now(page_table_update_flags(&kernel->page_table, virt_addr_of(FREE_PAGE),
                                                 PAGE_4K, page_flags_of(flags), marks));
}

static uint64_t leaf_flags(struct kernel *kernel)
{
    return page_table_translate(&kernel->page_table, virt_addr_of(FREE_PAGE)).flags.bits;
}

TEST(update_flags, makes_a_page_writable_and_read_only_again)
{
    struct kernel *kernel = test->subject;
    void *address = mm_port_pointer(virt_addr_of(FREE_PAGE));

    map_free_page(test);
    CHECK(exception_try(write_byte, address).caught);
    REQUIRE_EQUAL(update(kernel, PAGE_PRESENT | PAGE_WRITABLE, ACCESSED_DIRTY_KEEP), UPDATE_OK);
    CHECK(!exception_try(write_byte, address).caught);
    REQUIRE_EQUAL(update(kernel, PAGE_PRESENT, ACCESSED_DIRTY_KEEP), UPDATE_OK);
    struct caught_exception caught = exception_try(write_byte, address);
    CHECK(caught.caught);
    CHECK_EQUAL(caught.frame.error_code, PAGE_FAULT_PROTECTION | PAGE_FAULT_WRITE);
    CHECK_EQUAL(tlb_flush_now(page_table_unmap(&kernel->page_table, virt_addr_of(FREE_PAGE),
                                               PAGE_4K)),
                PAGE_OK);
}

TEST(update_flags, keeps_accessed_and_dirty_unless_asked_otherwise)
{
    struct kernel *kernel = test->subject;
    void *address = mm_port_pointer(virt_addr_of(FREE_PAGE));

    map_free_page(test);
    CHECK_EQUAL(leaf_flags(kernel) & (PAGE_ACCESSED | PAGE_DIRTY), 0);
    CHECK(!exception_try(read_byte, address).caught);
    CHECK_EQUAL(leaf_flags(kernel) & (PAGE_ACCESSED | PAGE_DIRTY), PAGE_ACCESSED);
    REQUIRE_EQUAL(update(kernel, PAGE_PRESENT | PAGE_WRITABLE, ACCESSED_DIRTY_KEEP), UPDATE_OK);
    CHECK_EQUAL(leaf_flags(kernel) & (PAGE_ACCESSED | PAGE_DIRTY), PAGE_ACCESSED);
    CHECK(!exception_try(write_byte, address).caught);
    CHECK_EQUAL(leaf_flags(kernel) & (PAGE_ACCESSED | PAGE_DIRTY), PAGE_ACCESSED | PAGE_DIRTY);
    REQUIRE_EQUAL(update(kernel, PAGE_PRESENT, ACCESSED_DIRTY_REPLACE), UPDATE_OK);
    CHECK_EQUAL(leaf_flags(kernel) & (PAGE_ACCESSED | PAGE_DIRTY), 0);
    CHECK_EQUAL(tlb_flush_now(page_table_unmap(&kernel->page_table, virt_addr_of(FREE_PAGE),
                                               PAGE_4K)),
                PAGE_OK);
}

TEST(update_table_flags, withholds_a_permission_from_every_page_below)
{
    struct kernel *kernel = test->subject;
    void *address = mm_port_pointer(virt_addr_of(FREE_PAGE));

    map_free_page(test);
    REQUIRE_EQUAL(update(kernel, PAGE_PRESENT | PAGE_WRITABLE, ACCESSED_DIRTY_KEEP), UPDATE_OK);
    for (unsigned level = 2; level <= 3; level++) {
        REQUIRE_EQUAL(tlb_flush_now(page_table_update_table_flags(&kernel->page_table,
                                                                  virt_addr_of(FREE_PAGE), level,
                                                                  page_flags_of(PAGE_PRESENT))),
                      UPDATE_OK);
        CHECK(exception_try(write_byte, address).caught);
        CHECK(!exception_try(read_byte, address).caught);
        REQUIRE_EQUAL(tlb_flush_now(page_table_update_table_flags(
                          &kernel->page_table, virt_addr_of(FREE_PAGE), level,
                          page_flags_of(PAGE_PRESENT | PAGE_WRITABLE))),
                      UPDATE_OK);
        CHECK(!exception_try(write_byte, address).caught);
    }
    CHECK_EQUAL(tlb_flush_now(page_table_unmap(&kernel->page_table, virt_addr_of(FREE_PAGE),
                                               PAGE_4K)),
                PAGE_OK);
}
