/* Temporary mappings, laid out as the tutorial draws them: an address space whose level-1 table for
 * the first 2 MiB is identity-mapped by its own entry 8, in frames counted from a base, since the
 * machine's first frames are taken. */
#include "mm/address_space.h"
#include "mm/temporary_slots.h"

#include "kernel/cpu/registers.h"
#include "tests/kernel/support.h"

#define KIB UINT64_C(1024)

enum {
    LEVEL_4_AT = 4, /* KiB from the base */
    LEVEL_3_AT = 16,
    LEVEL_2_AT = 24,
    LEVEL_1_AT = 32,
    DRAWING_FRAMES = 10,
    SELF_INDEX = 8,
};

/* The drawing, active while the test runs. */
struct drawing {
    phys_addr base;
    struct temporary_slots slots;
};

static phys_addr at_kib(const struct drawing *drawing, uint64_t kib)
{
    return phys_addr_add(drawing->base, kib * KIB);
}

/* Five levels add a root above the drawing's. The space keeps the kernel's upper half. */
static phys_addr link_root(struct kernel *kernel, const struct drawing *drawing)
{
    phys_addr root = at_kib(drawing, LEVEL_4_AT);
    phys_addr kernel_root = kernel->page_table.root;

    if (kernel->page_table.levels == 5) {
        *physical_entry(kernel, drawing->base, 0) = root.value | PAGE_PRESENT | PAGE_WRITABLE;
        root = drawing->base;
    }
    for (unsigned index = TABLE_ENTRY_COUNT / 2; index < TABLE_ENTRY_COUNT; index++) {
        *physical_entry(kernel, root, index) = *physical_entry(kernel, kernel_root, index);
    }
    return root;
}

/* The frames of the drawing follow each other: all that were taken until there were as many in a
 * row. */
enum { TAKEN_MAX = 8 * DRAWING_FRAMES };
static phys_addr drawn[TAKEN_MAX];
static unsigned drawn_count;

static void erase(struct test *test, void *unused)
{
    struct kernel *kernel = test->subject;

    (void)unused;
    cr3_write(kernel->page_table.root.value);
    while (drawn_count > 0) {
        CHECK_EQUAL(frame_source_free(&kernel->frames.source, 0, drawn[--drawn_count]),
                    FRAME_FREE_OK);
    }
}

static void draw(struct test *test, struct drawing *drawing)
{
    struct kernel *kernel = test->subject;
    uint64_t link = PAGE_PRESENT | PAGE_WRITABLE;

    unsigned first = 0;

    test_defer(test, erase, NULL);
    while (drawn_count - first < DRAWING_FRAMES) {
        REQUIRE_LESS(drawn_count, TAKEN_MAX);
        phys_addr *frame = &drawn[drawn_count];
        REQUIRE(frame_source_allocate(&kernel->frames.source, 0, frame));
        if (drawn_count > 0 && frame->value != drawn[drawn_count - 1].value + 4 * KIB) {
            first = drawn_count;
        }
        drawn_count++;
        mm_port_zero_table((void *)physical_byte(kernel, *frame));
    }
    drawing->base = drawn[first];
    *physical_entry(kernel, at_kib(drawing, LEVEL_4_AT), 0) =
        at_kib(drawing, LEVEL_3_AT).value | link;
    *physical_entry(kernel, at_kib(drawing, LEVEL_3_AT), 0) =
        at_kib(drawing, LEVEL_2_AT).value | link;
    *physical_entry(kernel, at_kib(drawing, LEVEL_2_AT), 0) =
        at_kib(drawing, LEVEL_1_AT).value | link;
    *physical_entry(kernel, at_kib(drawing, LEVEL_1_AT), SELF_INDEX) =
        at_kib(drawing, LEVEL_1_AT).value | data_flags(kernel).bits;
    drawing->slots = (struct temporary_slots){
        .table = virt_addr_of(LEVEL_1_AT * KIB),
        .window = virt_addr_of(0),
        .flags = data_flags(kernel),
    };
    cr3_write(link_root(kernel, drawing).value);
}

static uint64_t word_at(virt_addr page, unsigned index)
{
    const volatile uint64_t *words = mm_port_pointer(page);

    return words[index] & ~(PAGE_ACCESSED | PAGE_DIRTY);
}

