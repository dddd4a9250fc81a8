#include "tests/kernel/checks.h"

#include "kernel/layout/symbols.h"
#include "kernel/lib/string.h"
#include "kernel/state/kernel.h"
#include "kernel/traps/exception_text.h"
#include "mm/page_tree.h"

static void print(const struct test *test, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void print(const struct test *test, const char *format, ...)
{
    struct text_sink sink = {.write = test->output->write, .context = test->output->context};
    va_list arguments;

    va_start(arguments, format);
    format_write_list(&sink, format, arguments);
    va_end(arguments);
}

/* The names of the bits. Bits 7 and 12 mean different things at different levels. */
static void print_flags(const struct test *test, page_flags flags)
{
    static const struct {
        uint64_t bit;
        const char *name;
    } names[] = {
        {PAGE_PRESENT, "P"},         {PAGE_WRITABLE, "W"},        {PAGE_USER, "U"},
        {PAGE_WRITE_THROUGH, "PWT"}, {PAGE_CACHE_DISABLE, "PCD"}, {PAGE_ACCESSED, "A"},
        {PAGE_DIRTY, "D"},           {PAGE_HUGE, "PS/PAT"},       {PAGE_GLOBAL, "G"},
        {PAGE_PAT_HUGE, "bit-12"},   {PAGE_NO_EXECUTE, "NX"},
    };
    uint64_t rest = flags.bits;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if ((flags.bits & names[i].bit) != 0) {
            print(test, "%s ", names[i].name);
            rest &= ~names[i].bit;
        }
    }
    if (rest != 0 || flags.bits == 0) {
        print(test, "%s0x%lx ", rest == 0 ? "" : "and ", rest);
    }
    print(test, "(0x%lx)", flags.bits);
}

/* The entries that a translation reads, a line each. */
static void print_walk(const struct test *test, const struct page_table *table, virt_addr address)
{
    struct path_entry path[PAGING_LEVELS_MAX];
    unsigned count = page_table_path(table, address, path);

    print(test, "#   walk of 0x%lx from the root 0x%lx:%s\n", address.value, table->root.value,
          count == 0 ? " not canonical" : "");
    for (unsigned i = 0; i < count; i++) {
        struct page_entry entry = path[i].entry;
        unsigned level = path[i].level;

        print(test, "#     level %u [%3u] 0x%016lx ", level, path[i].index, entry.bits);
        if (!page_entry_is_present(entry)) {
            print(test, "not present\n");
            continue;
        }
        print(test, "-> %s 0x%lx, ", path[i].leaf ? "page" : "table",
              path[i].leaf ? page_leaf_address(entry, level).value : page_entry_table(entry).value);
        print_flags(test, path[i].leaf ? page_leaf_flags(entry, level)
                                       : page_flags_of(entry.bits & ~PAGE_FRAME_MASK));
        print(test, "\n");
    }
}

void check_phys_equal(struct test *test, phys_addr actual, phys_addr expected,
                      const struct test_place *place)
{
    if (actual.value != expected.value) {
        test_fail(test, place);
        print(test, ": physical 0x%lx != 0x%lx\n", actual.value, expected.value);
    }
}

void check_virt_equal(struct test *test, virt_addr actual, virt_addr expected,
                      const struct test_place *place)
{
    if (actual.value != expected.value) {
        test_fail(test, place);
        print(test, ": virtual 0x%016lx != 0x%016lx\n", actual.value, expected.value);
    }
}

void check_flags_equal(struct test *test, page_flags actual, page_flags expected,
                       const struct test_place *place)
{
    if (actual.bits != expected.bits) {
        test_fail(test, place);
        print(test, ": ");
        print_flags(test, actual);
        print(test, " != ");
        print_flags(test, expected);
        print(test, "\n");
    }
}

static void print_translation(const struct test *test, struct translation found)
{
    if (found.result == TRANSLATE_OK) {
        print(test, ": 0x%lx in a page of %s", found.address.value,
              page_size_name((enum page_size)found.level));
    } else {
        print(test, ": %s", translate_result_text(found.result));
    }
}

