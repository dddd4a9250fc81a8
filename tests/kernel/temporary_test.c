/* Temporary mappings, laid out as the tutorial draws them: an address space whose level-1 table for
 * the first 2 MiB is identity-mapped by its own entry 8, in frames counted from a base, since the
 * machine's first frames are taken. */
#include "mm/temporary_slots.h"

#include "kernel/cpu/registers.h"
#include "tests/kernel/support.h"

#define KIB UINT64_C(1024)

enum {
    LEVEL_4_AT = 4,   /* KiB from the base */
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

static void set_entry(const struct kernel *kernel, phys_addr table, unsigned index, uint64_t bits)
{
    volatile uint64_t *entries = (volatile uint64_t *)physical_byte(kernel, table);

    entries[index] = bits;
}

/* Five levels add a root above the drawing's. The space keeps the kernel's upper half. */
static phys_addr link_root(struct kernel *kernel, const struct drawing *drawing)
{
    phys_addr root = at_kib(drawing, LEVEL_4_AT);
    phys_addr kernel_root = kernel->page_table.root;

    if (kernel->page_table.levels == 5) {
        set_entry(kernel, drawing->base, 0, root.value | PAGE_PRESENT | PAGE_WRITABLE);
        root = drawing->base;
    }
    for (unsigned index = TABLE_ENTRY_COUNT / 2; index < TABLE_ENTRY_COUNT; index++) {
        set_entry(kernel, root, index,
                  ((volatile uint64_t *)physical_byte(kernel, kernel_root))[index]);
    }
    return root;
}

/* The frames of the drawing. */
static phys_addr drawn[DRAWING_FRAMES];
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

    test_defer(test, erase, NULL);
    for (uint64_t i = 0; i < DRAWING_FRAMES; i++) {
        REQUIRE(frame_source_allocate(&kernel->frames.source, 0, &drawn[i]));
        drawn_count++;
        drawing->base = drawn[0];
        REQUIRE_EQUAL(drawn[i].value, drawing->base.value + i * 4 * KIB);
        mm_port_zero_table((void *)physical_byte(kernel, drawn[i]));
    }
    set_entry(kernel, at_kib(drawing, LEVEL_4_AT), 0, at_kib(drawing, LEVEL_3_AT).value | link);
    set_entry(kernel, at_kib(drawing, LEVEL_3_AT), 0, at_kib(drawing, LEVEL_2_AT).value | link);
    set_entry(kernel, at_kib(drawing, LEVEL_2_AT), 0, at_kib(drawing, LEVEL_1_AT).value | link);
    set_entry(kernel, at_kib(drawing, LEVEL_1_AT), SELF_INDEX,
              at_kib(drawing, LEVEL_1_AT).value | data_flags(kernel).bits);
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
