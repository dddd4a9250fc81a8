/* The error code of a page fault: every bit that the CPU has, raised by a real access. */
#include "kernel/traps/exception.h"

#include "kernel/cpu/registers.h"
#include "tests/kernel/support.h"
#include "tests/kernel/user_mode.h"

#define FREE_PAGE UINT64_C(0xffffe00000000000)
#define USER_CODE UINT64_C(0xffffe00000001000)
#define KEY_SHIFT 59 /* of the protection key in a leaf */

/* The key of the page, and what PKRU says of it. */
enum { KEY = 5 };
#define RIGHTS_NO_ACCESS (UINT32_C(1) << 2 * KEY)
#define RIGHTS_NO_WRITE (UINT32_C(2) << 2 * KEY)

/* Code for users: reads, writes or calls what RDI points to. */
enum user_access { USER_READ, USER_WRITE, USER_CALL };
static const uint8_t user_code[][2] = {
    [USER_READ] = {0x8a, 0x07},  /* mov al, [rdi] */
    [USER_WRITE] = {0x88, 0x07}, /* mov [rdi], al */
    [USER_CALL] = {0xff, 0xe7},  /* jmp rdi */
};

/* The error code of a page fault at the address; REQUIREs that it was one. */
static uint64_t error_code(struct test *test, struct caught_exception caught, uint64_t address)
{
    REQUIRE(caught.caught);
    REQUIRE_EQUAL(caught.frame.vector, EXCEPTION_PAGE_FAULT);
    CHECK_EQUAL(caught.address.value, address);
    return caught.frame.error_code;
}

static uint64_t error_of(struct test *test, void (*access)(void *), uint64_t address)
{
    void *pointer = mm_port_pointer(virt_addr_of(address));

    return error_code(test, exception_try(access, pointer), address);
}

/* Needs: map_user_code. */
static uint64_t error_of_user(struct test *test, enum user_access access, uint64_t address)
{
    virt_addr code = virt_addr_of(USER_CODE + sizeof user_code[0] * access);

    return error_code(test, user_mode_try(code, address), address);
}

static void map_user_code(struct test *test)
{
    const struct kernel *kernel = test->subject;
    phys_addr frame =
        map_kernel_page(test, virt_addr_of(USER_CODE), page_flags_of(PAGE_PRESENT | PAGE_USER));
    volatile uint8_t *bytes = physical_byte(kernel, frame);

    for (size_t i = 0; i < sizeof user_code; i++) {
        bytes[i] = user_code[i / 2][i % 2];
    }
}

/* Flips bits of the entry of `level` for the page. */
static void flip_entry(const struct kernel *kernel, uint64_t page, unsigned level, uint64_t bits)
{
    struct page_entry *entry = entry_of(&kernel->page_table, virt_addr_of(page), level);

    page_entry_store(entry, (struct page_entry){page_entry_load(entry).bits ^ bits});
    mm_port_flush_page(virt_addr_of(page));
}

static void flip_leaf(const struct kernel *kernel, uint64_t page, uint64_t bits)
{
    flip_entry(kernel, page, 1, bits);
}

/* A bit of a frame address that the CPU does not have; of a CPU that has all, the bit of the level-4
 * entry that would make it a huge page. */
static void flip_reserved_bit(const struct kernel *kernel, uint64_t page)
{
    if (kernel->cpu.physical_bits < PHYS_ADDR_BITS_MAX) {
        flip_leaf(kernel, page, UINT64_C(1) << (PHYS_ADDR_BITS_MAX - 1));
    } else {
        flip_entry(kernel, page, 4, PAGE_HUGE);
    }
}

/* The kernel's own accesses to a user page, which SMAP would stop. */
static void with_smap_off(void *address, void (*access)(void *))
{
    uint64_t cr4 = cr4_read();

    cr4_write(cr4 & ~CR4_SMAP);
    access(address);
    cr4_write(cr4);
}

static void read_user_page(void *address)
{
    with_smap_off(address, read_at);
}

static void write_user_page(void *address)
{
    with_smap_off(address, write_at);
}

/* Needs: FREE_PAGE is a user's.
 * QEMU's emulation takes the entry for absent then, too: PROTECTION, which a CPU sets, is left
 * out. */
static uint64_t check_reserved_bit(struct test *test)
{
    const struct kernel *kernel = test->subject;

    flip_reserved_bit(kernel, FREE_PAGE);
    uint64_t error = error_of(test, read_at, FREE_PAGE);
    CHECK_EQUAL(error & ~(uint64_t)PAGE_FAULT_PROTECTION, PAGE_FAULT_RESERVED);
    flip_reserved_bit(kernel, FREE_PAGE);
    CHECK_NO_FAULT(read_user_page, mm_port_pointer(virt_addr_of(FREE_PAGE)));
    return error;
}

