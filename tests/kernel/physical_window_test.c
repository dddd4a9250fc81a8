/* Windows on the memory of machines of the test's own. */
#include "kernel/paging/physical_window.h"

#include "tests/kernel/support.h"

#define KIB UINT64_C(0x400)
#define MIB UINT64_C(0x100000)
#define GIB UINT64_C(0x40000000)

#define WINDOW UINT64_C(0x100000000000)

enum { SCATTERED_REGIONS = 12 };

static const struct memory_map machine = {
    .region_count = 8,
    .regions =
        {
            {{4 * KIB}, {640 * KIB}, MEMORY_USABLE},
            {{640 * KIB}, {MIB}, MEMORY_RESERVED},
            {{MIB}, {16 * MIB}, MEMORY_USABLE},
            {{16 * MIB}, {16 * MIB + 64 * KIB}, MEMORY_ACPI_RECLAIMABLE},
            {{16 * MIB + 64 * KIB}, {3 * GIB}, MEMORY_USABLE},
            {{4 * GIB}, {5 * GIB + 2 * MIB}, MEMORY_USABLE},
            {{5 * GIB + 2 * MIB}, {5 * GIB + 4 * MIB}, MEMORY_BAD},
            {{5 * GIB + 4 * MIB}, {5 * GIB + 4 * MIB + 8 * KIB}, MEMORY_ACPI_NVS},
        },
};

/* One piece from the first page to beyond 2 GiB. */
static const struct memory_map seamless = {
    .region_count = 1,
    .regions = {{{0}, {2 * GIB + 4 * KIB}, MEMORY_USABLE}},
};

/* An inactive tree that is reached by physical memory, for frame addresses of any size. */
static struct builder builder_of(struct test *test, struct test_frames *frames)
{
    struct kernel *kernel = test->subject;
    struct builder builder = {.table = kernel->page_table, .frames = &frames->source};

    test_frames_init(frames, test, TEST_FRAMES_MAX);
    builder.table.access = physical_access(kernel);
    builder.table.active = false;
    builder.table.features.physical_bits = PHYS_ADDR_BITS_MAX;
    REQUIRE(frame_source_allocate(builder.frames, 0, &builder.table.root));
    mm_port_zero_table((void *)physical_byte(kernel, builder.table.root));
    test_tree(builder.table.root, builder.table.levels);
    return builder;
}

static struct translation look(const struct builder *builder, uint64_t physical)
{
    return page_table_translate(&builder->table, virt_addr_of(WINDOW + physical));
}

/* What is at a physical address of a machine. */
struct expectation {
    const char *name;
    const struct memory_map *map;
    uint64_t physical;
    unsigned level; /* of the page with 1 GiB pages; 0: not mapped */
    uint64_t writable;
};

static const struct expectation expectations[] = {
    {"before all RAM", &machine, 0, 0, 0},
    {"first RAM", &machine, 4 * KIB, 1, PAGE_WRITABLE},
    {"last of low RAM", &machine, 640 * KIB - 1, 1, PAGE_WRITABLE},
    {"reserved", &machine, 640 * KIB, 0, 0},
    {"last of reserved", &machine, MIB - 1, 0, 0},
    {"second MiB", &machine, MIB, 1, PAGE_WRITABLE},
    {"a whole region", &machine, 14 * MIB, 2, PAGE_WRITABLE},
    {"ACPI tables", &machine, 16 * MIB, 1, 0},
    {"beside ACPI tables", &machine, 16 * MIB + 64 * KIB, 1, PAGE_WRITABLE},
    {"behind ACPI tables", &machine, 18 * MIB, 2, PAGE_WRITABLE},
    {"a whole GiB", &machine, GIB + 123, 3, PAGE_WRITABLE},
    {"last before the gap", &machine, 3 * GIB - 1, 3, PAGE_WRITABLE},
    {"gap", &machine, 3 * GIB, 0, 0},
    {"local APIC", &machine, UINT64_C(0xfee00000), 0, 0},
    {"above 4 GiB", &machine, 4 * GIB, 3, PAGE_WRITABLE},
    {"a rest of 2 MiB", &machine, 5 * GIB, 2, PAGE_WRITABLE},
    {"bad", &machine, 5 * GIB + 2 * MIB, 0, 0},
    {"ACPI NVS", &machine, 5 * GIB + 4 * MIB, 1, 0},
    {"behind all", &machine, 5 * GIB + 4 * MIB + 8 * KIB, 0, 0},
    {"page 0", &seamless, 0, 1, PAGE_WRITABLE},
    {"below 2 MiB", &seamless, 2 * MIB - 1, 1, PAGE_WRITABLE},
    {"above 4 MiB", &seamless, 4 * MIB, 2, PAGE_WRITABLE},
    {"last page of the first GiB", &seamless, GIB - 1, 2, PAGE_WRITABLE},
    {"second GiB", &seamless, GIB, 3, PAGE_WRITABLE},
    {"a page that is left over", &seamless, 2 * GIB, 1, PAGE_WRITABLE},
};

