/* Maps of as many regions as there is room for, and of more. */
#include "tests/host/memory_map_model.h"

#include "testing/test.h"

#include <string.h>

static struct memory_map map;
static struct memory_map_model model;

static void begin(void)
{
    memset(&map, 0, sizeof map);
    memory_map_model_begin(&model);
}

static void add(uint64_t start, uint64_t length_bytes, enum memory_type type)
{
    memory_map_add(&map, start, length_bytes, type);
    memory_map_model_add(&model, start, length_bytes, type);
}

static void check_model(struct test *test, bool usable_first)
{
    REQUIRE_TEXT_EQUAL(memory_map_model_compare(&model, &map, usable_first), "");
}

/* The numbers of regions that are tried: N, N + 1, 2N, and 4 times what a map has room for. */
struct count_row {
    const char *name;
    uint64_t count;
};

static const struct count_row counts[] = {
    {"257", 257},
    {"312", 312},
    {"n", MEMORY_MAP_CAPACITY},
    {"n_and_1", MEMORY_MAP_CAPACITY + 1},
    {"2n", 2 * MEMORY_MAP_CAPACITY},
    {"4096", 4096},
};

/* Region i of a row of regions without gaps, which are usable and reserved by turns. The usable
 * ones have one page and two pages by turns. */
static uint64_t pages_of(uint64_t i)
{
    return i % 2 == 0 ? 1 + i / 2 % 2 : 1;
}

TEST_EACH(memory_map_capacity, keeps_reserved_memory_and_the_largest_usable_regions, counts)
{
    uint64_t usable_pages = 0;
    uint64_t single_pages = 0;
    uint64_t start;

    begin();
    for (unsigned pass = 0; pass < 2; pass++) {
        start = 0;
        for (uint64_t i = 0; i < row->count; i++) {
            if (i % 2 == pass) {
                add(start, pages_of(i) * 4096, pass == 0 ? MEMORY_USABLE : MEMORY_RESERVED);
                usable_pages += pass == 0 ? pages_of(i) : 0;
                single_pages += pass == 0 && pages_of(i) == 1 ? 1 : 0;
            }
            start += pages_of(i) * 4096;
        }
    }
    check_model(test, true);
    CHECK_EQUAL(memory_map_bytes(&map, MEMORY_USABLE) + map.dropped_bytes, usable_pages * 4096);
    if (row->count <= MEMORY_MAP_CAPACITY) {
        CHECK_EQUAL(map.region_count, row->count);
        CHECK_EQUAL(map.dropped_count, 0);
        return;
    }
    /* Without a usable region between them two reserved ones become one, so that half as many are
     * dropped as there are too many; and single pages before others. */
    uint64_t dropped_doubles =
        map.dropped_count > single_pages ? map.dropped_count - single_pages : 0;
    CHECK_AT_LEAST(map.region_count, MEMORY_MAP_CAPACITY - 1);
    CHECK_AT_MOST(map.dropped_count, (row->count - MEMORY_MAP_CAPACITY) / 2 + 1);
    CHECK_EQUAL(map.dropped_bytes, (map.dropped_count + dropped_doubles) * 4096);
}

/* Nothing usable is lost where reserved regions alone are too many. */
TEST_EACH(memory_map_capacity, makes_one_region_of_reserved_neighbours_before_it_drops_any, counts)
{
    begin();
    add(row->count * 4096, 4096, MEMORY_USABLE);
    for (uint64_t i = 0; i < row->count; i++) {
        add(i * 4096, 4096, i % 2 == 0 ? MEMORY_RESERVED : MEMORY_ACPI_NVS);
    }
    check_model(test, true);
    CHECK_EQUAL(map.dropped_count, 0);
    CHECK_EQUAL(memory_map_bytes(&map, MEMORY_USABLE), 4096);
}

