/* Checks of what the kernel is about: addresses, flags, translations, faults and panics. As those
 * of testing/check.h they need a `struct test *test` in sight.
 *
 *   CHECK_ADDRESS_EQUAL(actual, expected)         two phys_addr, or two virt_addr
 *   CHECK_FLAGS_EQUAL(actual, expected)           page_flags, shown by name
 *   CHECK_TRANSLATES(table, address, expected)    virt_addr to phys_addr; shows the walk
 *   CHECK_NOT_MAPPED(table, address)              shows the walk
 *   CHECK_FAULT(vector, error_code, function, argument)
 *                                                 function(argument) ends by this exception
 *   CHECK_PAGE_FAULT(address, error_code, function, argument)
 *                                                 ... by a page fault with `address` in CR2
 *   CHECK_NO_FAULT(function, argument)            function(argument) returns
 *   CHECK_PANIC(text, function, argument)         ... ends by a panic whose message has the text
 *
 * After each the test goes on with its next line. REQUIRE_TRANSLATES, REQUIRE_NO_FAULT: the same,
 * but end the test.
 */
#pragma once

#include "kernel/traps/exception.h"
#include "mm/page_table.h"
#include "testing/test.h"

#define CHECK_ADDRESS_EQUAL(actual, expected)                                                      \
    _Generic((actual), phys_addr: check_phys_equal, virt_addr: check_virt_equal)(                  \
        test, (actual), (expected), TEST_PLACE(#actual " == " #expected))
#define CHECK_FLAGS_EQUAL(actual, expected)                                                        \
    check_flags_equal(test, (actual), (expected), TEST_PLACE(#actual " == " #expected))

#define CHECK_TRANSLATES(table, address, expected)                                                 \
    ((void)check_translates(test, (table), (address), (expected),                                  \
                            TEST_PLACE(#address " -> " #expected)))
#define REQUIRE_TRANSLATES(table, address, expected)                                               \
    test_end_unless(test, check_translates(test, (table), (address), (expected),                   \
                                        TEST_PLACE(#address " -> " #expected)))
#define CHECK_NOT_MAPPED(table, address)                                                           \
    check_not_mapped(test, (table), (address), TEST_PLACE(#address " is not mapped"))

#define CHECK_FAULT(vector, error_code, function, argument)                                        \
    check_fault(test, (vector), (error_code), NULL, (function), (argument),                        \
                TEST_PLACE(#function "(" #argument ") faults"))
#define CHECK_PAGE_FAULT(address, error_code, function, argument)                                  \
    __extension__({                                                                                \
        virt_addr test_cr2_ = (address);                                                           \
        check_fault(test, EXCEPTION_PAGE_FAULT, (error_code), &test_cr2_, (function), (argument),  \
                    TEST_PLACE(#function "(" #argument ") faults at " #address));                  \
    })
#define CHECK_NO_FAULT(function, argument)                                                         \
    ((void)check_no_fault(test, (function), (argument),                                            \
                          TEST_PLACE(#function "(" #argument ") returns")))
#define REQUIRE_NO_FAULT(function, argument)                                                       \
    test_end_unless(test, check_no_fault(test, (function), (argument),                             \
                                      TEST_PLACE(#function "(" #argument ") returns")))
#define CHECK_PANIC(text, function, argument)                                                      \
    check_panic(test, (text), (function), (argument),                                              \
                TEST_PLACE(#function "(" #argument ") panics"))

/* Accesses to one byte, for the checks of faults. */
void read_at(void *address);
void write_at(void *address);
void call_at(void *address);

/* For the macros above. */
void check_phys_equal(struct test *test, phys_addr actual, phys_addr expected,
                      const struct test_place *place);
void check_virt_equal(struct test *test, virt_addr actual, virt_addr expected,
                      const struct test_place *place);
void check_flags_equal(struct test *test, page_flags actual, page_flags expected,
                       const struct test_place *place);
bool check_translates(struct test *test, const struct page_table *table, virt_addr address,
                      phys_addr expected, const struct test_place *place);
void check_not_mapped(struct test *test, const struct page_table *table, virt_addr address,
                      const struct test_place *place);
void check_fault(struct test *test, uint64_t vector, uint64_t error_code, const virt_addr *address,
                 void (*function)(void *), void *argument, const struct test_place *place);
bool check_no_fault(struct test *test, void (*function)(void *), void *argument,
                    const struct test_place *place);
void check_panic(struct test *test, const char *text, void (*function)(void *), void *argument,
                 const struct test_place *place);
