/* What the checks say when they fail. */
#include "kernel/layout/layout.h"
#include "kernel/panic/panic.h"
#include "tests/kernel/inner_run.h"
#include "tests/kernel/support.h"

static void compares_values(struct test *test)
{
    int minus_one = -1;
    bool yes = true;
    static const char byte = 0;

    CHECK_EQUAL(minus_one, UINT64_MAX);
    CHECK_EQUAL(yes, 1 == 2);
    CHECK_EQUAL(0, yes);
    CHECK_EQUAL((const char *)NULL, &byte);
    CHECK_EQUAL(UINT64_C(0x1234), UINT32_C(4661));
    CHECK_NOT_EQUAL(7, 3 + 4);
    CHECK_LESS(5u, minus_one);
    CHECK_AT_MOST(12, 11);
    CHECK_AT_LEAST(INT64_MIN, 0);
    CHECK_SIZE_EQUAL(2 << 20, 5000);
    CHECK_TEXT_EQUAL("one\n", "on\"e\x01");
    CHECK_TEXT_EQUAL("a", NULL);
    CHECK_TEXT_HAS("abcabd", "abe");
}

TEST(check, shows_both_values_in_a_form_that_fits)
{
    run_inner_function(test, compares_values);
    CHECK_TEXT_HAS(inner.text, ": -1 (0xffffffffffffffff) != 18446744073709551615 (0xfff");
    CHECK_TEXT_HAS(inner.text, "yes == 1 == 2 does not hold: true != false\n");
    CHECK_TEXT_HAS(inner.text, "0 == yes does not hold: false != true\n");
    CHECK_TEXT_HAS(inner.text, "&byte does not hold: NULL != 0x");
    CHECK_TEXT_HAS(inner.text, ": 4660 (0x1234) != 4661 (0x1235)\n");
    CHECK_TEXT_HAS(inner.text, "7 != 3 + 4 does not hold: 7 == 7\n");
    CHECK_TEXT_HAS(inner.text, "5u < minus_one does not hold: 5 >= -1 (0x");
    CHECK_TEXT_HAS(inner.text, "12 <= 11 does not hold: 12 (0xc) > 11 (0xb)\n");
    CHECK_TEXT_HAS(inner.text, ": -9223372036854775808 (0x8000000000000000) < 0\n");
    CHECK_TEXT_HAS(inner.text, ": 2 MiB (2097152 bytes) != 5000 bytes\n");
    CHECK_TEXT_HAS(inner.text, ": \"one\\n\" is not \"on\\\"e\\x01\", from byte 2\n");
    CHECK_TEXT_HAS(inner.text, ": \"a\" is not NULL\n");
    CHECK_TEXT_HAS(inner.text, ": \"abe\" is not in \"abcabd\"\n");
}

TEST(check, compares_by_value_whatever_the_types)
{
    int evaluated = 0;
    volatile uint64_t word = 3;
    static const char text[] = "abcabd";

    CHECK_EQUAL(++evaluated, 1);
    CHECK_EQUAL(evaluated, 1u);
    CHECK_EQUAL((int8_t)-3, INT64_C(-3));
    CHECK_EQUAL(word, (uint8_t)3);
    CHECK_EQUAL(true, 1);
    CHECK_EQUAL(text, &text[0]);
    CHECK_NOT_EQUAL(-1, UINT32_MAX);
    CHECK_LESS(-1, 0u);
    CHECK_LESS(-2, -1);
    CHECK_LESS(INT64_MAX, UINT64_MAX);
    CHECK_AT_MOST(3, 3);
    CHECK_AT_LEAST(3, 3);
    CHECK_TEXT_EQUAL(NULL, NULL);
    CHECK_TEXT_HAS(text, "abd");
    CHECK_TEXT_HAS(text, "");
}