/* What the kernel says of a map that is full already: its image, page 0, its page tables. */
TEST_EACH(memory_map_capacity, always_has_room_for_the_kernels_own, counts)
{
    uint64_t image = row->count * 4096;

    begin();
    add(image - 4096, 64 * 4096, MEMORY_USABLE);
    for (uint64_t i = 0; i < row->count; i += 2) {
        add(i * 4096, 4096, MEMORY_USABLE);
    }
    for (uint64_t i = 1; i < row->count; i += 2) {
        add(i * 4096, 4096, MEMORY_RESERVED);
    }
    add(0, 4096, MEMORY_RESERVED);
    add(image + 4096, 8 * 4096, MEMORY_KERNEL);
    add(image + 9 * 4096, 2 * 4096, MEMORY_BOOT_INFO);
    add(image + 11 * 4096, 3 * 4096, MEMORY_KERNEL);
    check_model(test, true);
    CHECK_EQUAL(memory_map_bytes(&map, MEMORY_KERNEL), 11 * 4096);
    CHECK_EQUAL(memory_map_bytes(&map, MEMORY_BOOT_INFO), 2 * 4096);
    uint64_t usable_bytes = memory_map_bytes(&map, MEMORY_USABLE);
    uint64_t dropped_bytes = map.dropped_bytes;
    memory_map_claim_below(&map, phys_addr_of(image + 20 * 4096), MEMORY_PAGE_TABLES);
    memory_map_model_claim_below(&model, image + 20 * 4096, MEMORY_PAGE_TABLES);
    check_model(test, false);
    CHECK_EQUAL(memory_map_bytes(&map, MEMORY_USABLE) + memory_map_bytes(&map, MEMORY_PAGE_TABLES) +
                    map.dropped_bytes,
                usable_bytes + dropped_bytes);
    CHECK_EQUAL(memory_map_bytes(&map, MEMORY_KERNEL), 11 * 4096);
}

TEST_EACH(memory_map_capacity, lists_every_usable_region_as_a_range, counts)
{
    static struct frame_range ranges[MEMORY_MAP_CAPACITY];
    uint64_t bytes = 0;

    begin();
    for (uint64_t i = 0; i < row->count; i++) {
        memory_map_add(&map, i * 0x2000, 0x1000, MEMORY_USABLE);
    }
    size_t count = memory_map_usable_ranges(&map, ranges);
    for (size_t i = 0; i < count; i++) {
        bytes += ranges[i].frame_count * 4096;
    }
    CHECK_EQUAL(count, row->count < MEMORY_MAP_CAPACITY ? row->count : MEMORY_MAP_CAPACITY);
    CHECK_EQUAL(bytes, memory_map_bytes(&map, MEMORY_USABLE));
    CHECK_EQUAL(map.dropped_count, row->count - count);
}

enum { RANDOM_MAPS = 6, RANDOM_REGIONS = 4096 };

/* Regions of any bytes and types, first few and then too many; those of the first maps are added
 * usable ones first, as the parsers do. */
TEST(memory_map_capacity, agrees_with_a_model_on_random_regions, .tags = "random")
{
    for (unsigned round = 0; round < RANDOM_MAPS; round++) {
        bool usable_first = round < RANDOM_MAPS / 2;
        struct random random = test_random(test, round);

        begin();
        for (unsigned i = 0; i < RANDOM_REGIONS; i++) {
            uint64_t start = (uint64_t)random_below(&random, MODEL_PAGES * 4096);
            uint64_t length = random_below(&random, 3) == 0 ? random_below(&random, 4 * 4096)
                                                            : random_below(&random, 2 * 4096);
            enum memory_type type =
                usable_first && i < RANDOM_REGIONS / 2
                    ? MEMORY_USABLE
                    : (enum memory_type)random_below(&random, MEMORY_TYPE_COUNT);

            if (usable_first && i >= RANDOM_REGIONS / 2 && type == MEMORY_USABLE) {
                type = MEMORY_RESERVED;
            }
            if (start + length <= MODEL_PAGES * 4096) {
                add(start, length, type);
            }
            if (i % 512 == 0) {
                check_model(test, usable_first);
            }
        }
        check_model(test, usable_first);
    }
}