/* Needs: FREE_PAGE is a user's. The key counts for the kernel's accesses, too, and is not looked at
 * with CR4.PKE clear. */
static uint64_t check_protection_key(struct test *test)
{
    const struct kernel *kernel = test->subject;
    uint64_t cr4 = cr4_read();

    flip_leaf(kernel, FREE_PAGE, (uint64_t)KEY << KEY_SHIFT);
    cr4_write(cr4 | CR4_USER_KEYS);
    pkru_write(RIGHTS_NO_ACCESS);
    uint64_t error = error_of(test, read_user_page, FREE_PAGE);
    cr4_write(cr4 | CR4_USER_KEYS);
    CHECK_EQUAL(error, PAGE_FAULT_PROTECTION | PAGE_FAULT_KEY);
    CHECK_EQUAL(error_of_user(test, USER_READ, FREE_PAGE),
                PAGE_FAULT_PROTECTION | PAGE_FAULT_USER | PAGE_FAULT_KEY);
    pkru_write(RIGHTS_NO_WRITE);
    CHECK_EQUAL(error_of(test, write_user_page, FREE_PAGE),
                PAGE_FAULT_PROTECTION | PAGE_FAULT_WRITE | PAGE_FAULT_KEY);
    cr4_write(cr4 | CR4_USER_KEYS);
    CHECK_NO_FAULT(read_user_page, mm_port_pointer(virt_addr_of(FREE_PAGE)));
    pkru_write(0);
    cr4_write(cr4);
    flip_leaf(kernel, FREE_PAGE, (uint64_t)KEY << KEY_SHIFT);
    return error;
}

/* Whether a fault of an instruction fetch says so: only with no-execute or SMEP. */
static uint64_t fetch_bit(const struct kernel *kernel)
{
    return kernel->cpu.no_execute || kernel->cpu.smep ? PAGE_FAULT_FETCH : 0;
}

/* Shadow stacks and SGX, which have bits of their own, are turned off. */
TEST(page_fault, raises_every_bit_of_the_error_code_that_the_cpu_has)
{
    const struct kernel *kernel = test->subject;
    uint64_t kernel_code = (uint64_t)page_table_visit;
    uint64_t seen = 0;
    uint64_t has = PAGE_FAULT_PROTECTION | PAGE_FAULT_WRITE | PAGE_FAULT_USER |
                   PAGE_FAULT_RESERVED | fetch_bit(kernel) |
                   (kernel->cpu.user_keys ? PAGE_FAULT_KEY : 0);

    (void)map_kernel_page(test, virt_addr_of(FREE_PAGE),
                          page_flags_of(data_flags(kernel).bits | PAGE_USER));
    map_user_code(test);
    seen |= error_of(test, write_at, kernel_code); /* PROTECTION, WRITE */
    seen |= error_of(test, call_at, 0);            /* FETCH */
    seen |= error_of_user(test, USER_READ, kernel_code);
    seen |= check_reserved_bit(test);
    if (kernel->cpu.user_keys) {
        seen |= check_protection_key(test);
    }
    CHECK_EQUAL(seen, has);
}

TEST(page_fault, says_that_user_mode_made_the_access)
{
    const struct kernel *kernel = test->subject;
    uint64_t kernel_code = (uint64_t)page_table_visit;
    uint64_t absent = FREE_PAGE;

    map_user_code(test);
    CHECK_EQUAL(error_of_user(test, USER_READ, absent), PAGE_FAULT_USER);
    CHECK_EQUAL(error_of_user(test, USER_WRITE, absent), PAGE_FAULT_USER | PAGE_FAULT_WRITE);
    CHECK_EQUAL(error_of_user(test, USER_CALL, absent), PAGE_FAULT_USER | fetch_bit(kernel));
    CHECK_EQUAL(error_of_user(test, USER_READ, kernel_code),
                PAGE_FAULT_USER | PAGE_FAULT_PROTECTION);
    CHECK_EQUAL(error_of_user(test, USER_WRITE, USER_CODE),
                PAGE_FAULT_USER | PAGE_FAULT_PROTECTION | PAGE_FAULT_WRITE);
    CHECK_EQUAL(error_of_user(test, USER_CALL, kernel_code),
                PAGE_FAULT_USER | PAGE_FAULT_PROTECTION | fetch_bit(kernel));
}
