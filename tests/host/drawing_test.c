/* The tutorial's figures, exactly as drawn: tables at 4, 16, 24 and 32 KiB of a machine that exists
 * in this program only. The library builds them, and a software MMU walks them. */
#include "mm/page_tree.h"
#include "mm/temporary_slots.h"

#include "testing/test.h"
#include "tests/host/host_cpu.h"

#define KIB UINT64_C(1024)
#define TEN_TIB (UINT64_C(10) << 40)
#define PAGE UINT64_C(0x803fe00000) /* indices 1, 0, 511, 0 */
#define LINK (PAGE_PRESENT | PAGE_WRITABLE)

enum { RAM_KIB = 2048, WINDOW_PAGES = 1024, FRAMES_MAX = 4, RECURSIVE_SLOT = 511 };
enum { LEVEL_4 = 4, LEVEL_3 = 16, LEVEL_2 = 24, LEVEL_1 = 32, PAGE_FRAME = 36 }; /* KiB */

/* Gives the frames of a list, in its order. */
struct listed_frames {
    struct frame_source source;
    unsigned kib[FRAMES_MAX];
    unsigned count;
    unsigned next;
};

static bool next_listed(struct frame_source *source, unsigned order, phys_addr *frame)
{
    struct listed_frames *list = (struct listed_frames *)source;

    if (order != 0 || list->next == list->count) {
        return false;
    }
    *frame = phys_addr_of(list->kib[list->next++] * KIB);
    return true;
}

static struct {
    struct host_memory memory;
    struct host_cpu cpu;
    struct page_table table;
} paper;

static void take_paper(struct test *test)
{
    (void)test;
    host_memory_init(&paper.memory, 0, RAM_KIB * KIB, WINDOW_PAGES);
    host_cpu_init(&paper.cpu, &paper.memory, 4, false);
    paper.cpu.mmu.root = LEVEL_4 * KIB;
    paper.cpu.mmu.physical_bits = 52;
    paper.table = (struct page_table){
        .root = phys_addr_of(LEVEL_4 * KIB),
        .levels = 4,
        .active = true,
        .features = {.physical_bits = 52},
        .access = table_access_linear((uint64_t)(uintptr_t)paper.memory.ram, phys_addr_of(0),
                                      phys_addr_of(RAM_KIB * KIB)),
    };
    host_cpu_run(&paper.cpu);
}

static void drop_paper(struct test *test)
{
    (void)test;
    host_cpu_run(NULL);
    host_memory_free(&paper.memory);
}

FIXTURE(drawing, take_paper, drop_paper);

/* Maps a page with the tables that are missing in the listed frames, the lowest level first. */
static enum map_result map(uint64_t page, uint64_t frame, unsigned count, const unsigned *kib)
{
    struct listed_frames frames = {.source = {.allocate = next_listed}, .count = count};

    for (unsigned i = 0; i < count; i++) {
        frames.kib[i] = kib[i];
    }
    return tlb_flush_now(page_table_map_to(&paper.table, virt_addr_of(page), phys_addr_of(frame),
                                           PAGE_4K, page_flags_of(LINK), &frames.source));
}

static void draw_page(struct test *test)
{
    REQUIRE_EQUAL(map(PAGE, PAGE_FRAME * KIB, 3, (const unsigned[]){LEVEL_1, LEVEL_2, LEVEL_3}),
                  MAP_OK);
}

/* A step of a figure: an entry of a table, and what the entry names. */
struct arrow {
    unsigned table_kib;
    unsigned index;
    unsigned to_kib;
};

static void check_arrows(struct test *test, uint64_t address, const struct arrow arrows[4])
{
    struct soft_walk walk = soft_mmu_walk(&paper.cpu.mmu, address);

    REQUIRE_EQUAL(walk.fault, SOFT_TRANSLATED);
    REQUIRE_EQUAL(walk.step_count, 4);
    for (unsigned step = 0; step < 4; step++) {
        CHECK_EQUAL(walk.steps[step].at, arrows[step].table_kib * KIB + 8 * arrows[step].index);
        CHECK_EQUAL(walk.steps[step].bits, arrows[step].to_kib * KIB | LINK);
    }
    CHECK_EQUAL(walk.physical & ~UINT64_C(0xfff), arrows[3].to_kib * KIB);
}

