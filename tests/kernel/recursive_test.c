/* A root that names itself: following its entry 1 to 4 times, the tables of each level. */
#include "mm/address_space.h"

#include "kernel/cpu/registers.h"
#include "kernel/paging/layout.h"
#include "tests/kernel/support.h"

/* Entries of the root that the kernel does not use, on both sides of the sign. */
static const unsigned slots[] = {0, 1, 255, 300, 510};

/* Makes the kernel's root copied into a new space that names itself at `slot`, and active. */
static void enter(struct test *test, struct test_frames *frames, struct page_table *table,
                  unsigned slot)
{
    struct kernel *kernel = test->subject;
    uint64_t no_execute = kernel->cpu.no_execute ? PAGE_NO_EXECUTE : 0;
    phys_addr root;

    test_frames_init(frames, test, TEST_FRAMES_MAX);
    REQUIRE(frame_source_allocate(&frames->source, 0, &root));
    test_tree(root, kernel->page_table.levels);
    volatile uint64_t *to = (volatile uint64_t *)physical_byte(kernel, root);
    for (unsigned index = 0; index < TABLE_ENTRY_COUNT; index++) {
        to[index] = index < TABLE_ENTRY_COUNT / 2
                        ? 0
                        : *physical_entry(kernel, kernel->page_table.root, index);
    }
    to[slot] = root.value | PAGE_PRESENT | PAGE_WRITABLE | no_execute;
    *table = kernel->page_table;
    table->root = root;
    cr3_write(root.value);
}

TEST(recursive, shows_the_table_of_each_level_that_physical_memory_shows)
{
    struct kernel *kernel = test->subject;
    virt_addr code = virt_addr_of((uint64_t)page_table_translate);

    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
        struct test_frames frames;
        struct page_table table;
        enter(test, &frames, &table, slots[i]);
        phys_addr frame = table.root;
        for (unsigned level = table.levels; level >= 1; level--) {
            volatile uint64_t *words =
                mm_port_pointer(recursive_table_address(slots[i], table.levels, code, level));
            for (unsigned index = 0; index < TABLE_ENTRY_COUNT; index++) {
                uint64_t marks = PAGE_ACCESSED | PAGE_DIRTY;
                REQUIRE_EQUAL(words[index] & ~marks, *physical_entry(kernel, frame, index) & ~marks);
            }
            frame = phys_addr_of(words[virt_addr_index(code, level)] & PAGE_FRAME_MASK);
        }
        cr3_write(kernel->page_table.root.value);
    }
}

TEST(recursive, writes_reach_the_table_itself)
{
    struct kernel *kernel = test->subject;

    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
        struct test_frames frames;
        struct page_table table;
        enter(test, &frames, &table, slots[i]);
        unsigned unused = slots[i] == 7 ? 8 : 7;
        volatile uint64_t *root = mm_port_pointer(
            recursive_table_address(slots[i], table.levels, virt_addr_of(0), table.levels));
        root[unused] = UINT64_C(0xabcde000);
        CHECK_EQUAL(*physical_entry(kernel, table.root, unused), 0xabcde000);
        root[unused] = 0;
        CHECK_EQUAL(*physical_entry(kernel, table.root, unused), 0);
        cr3_write(kernel->page_table.root.value);
    }
}

TEST(recursive, takes_one_entry_of_the_root_512_gib_with_four_levels)
{
    CHECK_EQUAL(level_bytes(4), UINT64_C(512) << 30);
    virt_addr first = recursive_table_address(0776, 4, virt_addr_of(0), 1);
    virt_addr last = recursive_table_address(0776, 4, virt_addr_of(UINT64_MAX), 1);
    CHECK_EQUAL(first.value, virt_addr_new_truncate(UINT64_C(0776) << 39, 4).value);
    CHECK_EQUAL(last.value + 4096, first.value + level_bytes(4));
}

TEST(recursive, reaches_another_space_by_changing_the_entry_and_comes_back)
{
    struct kernel *kernel = test->subject;
    struct test_frames frames;
    struct page_table table;
    phys_addr other;

    enter(test, &frames, &table, 1);
    REQUIRE(frame_source_allocate(&frames.source, 0, &other));
    volatile uint64_t *other_words = (volatile uint64_t *)physical_byte(kernel, other);
    other_words[1] = other.value | PAGE_PRESENT | PAGE_WRITABLE;
    other_words[42] = UINT64_C(0x4242000);
    virt_addr window = recursive_table_address(1, table.levels, virt_addr_of(0), table.levels);
    volatile uint64_t *seen = mm_port_pointer(window);
    uint64_t own = seen[1];

    CHECK_EQUAL(seen[42], 0);
    /* After this the own root is out of reach through the entry: physical memory leads back. */
    seen[1] = other.value | PAGE_PRESENT | PAGE_WRITABLE;
    mm_port_flush_all();
    CHECK_EQUAL(seen[42], 0x4242000);
    seen[43] = UINT64_C(0x4343000);
    CHECK_EQUAL(other_words[43], 0x4343000);
    ((volatile uint64_t *)physical_byte(kernel, table.root))[1] = own;
    mm_port_flush_all();
    CHECK_EQUAL(seen[42], 0);
    CHECK_EQUAL(seen[43], 0);
    cr3_write(kernel->page_table.root.value);
    CHECK_EQUAL(frame_source_free(&frames.source, 0, other), FRAME_FREE_OK);
}