static void fails_at_each_require(struct test *test, unsigned which)
{
    switch (which) {
    case 0:
        REQUIRE(false);
        break;
    case 1:
        REQUIRE_NOT_EQUAL(1, 1);
        break;
    case 2:
        REQUIRE_LESS(1, 1);
        break;
    case 3:
        REQUIRE_AT_MOST(2, 1);
        break;
    case 4:
        REQUIRE_AT_LEAST(1, 2);
        break;
    case 5:
        REQUIRE_SIZE_EQUAL(1, 2);
        break;
    case 6:
        REQUIRE_TEXT_EQUAL("a", "b");
        break;
    default:
        REQUIRE_TEXT_HAS("a", "b");
    }
}

static unsigned which_require;
static bool went_on;

static void ends_at_a_require(struct test *test)
{
    fails_at_each_require(test, which_require);
    went_on = true;
}

TEST(require, of_each_kind_ends_the_test)
{
    for (which_require = 0; which_require < 8; which_require++) {
        run_inner_function(test, ends_at_a_require);
        CHECK_TEXT_HAS(inner.text, "not ok 1 inner.it\n");
        CHECK(!went_on);
    }
}

static void compares_addresses(struct test *test)
{
    CHECK_ADDRESS_EQUAL(phys_addr_of(0x1000), phys_addr_of(0x1000));
    CHECK_ADDRESS_EQUAL(virt_addr_of(0x1000), virt_addr_of(0x1000));
    CHECK_FLAGS_EQUAL(page_flags_of(PAGE_USER), page_flags_of(PAGE_USER));
    CHECK_ADDRESS_EQUAL(phys_addr_of(0x1000), phys_addr_of(0x2000));
    CHECK_ADDRESS_EQUAL(virt_addr_of(UINT64_MAX), virt_addr_of(0x10));
    CHECK_FLAGS_EQUAL(page_flags_of(PAGE_PRESENT | PAGE_NO_EXECUTE | 0x200), page_flags_of(0));
}

TEST(check, shows_addresses_and_the_names_of_flags)
{
    run_inner_function(test, compares_addresses);
    CHECK_TEXT_HAS(inner.text, "does not hold: physical 0x1000 != 0x2000\n");
    CHECK_TEXT_HAS(inner.text, "hold: virtual 0xffffffffffffffff != 0x0000000000000010\n");
    CHECK_TEXT_HAS(inner.text, "hold: P NX and 0x200 (0x8000000000000201) != 0x0 (0x0)\n");
    CHECK(inner.length < 700);
}

static void looks_for_mappings(struct test *test)
{
    const struct kernel *kernel = test->subject;

    CHECK_TRANSLATES(&kernel->page_table, virt_addr_of(0x1234), phys_addr_of(0x1234));
    CHECK_NOT_MAPPED(&kernel->page_table, virt_addr_of(0));
    CHECK_TRANSLATES(&kernel->page_table, virt_addr_of(0x1234), phys_addr_of(0x1235));
    CHECK_TRANSLATES(&kernel->page_table, virt_addr_of(0xfff), phys_addr_of(0xfff));
    CHECK_NOT_MAPPED(&kernel->page_table, virt_addr_of(LAYOUT_PHYSICAL_MEMORY));
    REQUIRE_TRANSLATES(&kernel->page_table, virt_addr_of(UINT64_C(1) << 63), phys_addr_of(0));
    CHECK(false);
}

TEST(check, of_a_translation_shows_the_walk)
{
    run_inner_function(test, looks_for_mappings);
    CHECK_TEXT_HAS(inner.text, "virt_addr_of(0x1234) -> phys_addr_of(0x1235) does not hold: "
                               "0x1234 in a page of 4 KiB, not 0x1235\n#   walk of 0x1234 from");
    CHECK_TEXT_HAS(inner.text, "#     level 1 [  1] 0x");
    CHECK_TEXT_HAS(inner.text, "-> page 0x1000, P W ");
    CHECK_TEXT_HAS(inner.text, "does not hold: not mapped, not 0xfff\n");
    CHECK_TEXT_HAS(inner.text, "#     level 1 [  0] 0x0000000000000000 not present\n");
    CHECK_TEXT_HAS(inner.text, "is not mapped does not hold: 0x0 in a page of ");
    CHECK_TEXT_HAS(inner.text, ": not canonical\nnot ok 1 inner.it\n");
}

