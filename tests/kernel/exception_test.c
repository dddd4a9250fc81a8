/* Faults that the CPU raises, and what it says about them. */
#include "kernel/traps/exception.h"

#include "kernel/cpu/registers.h"
#include "kernel/layout/image.h"
#include "kernel/layout/layout.h"
#include "kernel/lib/string.h"
#include "kernel/panic/panic.h"
#include "tests/kernel/support.h"

#define FREE_PAGE UINT64_C(0xffffe00000000000)

static void *pointer(uint64_t address)
{
    return mm_port_pointer(virt_addr_of(address));
}

/* A page fault at the address to which the access goes. */
#define CHECK_FAULTS(access, address, error_code)                                                  \
    CHECK_PAGE_FAULT(virt_addr_of(address), error_code, access, pointer(address))

/* Whether a fault of an instruction fetch says so: only with no-execute or SMEP. */
static uint64_t fetch_bit(const struct kernel *kernel)
{
    return kernel->cpu.no_execute || kernel->cpu.smep ? PAGE_FAULT_FETCH : 0;
}

TEST(page_fault, comes_with_address_and_error_code_for_page_0)
{
    struct kernel *kernel = test->subject;

    CHECK_FAULTS(read_at, 0, 0);
    CHECK_FAULTS(write_at, 0, PAGE_FAULT_WRITE);
    CHECK_FAULTS(call_at, 0, fetch_bit(kernel));
}

TEST(page_fault, comes_with_the_exact_byte_of_an_absent_page)
{
    CHECK_FAULTS(read_at, FREE_PAGE + 0x123, 0);
    CHECK_FAULTS(write_at, FREE_PAGE + 0xfff, PAGE_FAULT_WRITE);
}

TEST(page_fault, protects_code_and_constants_from_writes)
{
    CHECK_FAULTS(write_at, (uint64_t)page_table_translate,
                     PAGE_FAULT_PROTECTION | PAGE_FAULT_WRITE);
    CHECK_FAULTS(write_at, (uint64_t)exception_entries,
                     PAGE_FAULT_PROTECTION | PAGE_FAULT_WRITE);
}

TEST(page_fault, protects_boot_info_from_writes)
{
    CHECK_FAULTS(write_at, LAYOUT_BOOT_INFO, PAGE_FAULT_PROTECTION | PAGE_FAULT_WRITE);
}

TEST(page_fault, keeps_data_from_being_executed, .requires = REQUIRES_NO_EXECUTE)
{
    struct kernel *kernel = test->subject;

    CHECK_FAULTS(call_at, (uint64_t)kernel, PAGE_FAULT_PROTECTION | PAGE_FAULT_FETCH);
    CHECK_FAULTS(call_at,
                     kernel->boot_info->physical_memory_offset + (uint64_t)image_load_start,
                     PAGE_FAULT_PROTECTION | PAGE_FAULT_FETCH);
}

TEST(page_fault, guards_the_end_of_the_stack)
{
    CHECK_FAULTS(write_at, LAYOUT_STACKS, PAGE_FAULT_WRITE);
}

static void map_user_page(struct test *test)
{
    (void)map_kernel_page(test, virt_addr_of(FREE_PAGE),
                          page_flags_of(PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER));
}

TEST(page_fault, keeps_the_kernel_out_of_user_pages, .requires = REQUIRES_SMAP)
{
    map_user_page(test);
    CHECK_FAULTS(read_at, FREE_PAGE, PAGE_FAULT_PROTECTION);
    CHECK_FAULTS(write_at, FREE_PAGE, PAGE_FAULT_PROTECTION | PAGE_FAULT_WRITE);
}

TEST(page_fault, keeps_the_kernel_from_running_user_pages, .requires = REQUIRES_SMEP)
{
    map_user_page(test);
    CHECK_FAULTS(call_at, FREE_PAGE, PAGE_FAULT_PROTECTION | PAGE_FAULT_FETCH);
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

    (void)map_kernel_page(test, virt_addr_of(FREE_PAGE), data_flags(kernel));
    CHECK_NO_FAULT(write_at, pointer(FREE_PAGE));
    CHECK_PAGE_FAULT(virt_addr_of(FREE_PAGE), 0, unmap_and_read, &kernel->page_table);
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

static const struct {
    const char *name;
    void (*function)(void *);
    uint64_t vector;
} faults[] = {
    {"division by zero", divide_by_zero, EXCEPTION_DIVIDE},
    {"breakpoint", run_breakpoint, EXCEPTION_BREAKPOINT},
    {"invalid opcode", run_invalid_opcode, EXCEPTION_INVALID_OPCODE},
    {"address that is not canonical", read_not_canonical, EXCEPTION_GENERAL_PROTECTION},
};

TEST_EACH(exception, has_the_vector_that_the_instruction_raises, faults)
{
    CHECK_FAULT(row->vector, 0, row->function, NULL);
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

    CHECK_FAULT(EXCEPTION_DIVIDE, 0, catch_inside, &inner_caught);
    CHECK(inner_caught);
}

enum { PANIC_LINE = __LINE__ + 4 };

static void panic_with_number(void *number)
{
    PANIC("the number is %lu", *(uint64_t *)number);
}

static void break_assertion(void *number)
{
    ASSERT(*(uint64_t *)number == 0);
}

TEST(panic, ends_the_try_and_leaves_its_text)
{
    uint64_t number = 42;

    CHECK_PANIC("the number is 42", panic_with_number, &number);
    CHECK_PANIC("assertion failed: *(uint64_t *)number == 0", break_assertion, &number);
    number = 0;
    CHECK_NO_FAULT(break_assertion, &number);
}

static void panic_at_length(void *length)
{
    PANIC("%*s|", *(int *)length, "");
}

TEST(panic, has_the_place_where_it_was)
{
    uint64_t number = 42;
    struct caught_exception caught = exception_try(panic_with_number, &number);

    CHECK(caught.panicked);
    CHECK_EQUAL(strcmp(caught.panic_file, __FILE__), 0);
    CHECK_EQUAL(caught.panic_line, PANIC_LINE);
}

TEST(panic, has_a_text_that_is_cut_off_and_ended)
{
    int length = CAUGHT_PANIC_BYTES - 2;
    struct caught_exception caught = exception_try(panic_at_length, &length);

    CHECK_EQUAL(strlen(caught.panic_text), CAUGHT_PANIC_BYTES - 1);
    CHECK_EQUAL(caught.panic_text[CAUGHT_PANIC_BYTES - 2], '|');
    length = CAUGHT_PANIC_BYTES * 2;
    caught = exception_try(panic_at_length, &length);
    CHECK_EQUAL(strlen(caught.panic_text), CAUGHT_PANIC_BYTES - 1);
    CHECK_EQUAL(caught.frame.vector, EXCEPTION_COUNT);
}