TEST_EACH(physical_window, shows_ram_in_pages_of_one_region_and_nothing_else, expectations)
{
    struct kernel *kernel = test->subject;
    unsigned largest = kernel->cpu.pages_1g ? PAGE_1G : PAGE_2M;
    struct test_frames frames;
    struct builder builder = builder_of(test, &frames);

    physical_window_map(&builder, WINDOW, row->map, phys_addr_of(0),
                        memory_map_ram_end(row->map), WINDOW_REST_UNMAPPED);
    struct translation found = look(&builder, row->physical);
    if (row->level == 0) {
        CHECK_EQUAL(found.result, TRANSLATE_NOT_MAPPED);
        return;
    }
    REQUIRE_EQUAL(found.result, TRANSLATE_OK);
    CHECK_EQUAL(found.address.value, row->physical);
    CHECK_EQUAL(found.level, row->level < largest ? row->level : largest);
    CHECK_EQUAL(found.effective.bits,
                row->writable | (kernel->cpu.no_execute ? PAGE_NO_EXECUTE : 0));
    CHECK_EQUAL(found.flags.bits & (PAGE_WRITE_THROUGH | PAGE_CACHE_DISABLE), 0);
}

TEST(physical_window, shows_the_rest_uncached_where_that_is_asked_for)
{
    const uint64_t uncached = PAGE_WRITE_THROUGH | PAGE_CACHE_DISABLE;
    struct test_frames frames;
    struct builder builder = builder_of(test, &frames);

    physical_window_map(&builder, WINDOW, &machine, phys_addr_of(0), phys_addr_of(2 * MIB),
                        WINDOW_REST_UNCACHED);
    for (uint64_t at = 0; at < 2 * MIB; at += 4 * KIB) {
        bool is_ram = (at >= 4 * KIB && at < 640 * KIB) || at >= MIB;
        struct translation found = look(&builder, at);
        REQUIRE_EQUAL(found.result, TRANSLATE_OK);
        CHECK_EQUAL(found.address.value, at);
        CHECK_EQUAL(found.level, PAGE_4K);
        CHECK_EQUAL(found.flags.bits & uncached, is_ram ? 0 : uncached);
    }
    CHECK_EQUAL(look(&builder, 2 * MIB).result, TRANSLATE_NOT_MAPPED);
}

/* Huge pages are split around the boundary alone, and every byte stays where it was. */
TEST(physical_window, is_cut_at_a_boundary)
{
    const uint64_t boundary = GIB + 64 * MIB + 12 * KIB;
    struct test_frames frames;
    struct builder builder = builder_of(test, &frames);

    physical_window_map(&builder, WINDOW, &machine, phys_addr_of(0), phys_addr_of(3 * GIB),
                        WINDOW_REST_UNMAPPED);
    unsigned level_before = look(&builder, 2 * GIB).level;
    physical_window_cut(&builder, WINDOW, phys_addr_of(boundary));
    CHECK_EQUAL(look(&builder, boundary).level, PAGE_4K);
    CHECK_EQUAL(look(&builder, boundary - 1).level, PAGE_4K);
    CHECK_EQUAL(look(&builder, GIB).level, PAGE_2M);
    CHECK_EQUAL(look(&builder, 2 * GIB).level, level_before);
    for (uint64_t at = GIB; at < 2 * GIB; at += MIB + 4 * KIB) {
        CHECK_EQUAL(look(&builder, at).result, TRANSLATE_OK);
        CHECK_EQUAL(look(&builder, at).address.value, at);
    }
    unsigned in_use = frames.in_use;
    physical_window_cut(&builder, WINDOW, phys_addr_of(boundary));
    physical_window_cut(&builder, WINDOW, phys_addr_of(2 * GIB));
    physical_window_cut(&builder, WINDOW, phys_addr_of(3 * GIB + 4 * KIB)); /* not mapped */
    CHECK_EQUAL(frames.in_use, in_use);
}

/* Where neither end is aligned, an end takes a table of each of the two lower levels. */
TEST(physical_window, costs_at_most_four_tables_for_the_ends_of_a_region)
{
    static struct memory_map scattered;
    struct kernel *kernel = test->subject;
    struct test_frames frames;
    struct builder builder = builder_of(test, &frames);
    unsigned upper = kernel->page_table.levels - 2; /* the tables above level 2, root included */

    scattered.region_count = SCATTERED_REGIONS;
    for (unsigned i = 0; i < SCATTERED_REGIONS; i++) {
        uint64_t start = i * 4 * GIB + 4 * MIB + 4 * KIB;
        scattered.regions[i] = (struct memory_region){
            phys_addr_of(start), phys_addr_of(start + 2 * MIB + GIB), MEMORY_USABLE};
    }
    physical_window_map(&builder, WINDOW, &scattered, phys_addr_of(0),
                        memory_map_ram_end(&scattered), WINDOW_REST_UNMAPPED);
    CHECK_AT_MOST(frames.in_use, upper + 4 * SCATTERED_REGIONS);
    CHECK_EQUAL(look(&builder, 4 * MIB).result, TRANSLATE_NOT_MAPPED);
    CHECK_EQUAL(look(&builder, 4 * MIB + 4 * KIB).result, TRANSLATE_OK);
}