static void return_at_once(void *argument)
{
    (void)argument;
}

static void panic_with(void *text)
{
    PANIC("the text is %s", (const char *)text);
}

static void expects_faults(struct test *test)
{
    CHECK_PAGE_FAULT(virt_addr_of(7), 0, read_at, (void *)7);
    CHECK_FAULT(EXCEPTION_PAGE_FAULT, PAGE_FAULT_WRITE, write_at, NULL);
    CHECK_NO_FAULT(return_at_once, NULL);
    CHECK_PANIC("is one", panic_with, "one");
    CHECK_FAULT(EXCEPTION_DIVIDE, 0, return_at_once, NULL);
    CHECK_FAULT(EXCEPTION_DIVIDE, 0, read_at, NULL);
    CHECK_FAULT(EXCEPTION_PAGE_FAULT, PAGE_FAULT_FETCH, write_at, NULL);
    CHECK_PAGE_FAULT(virt_addr_of(8), 0, read_at, (void *)7);
    CHECK_FAULT(EXCEPTION_PAGE_FAULT, 0, panic_with, "two");
    CHECK_NO_FAULT(panic_with, "three");
    CHECK_PANIC("three", panic_with, "four");
    CHECK_PANIC("five", return_at_once, NULL);
    CHECK_PANIC("six", read_at, NULL);
    REQUIRE_NO_FAULT(read_at, NULL);
    CHECK(false);
}

TEST(check, of_a_fault_or_panic_shows_what_came_instead_and_goes_on)
{
    run_inner_function(test, expects_faults);
    CHECK_TEXT_HAS(inner.text, "return_at_once(NULL) faults does not hold\n"
                               "#   expected DIVIDE ERROR, error code 0x0\n"
                               "#   but got it returned\n");
    CHECK_TEXT_HAS(inner.text, "#   but got PAGE FAULT, error code 0x0, address 0x0, in read_at+");
    CHECK_TEXT_HAS(inner.text, "#   expected PAGE FAULT, error code 0x0, address 0x8\n#   but got "
                               "PAGE FAULT, error code 0x0, address 0x7, in read_at");
    CHECK_TEXT_HAS(inner.text, "#   expected PAGE FAULT, error code 0x10\n"
                               "#   but got PAGE FAULT, error code 0x2, ");
    CHECK_TEXT_HAS(inner.text, "#   walk of 0x7 from the root ");
    CHECK_TEXT_HAS(inner.text, "#   but got PANIC, \"the text is two\"\n");
    CHECK_TEXT_HAS(inner.text, "returns does not hold: PANIC, \"the text is three\"\n");
    CHECK_TEXT_HAS(inner.text, "#   expected PANIC, with \"three\"\n"
                               "#   but got PANIC, \"the text is four\"\n");
    CHECK_TEXT_HAS(inner.text, "#   expected PANIC, with \"five\"\n#   but got it returned\n");
    CHECK_TEXT_HAS(inner.text, "#   expected PANIC, with \"six\"\n#   but got PAGE FAULT");
    CHECK_TEXT_HAS(inner.text, "not present\nnot ok 1 inner.it\n");
}

static void require_inside(void *context)
{
    struct test *test = context;

    REQUIRE(false);
}

static void requires_inside_a_try(struct test *test)
{
    (void)exception_try(require_inside, test);
    CHECK(false);
}

TEST(require, leaves_no_try_behind_that_would_catch_later_panics, .tags = "fresh")
{
    run_inner_function(test, requires_inside_a_try);
    CHECK_TEXT_HAS(inner.text, "not ok 1 inner.it\n");
    /* Jumps into the past if that try still counts as pending; returns else. */
    exception_try_panic("caught by a try that is over", __FILE__, __LINE__);
}
