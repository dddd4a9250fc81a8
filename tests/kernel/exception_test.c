/* Faults that the CPU raises, and what it says about them. */
#include "kernel/cpu/exception.h"

#include "kernel/boot/image.h"
#include "kernel/cpu/registers.h"
#include "kernel/paging/layout.h"
#include "tests/kernel/support.h"

#define FREE_PAGE UINT64_C(0xffffe00000000000)

static void read_at(void *address)
{
    (void)*(volatile uint8_t *)address;
}

static void write_at(void *address)
{
    *(volatile uint8_t *)address = 1;
}

static void call_at(void *address)
{
    ((void (*)(void))address)();
}

static void *pointer(uint64_t address)
{
    return mm_port_pointer(virt_addr_of(address));
}

/* Runs the access and checks that it is a page fault at the address with the error code. */
static void check_page_fault(struct test *test, void (*access)(void *), uint64_t address,
                             uint64_t error_code)
{
    struct caught_exception caught = exception_try(access, pointer(address));

    REQUIRE(caught.caught);
    CHECK_EQUAL(caught.frame.vector, EXCEPTION_PAGE_FAULT);
    CHECK_EQUAL(caught.address.value, address);
    CHECK_EQUAL(caught.frame.error_code, error_code);
}

/* Whether a fault of an instruction fetch says so: only with no-execute or SMEP. */
static uint64_t fetch_bit(const struct kernel *kernel)
{
    return kernel->cpu.no_execute || kernel->cpu.smep ? PAGE_FAULT_FETCH : 0;
}

TEST(page_fault, comes_with_address_and_error_code_for_page_0)
{
    struct kernel *kernel = test->subject;

    check_page_fault(test, read_at, 0, 0);
    check_page_fault(test, write_at, 0, PAGE_FAULT_WRITE);
    check_page_fault(test, call_at, 0, fetch_bit(kernel));
}

TEST(page_fault, comes_with_the_exact_byte_of_an_absent_page)
{
    check_page_fault(test, read_at, FREE_PAGE + 0x123, 0);
    check_page_fault(test, write_at, FREE_PAGE + 0xfff, PAGE_FAULT_WRITE);
}

TEST(page_fault, protects_code_and_constants_from_writes)
{
    check_page_fault(test, write_at, (uint64_t)page_table_translate,
                     PAGE_FAULT_PROTECTION | PAGE_FAULT_WRITE);
    check_page_fault(test, write_at, (uint64_t)exception_entries,
                     PAGE_FAULT_PROTECTION | PAGE_FAULT_WRITE);
}

TEST(page_fault, protects_boot_info_from_writes)
{
    check_page_fault(test, write_at, LAYOUT_BOOT_INFO, PAGE_FAULT_PROTECTION | PAGE_FAULT_WRITE);
}

TEST(page_fault, keeps_data_from_being_executed, .requires = REQUIRES_NO_EXECUTE)
{
    struct kernel *kernel = test->subject;

    check_page_fault(test, call_at, (uint64_t)kernel, PAGE_FAULT_PROTECTION | PAGE_FAULT_FETCH);
    check_page_fault(test, call_at,
                     kernel->boot_info->physical_memory_offset + (uint64_t)image_load_start,
                     PAGE_FAULT_PROTECTION | PAGE_FAULT_FETCH);
}

TEST(page_fault, guards_the_end_of_the_stack)
{
    check_page_fault(test, write_at, LAYOUT_STACKS, PAGE_FAULT_WRITE);
}

/* Maps a user page over a fresh frame of the kernel. */
static void map_user_page(struct test *test)
{
    struct kernel *kernel = test->subject;
    phys_addr frame;

    REQUIRE(frame_source_allocate(&kernel->frames.source, 0, &frame));
    REQUIRE_EQUAL(tlb_flush_now(page_table_map_to(
                      &kernel->page_table, virt_addr_of(FREE_PAGE), frame, PAGE_4K,
                      page_flags_of(PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER),
                      kernel->table_frames)),
                  MAP_OK);
}

