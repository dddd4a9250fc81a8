/* Raw firmware entries of every shape, and the map that comes of them. */
#include "kernel/boot_info/memory_map.h"

#include "testing/test.h"

struct entry {
    uint64_t start;
    uint64_t length_bytes;
    enum memory_type type;
};

static void add_all(struct memory_map *map, const struct entry *entries, size_t count)
{
    map->region_count = 0;
    for (size_t i = 0; i < count; i++) {
        memory_map_add(map, entries[i].start, entries[i].length_bytes, entries[i].type);
    }
}

static void check_region(struct test *test, const struct memory_map *map, size_t index,
                         uint64_t start, uint64_t end, enum memory_type type)
{
    REQUIRE(index < map->region_count);
    CHECK_EQUAL(map->regions[index].start.value, start);
    CHECK_EQUAL(map->regions[index].end.value, end);
    CHECK_EQUAL(map->regions[index].type, type);
}

TEST(memory_map, sorts_what_comes_out_of_order)
{
    static const struct entry entries[] = {
        {0x8000, 0x1000, MEMORY_USABLE},
        {0x1000, 0x1000, MEMORY_RESERVED},
        {0x4000, 0x2000, MEMORY_USABLE},
    };
    struct memory_map map;

    add_all(&map, entries, 3);
    REQUIRE_EQUAL(map.region_count, 3);
    check_region(test, &map, 0, 0x1000, 0x2000, MEMORY_RESERVED);
    check_region(test, &map, 1, 0x4000, 0x6000, MEMORY_USABLE);
    check_region(test, &map, 2, 0x8000, 0x9000, MEMORY_USABLE);
}

TEST(memory_map, joins_regions_of_one_type_that_touch)
{
    static const struct entry entries[] = {
        {0x1000, 0x1000, MEMORY_USABLE},
        {0x3000, 0x1000, MEMORY_USABLE},
        {0x2000, 0x1000, MEMORY_USABLE},
    };
    struct memory_map map;

    add_all(&map, entries, 3);
    REQUIRE_EQUAL(map.region_count, 1);
    check_region(test, &map, 0, 0x1000, 0x4000, MEMORY_USABLE);
}

TEST(memory_map, shrinks_usable_memory_to_whole_pages_and_grows_the_rest)
{
    static const struct entry entries[] = {
        {0x1001, 0x3fff, MEMORY_USABLE},
        {0x9001, 0x10, MEMORY_ACPI_NVS},
        {0xb800, 0x0fff, MEMORY_USABLE},
    };
    struct memory_map map;

    add_all(&map, entries, 3);
    REQUIRE_EQUAL(map.region_count, 2);
    check_region(test, &map, 0, 0x2000, 0x5000, MEMORY_USABLE);
    check_region(test, &map, 1, 0x9000, 0xa000, MEMORY_ACPI_NVS);
}

TEST(memory_map, lets_the_less_available_of_two_claims_win)
{
    static const struct entry entries[] = {
        {0x0000, 0x10000, MEMORY_USABLE},
        {0x4000, 0x2000, MEMORY_RESERVED},
        {0x3000, 0x2000, MEMORY_USABLE},
        {0xf000, 0x2000, MEMORY_BAD},
    };
    struct memory_map map;

    add_all(&map, entries, 4);
    REQUIRE_EQUAL(map.region_count, 4);
    check_region(test, &map, 0, 0x0000, 0x4000, MEMORY_USABLE);
    check_region(test, &map, 1, 0x4000, 0x6000, MEMORY_RESERVED);
    check_region(test, &map, 2, 0x6000, 0xf000, MEMORY_USABLE);
    check_region(test, &map, 3, 0xf000, 0x11000, MEMORY_BAD);
}

TEST(memory_map, fills_the_gaps_that_a_long_region_spans)
{
    static const struct entry entries[] = {
        {0x2000, 0x1000, MEMORY_KERNEL},
        {0x5000, 0x1000, MEMORY_RESERVED},
        {0x1000, 0x8000, MEMORY_USABLE},
    };
    struct memory_map map;

    add_all(&map, entries, 3);
    REQUIRE_EQUAL(map.region_count, 5);
    check_region(test, &map, 0, 0x1000, 0x2000, MEMORY_USABLE);
    check_region(test, &map, 1, 0x2000, 0x3000, MEMORY_KERNEL);
    check_region(test, &map, 2, 0x3000, 0x5000, MEMORY_USABLE);
    check_region(test, &map, 3, 0x5000, 0x6000, MEMORY_RESERVED);
    check_region(test, &map, 4, 0x6000, 0x9000, MEMORY_USABLE);
}