bool check_translates(struct test *test, const struct page_table *table, virt_addr address,
                      phys_addr expected, const struct test_place *place)
{
    struct translation found = page_table_translate(table, address);
    bool holds = found.result == TRANSLATE_OK && found.address.value == expected.value;

    if (!holds) {
        test_fail(test, place);
        print_translation(test, found);
        print(test, ", not 0x%lx\n", expected.value);
        print_walk(test, table, address);
    }
    return holds;
}

void check_not_mapped(struct test *test, const struct page_table *table, virt_addr address,
                      const struct test_place *place)
{
    struct translation found = page_table_translate(table, address);

    if (found.result != TRANSLATE_NOT_MAPPED) {
        test_fail(test, place);
        print_translation(test, found);
        print(test, "\n");
        print_walk(test, table, address);
    }
}

void read_at(void *address)
{
    (void)*(volatile uint8_t *)address;
}

void write_at(void *address)
{
    *(volatile uint8_t *)address = 1;
}

void call_at(void *address)
{
    ((void (*)(void))address)();
}

/* How the call ended, and where. */
static void print_caught(const struct test *test, const struct caught_exception *caught)
{
    uint64_t offset = 0;
    const char *function = symbol_find(caught->frame.rip, &offset);

    if (!caught->caught) {
        print(test, "it returned\n");
    } else if (caught->panicked) {
        print(test, "PANIC, ");
        output_quoted(test->output, caught->panic_text);
        print(test, "\n");
    } else {
        print(test, "%s, error code 0x%lx", exception_name(caught->frame.vector),
              caught->frame.error_code);
        if (caught->frame.vector == EXCEPTION_PAGE_FAULT) {
            print(test, ", address 0x%lx", caught->address.value);
        }
        print(test, ", in %s+0x%lx\n", function == NULL ? "no function" : function,
              function == NULL ? caught->frame.rip : offset);
    }
}

/* Shows how the page of a page fault is mapped, in the kernel's own tables. */
static void print_walk_of_fault(const struct test *test, const struct caught_exception *caught)
{
    const struct kernel *kernel = test->subject;

    if (caught->caught && caught->frame.vector == EXCEPTION_PAGE_FAULT) {
        print_walk(test, &kernel->page_table, caught->address);
    }
}

void check_fault(struct test *test, uint64_t vector, uint64_t error_code, const virt_addr *address,
                 void (*function)(void *), void *argument, const struct test_place *place)
{
    struct caught_exception caught = exception_try(function, argument);

    if (!caught.caught || caught.frame.vector != vector || caught.frame.error_code != error_code ||
        (address != NULL && caught.address.value != address->value)) {
        test_fail(test, place);
        print(test, "\n#   expected %s, error code 0x%lx", exception_name(vector), error_code);
        if (address != NULL) {
            print(test, ", address 0x%lx", address->value);
        }
        print(test, "\n#   but got ");
        print_caught(test, &caught);
        print_walk_of_fault(test, &caught);
    }
}

bool check_no_fault(struct test *test, void (*function)(void *), void *argument,
                    const struct test_place *place)
{
    struct caught_exception caught = exception_try(function, argument);

    if (caught.caught) {
        test_fail(test, place);
        print(test, ": ");
        print_caught(test, &caught);
        print_walk_of_fault(test, &caught);
    }
    return !caught.caught;
}

static bool text_has(const char *text, const char *part)
{
    size_t length = strlen(part);

    for (size_t at = 0; at + length <= strlen(text); at++) {
        if (memcmp(text + at, part, length) == 0) {
            return true;
        }
    }
    return false;
}

void check_panic(struct test *test, const char *text, void (*function)(void *), void *argument,
                 const struct test_place *place)
{
    struct caught_exception caught = exception_try(function, argument);

    if (!caught.panicked || !text_has(caught.panic_text, text)) {
        test_fail(test, place);
        print(test, "\n#   expected PANIC, with ");
        output_quoted(test->output, text);
        print(test, "\n#   but got ");
        print_caught(test, &caught);
    }
}
