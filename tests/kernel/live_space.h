/* What the CPU does with tables that are changed under it: an address space of the test's own that
 * the CPU uses, accesses to it, and what its tables say that they should give.
 *
 *   CHECK_SEEN(actual, expected)                   two struct seen
 *   CHECK_OLD_OR_NEW(name, actual, before, after)  either will do; "# NAME: ..." says which it was
 */
#pragma once

#include "tests/kernel/support.h"

struct live_space {
    const struct kernel *kernel;
    struct page_table table; /* reached as the kernel's own tables are, physical memory if linear */
    struct page_table raw;   /* the same tables, always reached by physical memory */
};

/* Makes a space with the kernel's upper half and nothing in its lower half, which the CPU uses
 * until the frames are taken back. Its tables come from the frames. */
struct live_space live_space_enter(struct test_frames *frames);

enum { DATA_PAGES = 2 };

/* The frame of one of DATA_PAGES pages in the kernel's image. Each begins with an instruction that
 * returns, and holds words of its own. */
phys_addr data_frame(unsigned index);

/* A page of `size` at which the space maps nothing, the same in each space. Its entries are at
 * different indices at each level. */
virt_addr live_page(const struct live_space *space, enum page_size size);

/* Maps live_page to the memory that holds data_frame(0), in which `flags` are set beside PRESENT
 * and WRITABLE. Returns where data_frame(0) appears; the page may be larger. */
virt_addr live_space_map(struct test *test, const struct live_space *space,
                         struct test_frames *frames, enum page_size size, uint64_t flags);

/* In tables of cases, stands for the level of the root. */
enum { LEVEL_ROOT = 0 };

static inline unsigned live_level(const struct live_space *space, unsigned level)
{
    return level == LEVEL_ROOT ? space->table.levels : level;
}

/* The start of the 2 MiB page around an address. */
static inline virt_addr live_huge_page(virt_addr address)
{
    return virt_addr_of(align_down(address.value, page_size_bytes(PAGE_2M)));
}

/* The entry of `level` for `address`, in physical memory; what is above it must be tables. */
static inline struct page_entry *live_entry(const struct live_space *space, virt_addr address,
                                            unsigned level)
{
    return entry_of(&space->raw, address, level);
}

enum use {
    USE_READ,
    USE_WRITE,
    USE_FETCH,
};

/* How an access ended. */
struct seen {
    uint64_t vector;     /* 0: it was done. No access divides, so this is no exception's. */
    uint64_t error_code; /* of a fault */
    uint64_t value;      /* USE_READ: the word */
};

/* Reads, writes or runs the data page at `page`, once. */
struct seen live_use(virt_addr page, enum use use);

/* What live_use should give if the CPU translates by the tables as they are. */
struct seen live_expected(const struct live_space *space, virt_addr page, enum use use);

/* Prints "# NAME: TEXT". */
void live_note(const struct test *test, const char *name, const char *text);

#define CHECK_SEEN(actual, expected)                                                               \
    check_seen(test, (actual), (expected), TEST_PLACE(#actual " == " #expected))
#define CHECK_OLD_OR_NEW(name, actual, before, after)                                              \
    check_old_or_new(test, (name), (actual), (before), (after),                                    \
                     TEST_PLACE(#actual " == " #before " or == " #after))

/* For the macros above. */
bool seen_equal(struct seen one, struct seen other);
void check_seen(struct test *test, struct seen actual, struct seen expected,
                const struct test_place *place);
void check_old_or_new(struct test *test, const char *name, struct seen actual, struct seen before,
                      struct seen after, const struct test_place *place);