/* Every word of memory that is not zero is an entry of the figure. */
static void check_nothing_else(struct test *test, unsigned entry_count)
{
    const uint64_t *words = (const uint64_t *)paper.memory.ram;
    unsigned count = 0;

    for (size_t i = 0; i < RAM_KIB * KIB / sizeof *words; i++) {
        count += words[i] != 0 ? 1 : 0;
    }
    CHECK_EQUAL(count, entry_count);
}

TEST(drawing, of_four_tables_leads_from_page_0x803fe00000_to_the_frame_at_36_kib)
{
    draw_page(test);
    check_arrows(test, PAGE + 0x123,
                 (const struct arrow[]){{LEVEL_4, 1, LEVEL_3},
                                        {LEVEL_3, 0, LEVEL_2},
                                        {LEVEL_2, 511, LEVEL_1},
                                        {LEVEL_1, 0, PAGE_FRAME}});
    check_nothing_else(test, 4);
    CHECK_EQUAL(page_table_translate(&paper.table, virt_addr_of(PAGE + 0x123)).address.value,
                PAGE_FRAME * KIB + 0x123);
}

TEST(drawing, of_a_recursive_entry_511_takes_1_to_4_steps_less_to_the_tables)
{
    const struct arrow around = {LEVEL_4, RECURSIVE_SLOT, LEVEL_4};
    const struct arrow ways[4][4] = {
        {around, {LEVEL_4, 1, LEVEL_3}, {LEVEL_3, 0, LEVEL_2}, {LEVEL_2, 511, LEVEL_1}},
        {around, around, {LEVEL_4, 1, LEVEL_3}, {LEVEL_3, 0, LEVEL_2}},
        {around, around, around, {LEVEL_4, 1, LEVEL_3}},
        {around, around, around, around},
    };

    draw_page(test);
    REQUIRE_EQUAL(page_table_link_recursive(&paper.table, RECURSIVE_SLOT), MAP_OK);
    check_nothing_else(test, 5);
    for (unsigned level = 1; level <= 4; level++) {
        virt_addr at = recursive_table_address(RECURSIVE_SLOT, 4, virt_addr_of(PAGE), level);
        check_arrows(test, at.value, ways[level - 1]);
        CHECK_EQUAL(*(const uint64_t *)host_cpu_pointer(at.value),
                    soft_mmu_read(&paper.cpu.mmu, ways[level - 1][3].to_kib * KIB));
    }
}

/* The way from CR3 by index 0 to the level-1 table, and its entry 8 for itself. */
static struct temporary_slots draw_temporary(struct test *test)
{
    REQUIRE_EQUAL(
        map(LEVEL_1 * KIB, LEVEL_1 * KIB, 3, (const unsigned[]){LEVEL_1, LEVEL_2, LEVEL_3}),
        MAP_OK);
    return (struct temporary_slots){.table = virt_addr_of(LEVEL_1 * KIB),
                                    .flags = page_flags_of(LINK)};
}

TEST(drawing, of_temporary_mappings_shows_level_2_at_page_0_and_level_4_at_page_36_kib_not_33)
{
    struct temporary_slots slots = draw_temporary(test);
    virt_addr page;

    check_arrows(test, LEVEL_1 * KIB,
                 (const struct arrow[]){{LEVEL_4, 0, LEVEL_3},
                                        {LEVEL_3, 0, LEVEL_2},
                                        {LEVEL_2, 0, LEVEL_1},
                                        {LEVEL_1, 8, LEVEL_1}});
    check_nothing_else(test, 4);
    REQUIRE_EQUAL(temporary_slots_map(&slots, phys_addr_of(LEVEL_2 * KIB), &page), TEMPORARY_OK);
    CHECK_EQUAL(page.value, 0);
    for (unsigned other = 1; other < 8; other++) { /* entries that are in use already */
        REQUIRE_EQUAL(temporary_slots_map(&slots, phys_addr_of(PAGE_FRAME * KIB), &page),
                      TEMPORARY_OK);
    }
    REQUIRE_EQUAL(temporary_slots_map(&slots, phys_addr_of(LEVEL_4 * KIB), &page), TEMPORARY_OK);
    CHECK_EQUAL(page.value, 36 * KIB);
    CHECK_EQUAL(soft_mmu_read(&paper.cpu.mmu, LEVEL_1 * KIB + 8 * 9), LEVEL_4 * KIB | LINK);
    CHECK_EQUAL(*(const uint64_t *)host_cpu_pointer(0), LEVEL_1 * KIB | LINK);
    CHECK_EQUAL(*(const uint64_t *)host_cpu_pointer(36 * KIB), LEVEL_3 * KIB | LINK);
    /* 33 KiB is inside of the level-1 table. */
    CHECK_EQUAL(soft_mmu_walk(&paper.cpu.mmu, 33 * KIB).physical, 33 * KIB);
    /* What is written to page 0 is an entry of level 2. */
    *(uint64_t *)host_cpu_pointer(8 * 5) = UINT64_C(0x5000);
    CHECK_EQUAL(soft_mmu_read(&paper.cpu.mmu, LEVEL_2 * KIB + 8 * 5), UINT64_C(0x5000));
}