static void unmap_free_page(struct test *test)
{
    struct kernel *kernel = test->subject;

    CHECK_EQUAL(
        tlb_flush_now(page_table_unmap(&kernel->page_table, virt_addr_of(FREE_PAGE), PAGE_4K)),
        PAGE_OK);
}

TEST(page_fault, keeps_the_kernel_out_of_user_pages, .requires = REQUIRES_SMAP)
{
    map_user_page(test);
    check_page_fault(test, read_at, FREE_PAGE, PAGE_FAULT_PROTECTION);
    check_page_fault(test, write_at, FREE_PAGE, PAGE_FAULT_PROTECTION | PAGE_FAULT_WRITE);
    unmap_free_page(test);
}

TEST(page_fault, keeps_the_kernel_from_running_user_pages, .requires = REQUIRES_SMEP)
{
    map_user_page(test);
    check_page_fault(test, call_at, FREE_PAGE, PAGE_FAULT_PROTECTION | PAGE_FAULT_FETCH);
    unmap_free_page(test);
}

static void unmap_and_read(void *table)
{
    enum page_result result =
        tlb_flush_now(page_table_unmap(table, virt_addr_of(FREE_PAGE), PAGE_4K));

    (void)result;
    read_at(pointer(FREE_PAGE));
}

TEST(page_fault, follows_at_once_when_a_page_is_unmapped_and_flushed)
{
    struct kernel *kernel = test->subject;
    phys_addr frame;
    struct caught_exception caught;

    REQUIRE(frame_source_allocate(&kernel->frames.source, 0, &frame));
    REQUIRE_EQUAL(tlb_flush_now(page_table_map_to(&kernel->page_table, virt_addr_of(FREE_PAGE),
                                                  frame, PAGE_4K, data_flags(kernel),
                                                  kernel->table_frames)),
                  MAP_OK);
    CHECK(!exception_try(write_at, pointer(FREE_PAGE)).caught);
    caught = exception_try(unmap_and_read, &kernel->page_table);
    CHECK(caught.caught);
    CHECK_EQUAL(caught.address.value, FREE_PAGE);
}

static void read_not_canonical(void *unused)
{
    (void)unused;
    read_at(pointer(UINT64_C(0x8000000000000000)));
}

static void divide_by_zero(void *unused)
{
    (void)unused;
    __asm__ volatile("div %0" : : "r"(UINT64_C(0)), "a"(UINT64_C(1)), "d"(UINT64_C(0)) : "cc");
}

static void run_invalid_opcode(void *unused)
{
    (void)unused;
    __asm__ volatile("ud2");
}

static void run_breakpoint(void *unused)
{
    (void)unused;
    __asm__ volatile("int3");
}

TEST(exception, has_the_vector_that_the_instruction_raises)
{
    static const struct {
        void (*function)(void *);
        uint64_t vector;
    } cases[] = {
        {divide_by_zero, EXCEPTION_DIVIDE},
        {run_breakpoint, EXCEPTION_BREAKPOINT},
        {run_invalid_opcode, EXCEPTION_INVALID_OPCODE},
        {read_not_canonical, EXCEPTION_GENERAL_PROTECTION},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct caught_exception caught = exception_try(cases[i].function, NULL);
        CHECK(caught.caught);
        CHECK_EQUAL(caught.frame.vector, cases[i].vector);
    }
}

static void catch_inside(void *outcome)
{
    bool *inner_caught = outcome;

    *inner_caught = exception_try(run_invalid_opcode, NULL).caught;
    divide_by_zero(NULL);
}

TEST(exception, is_caught_by_the_innermost_try)
{
    bool inner_caught = false;
    struct caught_exception caught = exception_try(catch_inside, &inner_caught);

    CHECK(inner_caught);
    CHECK(caught.caught);
    CHECK_EQUAL(caught.frame.vector, EXCEPTION_DIVIDE);
}
