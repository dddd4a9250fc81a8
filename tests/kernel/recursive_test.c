/* A root that names itself: following its entry 1 to 4 times, the tables of each level. */
#include "mm/temporary_slots.h"

#include "kernel/cpu/registers.h"
#include "kernel/layout/layout.h"
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
                REQUIRE_EQUAL(words[index] & ~marks,
                              *physical_entry(kernel, frame, index) & ~marks);
            }
            frame = phys_addr_of(words[virt_addr_index(code, level)] & PAGE_FRAME_MASK);
        }
        cr3_write(kernel->page_table.root.value);
    }
}

/* A page whose index is 2 in the root and 3, 4 and so on below, and a tree that has its tables. */
static virt_addr map_page_with_known_indices(struct test *test, struct test_frames *frames,
                                             const struct page_table *table)
{
    struct kernel *kernel = test->subject;
    struct page_table by_memory = *table;
    uint64_t page = 0;

    for (unsigned level = table->levels; level >= 1; level--) {
        page = page << TABLE_INDEX_BITS | (2 + table->levels - level);
    }
    page <<= PAGE_SHIFT;
    by_memory.access = physical_access(kernel);
    REQUIRE_EQUAL(
        tlb_flush_now(page_table_map_to(&by_memory, virt_addr_of(page), phys_addr_of(0xb8000),
                                        PAGE_4K, data_flags(kernel), &frames->source)),
        MAP_OK);
    return virt_addr_of(page);
}

TEST(recursive, writes_reach_the_table_itself)
{
    struct kernel *kernel = test->subject;
    const unsigned unused = 7;

    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
        struct test_frames frames;
        struct page_table table;
        enter(test, &frames, &table, slots[i]);
        virt_addr page = map_page_with_known_indices(test, &frames, &table);
        phys_addr frame = table.root;
        for (unsigned level = table.levels; level >= 1; level--) {
            volatile uint64_t *words =
                mm_port_pointer(recursive_table_address(slots[i], table.levels, page, level));
            phys_addr next = phys_addr_of(words[virt_addr_index(page, level)] & PAGE_FRAME_MASK);
            words[unused] = UINT64_C(0xabcde000);
            CHECK_EQUAL(*physical_entry(kernel, frame, unused), 0xabcde000);
            words[unused] = 0;
            CHECK_EQUAL(*physical_entry(kernel, frame, unused), 0);
            frame = next;
        }
        cr3_write(kernel->page_table.root.value);
    }
}

/* The address made of index blocks, the first one of the root, and an offset. */
static uint64_t address_of_blocks(const unsigned *blocks, unsigned count, uint64_t offset)
{
    uint64_t address = blocks[0] >= TABLE_ENTRY_COUNT / 2 ? ~UINT64_C(0) : 0;

    for (unsigned i = 0; i < count; i++) {
        address = address << TABLE_INDEX_BITS | blocks[i];
    }
    return address << PAGE_SHIFT | offset;
}

/* The tutorial's table of addresses: for the entry of level n the slot n times, then the page's
 * indices from the root on, and the index that is left over times 8. */
TEST(recursive, finds_each_single_entry_where_the_tutorials_table_has_it)
{
    struct kernel *kernel = test->subject;

    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
        struct test_frames frames;
        struct page_table table;
        enter(test, &frames, &table, slots[i]);
        virt_addr page = map_page_with_known_indices(test, &frames, &table);
        phys_addr frame = table.root;
        for (unsigned level = table.levels; level >= 1; level--) {
            unsigned blocks[PAGING_LEVELS_MAX];
            unsigned index = 2 + table.levels - level;
            for (unsigned block = 0; block < table.levels; block++) {
                blocks[block] = block < level ? slots[i] : 2 + block - level;
            }
            uint64_t address = address_of_blocks(blocks, table.levels, 8 * index);
            uint64_t entry = *(volatile uint64_t *)mm_port_pointer(virt_addr_of(address));
            uint64_t marks = PAGE_ACCESSED | PAGE_DIRTY;
            CHECK_EQUAL(entry & ~marks, *physical_entry(kernel, frame, index) & ~marks);
            CHECK_EQUAL(recursive_table_address(slots[i], table.levels, page, level).value +
                            8 * index,
                        address);
            frame = phys_addr_of(entry & PAGE_FRAME_MASK);
        }
        CHECK_EQUAL(frame.value, 0xb8000);
        cr3_write(kernel->page_table.root.value);
    }
}