/* Where the figures have each table mapped, and the frames of the tables that this takes. */
static const struct offset_figure {
    const char *name;
    uint64_t offset;
} offset_figures[] = {{"identity", 0}, {"fixed offset", TEN_TIB}};

static const unsigned tables_kib[] = {LEVEL_4, 12, LEVEL_3, 20, LEVEL_2, LEVEL_1, 1004};
enum { TABLES = sizeof tables_kib / sizeof tables_kib[0] };

static bool is_table(unsigned kib)
{
    for (unsigned i = 0; i < TABLES; i++) {
        if (tables_kib[i] == kib) {
            return true;
        }
    }
    return false;
}

/* Maps the seven tables; the first one mapped takes three of them. */
static void draw_offset(struct test *test, uint64_t offset)
{
    draw_page(test);
    for (unsigned i = 0; i < TABLES; i++) {
        REQUIRE_EQUAL(map(offset + tables_kib[i] * KIB, tables_kib[i] * KIB, i == 0 ? 3 : 0,
                          (const unsigned[]){1004, 20, 12}),
                      MAP_OK);
    }
    check_nothing_else(test, 4 + 3 + TABLES);
}

TEST_EACH(drawing, of_tables_at_an_offset_shows_each_of_them_there_and_nothing_else, offset_figures)
{
    draw_offset(test, row->offset);
    for (unsigned kib = 0; kib < RAM_KIB; kib += 4) {
        struct soft_walk walk = soft_mmu_walk(&paper.cpu.mmu, row->offset + kib * KIB);
        if (is_table(kib)) {
            CHECK_EQUAL(walk.fault, SOFT_TRANSLATED);
            CHECK_EQUAL(walk.physical, kib * KIB);
        } else {
            CHECK_EQUAL(walk.fault, SOFT_NOT_PRESENT);
        }
    }
    /* A new sheet for the next row. */
    drop_paper(test);
    take_paper(test);
}

TEST(drawing, of_identity_has_room_for_1000_kib_at_1008_kib_and_not_at_28_kib)
{
    struct page_range low = page_range_of(virt_addr_of(28 * KIB), 512);
    virt_addr start;

    draw_offset(test, 0);
    CHECK_EQUAL(soft_mmu_walk(&paper.cpu.mmu, 28 * KIB).fault, SOFT_NOT_PRESENT);
    REQUIRE(page_table_find_unmapped(&paper.table, low, 1000 / 4, PAGE_4K, &start));
    CHECK_EQUAL(start.value, 1008 * KIB);
}

TEST(drawing, of_complete_physical_memory_shows_every_frame_at_10_tib)
{
    static const unsigned more_tables[] = {12, 20};
    struct listed_frames frames = {.source = {.allocate = next_listed}, .count = 2};

    draw_page(test);
    frames.kib[0] = more_tables[0];
    frames.kib[1] = more_tables[1];
    REQUIRE_EQUAL(
        tlb_flush_now(page_table_map_to(&paper.table, virt_addr_of(TEN_TIB), phys_addr_of(0),
                                        PAGE_2M, page_flags_of(LINK), &frames.source)),
        MAP_OK);
    check_nothing_else(test, 4 + 3);
    for (unsigned kib = 0; kib < RAM_KIB; kib += 4) {
        CHECK_EQUAL(soft_mmu_walk(&paper.cpu.mmu, TEN_TIB + kib * KIB).physical, kib * KIB);
    }
    CHECK_EQUAL(soft_mmu_walk(&paper.cpu.mmu, TEN_TIB + RAM_KIB * KIB).fault, SOFT_NOT_PRESENT);
}