TEST(temporary, needs_one_level_1_table_that_index_0_of_each_level_leads_to_and_its_entry_8_maps)
{
    struct kernel *kernel = test->subject;
    struct drawing drawing;
    virt_addr self = virt_addr_of(LEVEL_1_AT * KIB);
    phys_addr table;

    draw(test, &drawing);
    table = phys_addr_of(cr3_read() & CR3_FRAME_MASK);
    for (unsigned level = kernel->page_table.levels; level > 1; level--) {
        CHECK_EQUAL(virt_addr_index(self, level), 0);
        table = phys_addr_of(*physical_entry(kernel, table, 0) & PAGE_FRAME_MASK);
    }
    CHECK_EQUAL(virt_addr_index(self, 1), SELF_INDEX);
    CHECK_ADDRESS_EQUAL(table, at_kib(&drawing, LEVEL_1_AT));
    CHECK_EQUAL(*physical_entry(kernel, table, SELF_INDEX) & PAGE_FRAME_MASK, table.value);
    /* What is written to the page is an entry of the table. */
    *((volatile uint64_t *)mm_port_pointer(self) + 1) =
        at_kib(&drawing, LEVEL_3_AT).value | data_flags(kernel).bits;
    CHECK_EQUAL(word_at(virt_addr_of(4 * KIB), 0),
                at_kib(&drawing, LEVEL_2_AT).value | PAGE_PRESENT | PAGE_WRITABLE);
}

TEST(temporary, mappings_in_that_table_are_enough_to_map_a_page_with_three_new_tables)
{
    struct kernel *kernel = test->subject;
    struct drawing drawing;
    virt_addr page = virt_addr_of(UINT64_C(0x803fe00000));
    struct page_table table = kernel->page_table;
    struct range_source frames;

    draw(test, &drawing);
    /* The frames that the drawing leaves free. */
    const struct frame_range free_frames[] = {
        {at_kib(&drawing, 8), 2}, {at_kib(&drawing, 20), 1}, {at_kib(&drawing, 28), 1}};
    range_source_init(&frames, free_frames, 3);
    table.root = phys_addr_of(cr3_read() & CR3_FRAME_MASK);
    table.access = table_access_temporary(drawing.slots.table, drawing.slots.window, 100);
    REQUIRE_EQUAL(tlb_flush_now(page_table_map_to(&table, page, at_kib(&drawing, 36), PAGE_4K,
                                                  data_flags(kernel), &frames.source)),
                  MAP_OK);
    CHECK_EQUAL(range_source_position(&frames).value, at_kib(&drawing, 24).value);
    *(volatile uint64_t *)mm_port_pointer(page) = UINT64_C(0x1122334455667788);
    CHECK_EQUAL(*physical_entry(kernel, at_kib(&drawing, 36), 0), UINT64_C(0x1122334455667788));
    CHECK_TRANSLATES(&table, page, at_kib(&drawing, 36));
}

TEST(temporary, shows_the_level_2_table_at_page_0_and_the_level_4_table_at_page_36_kib)
{
    struct kernel *kernel = test->subject;
    struct drawing drawing;
    volatile uint64_t *level_1 = mm_port_pointer(virt_addr_of(LEVEL_1_AT * KIB));

    draw(test, &drawing);
    level_1[0] = at_kib(&drawing, LEVEL_2_AT).value | data_flags(kernel).bits;
    level_1[9] = at_kib(&drawing, LEVEL_4_AT).value | data_flags(kernel).bits;
    CHECK_EQUAL(word_at(virt_addr_of(0), 0),
                at_kib(&drawing, LEVEL_1_AT).value | PAGE_PRESENT | PAGE_WRITABLE);
    CHECK_EQUAL(word_at(virt_addr_of(36 * KIB), 0),
                at_kib(&drawing, LEVEL_3_AT).value | PAGE_PRESENT | PAGE_WRITABLE);
    CHECK_EQUAL(word_at(virt_addr_of(LEVEL_1_AT * KIB), SELF_INDEX),
                at_kib(&drawing, LEVEL_1_AT).value | data_flags(kernel).bits);
}