TEST(memory_map, leaves_out_what_is_empty_or_beyond_the_physical_address_space)
{
    static const struct entry entries[] = {
        {0x1000, 0, MEMORY_USABLE},
        {UINT64_C(1) << 52, 0x1000, MEMORY_USABLE},
        {UINT64_MAX, UINT64_MAX, MEMORY_RESERVED},
        {0x1fff, 0x1000, MEMORY_USABLE},
    };
    struct memory_map map;

    add_all(&map, entries, 4);
    CHECK_EQUAL(map.region_count, 0);
}

TEST(memory_map, cuts_a_region_whose_end_wraps_at_the_end_of_physical_memory)
{
    static const struct entry entries[] = {{0x3000, UINT64_MAX, MEMORY_USABLE}};
    struct memory_map map;

    add_all(&map, entries, 1);
    REQUIRE_EQUAL(map.region_count, 1);
    check_region(test, &map, 0, 0x3000, UINT64_C(1) << 52, MEMORY_USABLE);
}

TEST(memory_map, claims_usable_memory_below_an_address)
{
    static const struct entry entries[] = {
        {0x1000, 0x2000, MEMORY_USABLE},
        {0x3000, 0x1000, MEMORY_RESERVED},
        {0x4000, 0x4000, MEMORY_USABLE},
    };
    struct memory_map map;

    add_all(&map, entries, 3);
    memory_map_claim_below(&map, phys_addr_of(0x5000), MEMORY_PAGE_TABLES);
    REQUIRE_EQUAL(map.region_count, 4);
    check_region(test, &map, 0, 0x1000, 0x3000, MEMORY_PAGE_TABLES);
    check_region(test, &map, 1, 0x3000, 0x4000, MEMORY_RESERVED);
    check_region(test, &map, 2, 0x4000, 0x5000, MEMORY_PAGE_TABLES);
    check_region(test, &map, 3, 0x5000, 0x8000, MEMORY_USABLE);
    CHECK_EQUAL(memory_map_bytes(&map, MEMORY_PAGE_TABLES), 0x3000);
    CHECK_EQUAL(memory_map_ram_end(&map).value, 0x8000);
}
TEST(memory_map, finds_the_region_or_the_gap_at_an_address)
{
    static const struct entry entries[] = {
        {0x1000, 0x1000, MEMORY_USABLE},
        {0x2000, 0x2000, MEMORY_RESERVED},
        {0x8000, 0x1000, MEMORY_USABLE},
    };
    static const struct {
        uint64_t address;
        struct memory_region found;
    } rows[] = {
        {0, {{0}, {0x1000}, MEMORY_TYPE_COUNT}},
        {0xfff, {{0}, {0x1000}, MEMORY_TYPE_COUNT}},
        {0x1000, {{0x1000}, {0x2000}, MEMORY_USABLE}},
        {0x1fff, {{0x1000}, {0x2000}, MEMORY_USABLE}},
        {0x2000, {{0x2000}, {0x4000}, MEMORY_RESERVED}},
        {0x4000, {{0x4000}, {0x8000}, MEMORY_TYPE_COUNT}},
        {0x8fff, {{0x8000}, {0x9000}, MEMORY_USABLE}},
        {0x9000, {{0x9000}, {UINT64_C(1) << 52}, MEMORY_TYPE_COUNT}},
        {UINT64_MAX, {{0x9000}, {UINT64_C(1) << 52}, MEMORY_TYPE_COUNT}},
    };
    struct memory_map map;
    struct memory_map empty = {.region_count = 0};

    add_all(&map, entries, 3);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct memory_region found = memory_map_at(&map, phys_addr_of(rows[i].address));
        CHECK_EQUAL(found.start.value, rows[i].found.start.value);
        CHECK_EQUAL(found.end.value, rows[i].found.end.value);
        CHECK_EQUAL(found.type, rows[i].found.type);
    }
    CHECK_EQUAL(memory_map_at(&empty, phys_addr_of(0x1000)).end.value, UINT64_C(1) << 52);
    CHECK_EQUAL(memory_map_at(&empty, phys_addr_of(0x1000)).type, MEMORY_TYPE_COUNT);
}