/* The tutorial's code always puts ones above the address. */
TEST(recursive, address_with_ones_above_a_slot_below_256_is_not_canonical)
{
    struct kernel *kernel = test->subject;

    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
        struct test_frames frames;
        struct page_table table;
        enter(test, &frames, &table, slots[i]);
        virt_addr root =
            recursive_table_address(slots[i], table.levels, virt_addr_of(0), table.levels);
        virt_addr with_ones =
            virt_addr_of(root.value | ~UINT64_C(0) << level_shift(table.levels + 1));
        CHECK_NO_FAULT(read_at, mm_port_pointer(root));
        if (slots[i] < TABLE_ENTRY_COUNT / 2) {
            CHECK_FAULT(EXCEPTION_GENERAL_PROTECTION, 0, read_at, mm_port_pointer(with_ones));
        } else {
            CHECK_ADDRESS_EQUAL(with_ones, root);
        }
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

/* Another space's tree, with one page, which names itself at the same slot. */
static struct page_table other_space(struct test *test, struct test_frames *frames, unsigned slot,
                                     virt_addr *page)
{
    struct kernel *kernel = test->subject;
    struct page_table other = kernel->page_table;

    REQUIRE(frame_source_allocate(&frames->source, 0, &other.root));
    test_tree(other.root, other.levels);
    mm_port_zero_table((void *)physical_byte(kernel, other.root));
    *physical_entry(kernel, other.root, slot) = other.root.value | PAGE_PRESENT | PAGE_WRITABLE;
    *page = map_page_with_known_indices(test, frames, &other);
    other.access = table_access_recursive(slot, virt_addr_of(0));
    return other;
}

TEST(recursive, edits_another_space_and_comes_back_by_a_temporary_mapping_of_its_own_root)
{
    struct kernel *kernel = test->subject;
    struct temporary_slots temporary = {
        .table = virt_addr_of(LAYOUT_TEMPORARY + level_bytes(2) - level_bytes(1)),
        .window = virt_addr_of(LAYOUT_TEMPORARY),
        .flags = data_flags(kernel),
    };
    enum { SLOT = 1 };
    struct test_frames frames;
    struct page_table own;
    virt_addr page;
    virt_addr way_back;

    enter(test, &frames, &own, SLOT);
    own.access = table_access_recursive(SLOT, virt_addr_of(0));
    struct page_table other = other_space(test, &frames, SLOT, &page);
    virt_addr next = virt_addr_add(page, page_size_bytes(PAGE_4K));
    CHECK_NOT_MAPPED(&own, page);
    REQUIRE_EQUAL(temporary_slots_map(&temporary, own.root, &way_back), TEMPORARY_OK);
    volatile uint64_t *own_root = mm_port_pointer(way_back);
    uint64_t own_entry = own_root[SLOT];

    own_root[SLOT] = other.root.value | PAGE_PRESENT | PAGE_WRITABLE;
    mm_port_flush_all();
    CHECK_TRANSLATES(&other, page, phys_addr_of(0xb8000));
    CHECK_EQUAL(tlb_flush_now(page_table_map_to(&other, next, phys_addr_of(0xb9000), PAGE_4K,
                                                data_flags(kernel), frame_source_empty())),
                MAP_OK);
    CHECK_EQUAL(cr3_read() & CR3_FRAME_MASK, own.root.value);

    own_root[SLOT] = own_entry;
    mm_port_flush_all();
    CHECK_NOT_MAPPED(&own, page);
    CHECK_NOT_MAPPED(&own, next);
    REQUIRE_EQUAL(temporary_slots_unmap(&temporary, way_back), TEMPORARY_OK);
    other.access = physical_access(kernel);
    CHECK_TRANSLATES(&other, next, phys_addr_of(0xb9000));
}