TEST(temporary, holds_511_mappings_and_refuses_the_512th)
{
    struct kernel *kernel = test->subject;
    struct drawing drawing;
    virt_addr page = virt_addr_of(7);

    draw(test, &drawing);
    for (unsigned mapping = 0; mapping < 511; mapping++) {
        CHECK_EQUAL(temporary_slots_free(&drawing.slots), 511 - mapping);
        REQUIRE_EQUAL(temporary_slots_map(&drawing.slots, at_kib(&drawing, LEVEL_2_AT), &page),
                      TEMPORARY_OK);
        REQUIRE_EQUAL(word_at(page, 0),
                      at_kib(&drawing, LEVEL_1_AT).value | PAGE_PRESENT | PAGE_WRITABLE);
    }
    page = virt_addr_of(7);
    CHECK_EQUAL(temporary_slots_map(&drawing.slots, at_kib(&drawing, LEVEL_3_AT), &page),
                TEMPORARY_FULL);
    CHECK_EQUAL(page.value, 7);
    for (unsigned index = 0; index < TABLE_ENTRY_COUNT; index++) {
        CHECK_EQUAL(word_at(virt_addr_of(LEVEL_1_AT * KIB), index),
                    at_kib(&drawing, index == SELF_INDEX ? LEVEL_1_AT : LEVEL_2_AT).value |
                        data_flags(kernel).bits);
    }
}

TEST(temporary, frees_an_entry_after_use_so_that_its_address_faults)
{
    struct drawing drawing;
    virt_addr page;

    draw(test, &drawing);
    REQUIRE_EQUAL(temporary_slots_map(&drawing.slots, at_kib(&drawing, LEVEL_4_AT), &page),
                  TEMPORARY_OK);
    CHECK_NO_FAULT(read_at, mm_port_pointer(page));
    REQUIRE_EQUAL(temporary_slots_unmap(&drawing.slots, page), TEMPORARY_OK);
    CHECK_PAGE_FAULT(page, 0, read_at, mm_port_pointer(page));
    CHECK_EQUAL(temporary_slots_free(&drawing.slots), 511);
    CHECK_EQUAL(temporary_slots_unmap(&drawing.slots, page), TEMPORARY_NOT_OURS);
    CHECK_EQUAL(temporary_slots_unmap(&drawing.slots, virt_addr_of(LEVEL_1_AT * KIB)),
                TEMPORARY_NOT_OURS);
    CHECK_EQUAL(temporary_slots_unmap(&drawing.slots, virt_addr_of(2 * KIB * KIB)),
                TEMPORARY_NOT_OURS);
}

TEST(temporary, costs_one_frame_of_4_kib_however_many_frames_are_looked_at)
{
    struct kernel *kernel = test->subject;
    struct address_space own = {.table = kernel->page_table};
    struct address_space space;
    struct test_frames frames;
    virt_addr self = virt_addr_of(LEVEL_1_AT * KIB);

    own.table.access = physical_access(kernel);
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    REQUIRE_EQUAL(address_space_create(&space, &own, 0, &frames.source), ADDRESS_SPACE_OK);
    test_tree(space.table.root, space.table.levels);
    /* Something in the next 2 MiB: the tables of the levels above are there. */
    REQUIRE_EQUAL(tlb_flush_ignore(page_table_map_to(&space.table, virt_addr_of(2 * KIB * KIB),
                                                     space.table.root, PAGE_4K, data_flags(kernel),
                                                     &frames.source)),
                  MAP_OK);
    unsigned before = frames.in_use;
    REQUIRE_EQUAL(tlb_flush_ignore(page_table_map_to(&space.table, self, space.table.root, PAGE_4K,
                                                     data_flags(kernel), &frames.source)),
                  MAP_OK);
    CHECK_EQUAL(frames.in_use - before, 1);
    struct page_entry *entry = entry_of(&space.table, self, 1);
    uint64_t level_1 = page_entry_table(page_entry_load(entry_of(&space.table, self, 2))).value;
    page_entry_store(entry, (struct page_entry){level_1 | data_flags(kernel).bits});
    address_space_switch(&own, &space);

    struct temporary_slots slots = {.table = self, .flags = data_flags(kernel)};
    phys_addr frame = phys_addr_of(0);
    for (unsigned seen = 0; seen < 2 * TABLE_ENTRY_COUNT;
         frame = phys_addr_add(frame, page_size_bytes(PAGE_4K))) {
        virt_addr page;
        REQUIRE_LESS(frame.value, memory_map_ram_end(&kernel->boot_info->memory_map).value);
        if (!memory_type_is_ram(memory_type_at(kernel, frame))) {
            continue; /* nothing to compare with */
        }
        seen++;
        REQUIRE_EQUAL(temporary_slots_map(&slots, frame, &page), TEMPORARY_OK);
        CHECK_EQUAL(word_at(page, 0),
                    *physical_entry(kernel, frame, 0) & ~(PAGE_ACCESSED | PAGE_DIRTY));
        REQUIRE_EQUAL(temporary_slots_unmap(&slots, page), TEMPORARY_OK);
    }
    CHECK_EQUAL(frames.in_use - before, 1);
}
