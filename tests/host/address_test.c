/* Addresses: canonical or not, indices, and where recursive tables appear. */
#include "mm/table_access.h"

#include "testing/test.h"

TEST(virt_addr, is_canonical_when_the_upper_bits_copy_the_highest_translated_one)
{
    static const struct {
        uint64_t value;
        bool with_4_levels;
        bool with_5_levels;
    } cases[] = {
        {0, true, true},
        {UINT64_C(0x00007fffffffffff), true, true},
        {UINT64_C(0x0000800000000000), false, true},
        {UINT64_C(0x00ffffffffffffff), false, true},
        {UINT64_C(0x0100000000000000), false, false},
        {UINT64_C(0xfeffffffffffffff), false, false},
        {UINT64_C(0xff00000000000000), false, true},
        {UINT64_C(0xffff7fffffffffff), false, true},
        {UINT64_C(0xffff800000000000), true, true},
        {UINT64_MAX, true, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        virt_addr address = virt_addr_of(cases[i].value);
        CHECK_EQUAL(virt_addr_is_canonical(address, 4), cases[i].with_4_levels);
        CHECK_EQUAL(virt_addr_is_canonical(address, 5), cases[i].with_5_levels);
        CHECK_EQUAL(virt_addr_try_new(cases[i].value, 4, &address), cases[i].with_4_levels);
        CHECK(virt_addr_is_canonical(virt_addr_new_truncate(cases[i].value, 4), 4));
    }
}

TEST(phys_addr, has_no_more_bits_than_the_cpu)
{
    phys_addr address = phys_addr_of(7);

    CHECK(phys_addr_try_new((UINT64_C(1) << 40) - 1, 40, &address));
    CHECK_EQUAL(address.value, (UINT64_C(1) << 40) - 1);
    CHECK(!phys_addr_try_new(UINT64_C(1) << 40, 40, &address));
    CHECK_EQUAL(address.value, (UINT64_C(1) << 40) - 1);
    CHECK(phys_addr_try_new((UINT64_C(1) << 52) - 1, 52, &address));
}

TEST(virt_addr, has_an_index_of_nine_bits_per_level)
{
    virt_addr address = virt_addr_of(UINT64_C(0x803fe02123));

    CHECK_EQUAL(virt_addr_index(address, 4), 1);
    CHECK_EQUAL(virt_addr_index(address, 3), 0);
    CHECK_EQUAL(virt_addr_index(address, 2), 511);
    CHECK_EQUAL(virt_addr_index(address, 1), 2);
    for (unsigned level = 1; level <= 5; level++) {
        CHECK_EQUAL(virt_addr_index(virt_addr_of(UINT64_MAX), level), 511);
        CHECK_EQUAL(virt_addr_index(virt_addr_of(level_bytes(level)), level), 1);
    }
}

/* Why 12: a page has 4096 = 2^12 bytes, and each needs an address. Why 9: a table fills a page with
 * entries of 8 bytes, which makes 512 = 2^9 of them. */
TEST(virt_addr, is_four_indices_of_9_bits_and_an_offset_of_12)
{
    const uint64_t boundaries[] = {0,       1 << 12,           1 << 21,
                                   1 << 30, UINT64_C(1) << 39, UINT64_C(1) << 47};

    CHECK_EQUAL(sizeof(struct page_entry) * TABLE_ENTRY_COUNT, page_size_bytes(PAGE_4K));
    CHECK_EQUAL(page_size_bytes(PAGE_4K), 1 << 12);
    CHECK_EQUAL(TABLE_ENTRY_COUNT, 1 << 9);
    CHECK_EQUAL(level_bytes(4) * TABLE_ENTRY_COUNT, UINT64_C(1) << (9 + 9 + 9 + 9 + 12));
    for (size_t i = 0; i < sizeof boundaries / sizeof boundaries[0]; i++) {
        for (uint64_t step = 0; step < 3; step++) {
            uint64_t value = (boundaries[i] + step - 1) & ((UINT64_C(1) << 48) - 1);
            virt_addr address = virt_addr_new_truncate(value, 4);
            uint64_t joined = address.value & 0xfff;

            for (unsigned level = 1; level <= 4; level++) {
                CHECK_LESS(virt_addr_index(address, level), 512);
                joined += (uint64_t)virt_addr_index(address, level) << (12 + 9 * (level - 1));
            }
            CHECK_EQUAL(joined, value);
        }
    }
}

TEST(align, rounds_at_the_ends_of_the_address_space)
{
    CHECK_EQUAL(align_down(UINT64_MAX, 4096), UINT64_MAX - 4095);
    CHECK_EQUAL(align_up(UINT64_MAX, 4096), 0);
    CHECK_EQUAL(align_up(0, 4096), 0);
    CHECK_EQUAL(align_up(1, 4096), 4096);
    CHECK(is_aligned(0, 4096) && !is_aligned(1, 4096));
}

/* The index blocks of `address` moved down by `level`, with the slot in front: the definition. */
static uint64_t shifted(unsigned slot, unsigned levels, uint64_t address, unsigned level)
{
    unsigned index[6] = {0};
    uint64_t result = 0;

    for (unsigned i = 1; i <= levels; i++) {
        unsigned from = i + level;
        index[i] = from > levels ? slot : (unsigned)(address >> (12 + 9 * (from - 1))) & 511;
    }
    for (unsigned i = 1; i <= levels; i++) {
        result |= (uint64_t)index[i] << (12 + 9 * (i - 1));
    }
    if (index[levels] >= 256) {
        result |= ~UINT64_C(0) << (12 + 9 * levels);
    }
    return result;
}

TEST(recursive_table_address, moves_each_index_block_down_once_per_level)
{
    static const unsigned slots[] = {0, 1, 255, 256, 510, 511};
    static const uint64_t addresses[] = {0, UINT64_C(0x803fe02123), UINT64_C(0xdeadbeaf000),
                                         UINT64_C(0xffffffff80201234), UINT64_MAX};

    for (size_t s = 0; s < sizeof slots / sizeof slots[0]; s++) {
        for (size_t a = 0; a < sizeof addresses / sizeof addresses[0]; a++) {
            for (unsigned levels = 4; levels <= 5; levels++) {
                for (unsigned level = 1; level <= levels; level++) {
                    CHECK_EQUAL(recursive_table_address(slots[s], levels,
                                                        virt_addr_of(addresses[a]), level)
                                    .value,
                                shifted(slots[s], levels, addresses[a], level));
                }
            }
        }
    }
    /* In octal, three digits a level: 0o177777_777_777_777_777_0000 for R = 0o777. */
    CHECK_EQUAL(recursive_table_address(0777, 4, virt_addr_of(0), 4).value,
                01777777777777777770000UL);
}

/* Where the entry of `level` is that translates the page with the indices 1, 2, 3, 4. */
static uint64_t entry_address(unsigned slot, unsigned level)
{
    virt_addr page = virt_addr_of(0001002003004UL << PAGE_SHIFT);

    return recursive_table_address(slot, 4, page, level).value + 8 * virt_addr_index(page, level);
}

/* 0o_SSSSSS_RRR_RRR_RRR_RRR_AAAA and so on, for the page 0o_001_002_003_004. */
TEST(recursive_table_address, gives_the_rows_of_the_tutorials_table_in_octal)
{
    static const struct {
        unsigned slot;
        uint64_t entries[4]; /* of levels 1..4 */
    } rows[] = {
        {0777,
         {01777777770010020030040, 01777777777770010020030, 01777777777777770010020,
          01777777777777777770010}},
        {0776,
         {01777777760010020030040, 01777777767760010020030, 01777777767767760010020,
          01777777767767767760010}},
        {0400,
         {01777774000010020030040, 01777774004000010020030, 01777774004004000010020,
          01777774004004004000010}},
        {0377,
         {03770010020030040, 03773770010020030, 03773773770010020, 03773773773770010}},
        {0000, {010020030040, 010020030, 010020, 010}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (unsigned level = 1; level <= 4; level++) {
            CHECK_EQUAL(entry_address(rows[i].slot, level), rows[i].entries[level - 1]);
        }
    }
}

TEST(recursive_table_address, has_the_sign_of_the_slots_top_bit_where_the_tutorials_has_ones)
{
    static const unsigned slots[] = {0, 1, 255, 256, 510, 511};

    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
        for (unsigned level = 1; level <= 4; level++) {
            uint64_t address = entry_address(slots[i], level);
            uint64_t with_ones = address | UINT64_C(0177777) << 48;

            CHECK_EQUAL(address >> 48, slots[i] < 256 ? 0 : 0177777);
            CHECK_EQUAL(address >> 39 & 0777, slots[i]);
            CHECK(virt_addr_is_canonical(virt_addr_of(address), 4));
            CHECK_EQUAL(virt_addr_is_canonical(virt_addr_of(with_ones), 4), slots[i] >= 256);
        }
    }
}

/* Without its last three bits, the address moved right by a block per level is the entry's. */
TEST(recursive_table_address, is_any_address_moved_right_block_by_block_behind_the_slot,
     .tags = "random")
{
    struct random random = test_random(test, 0);

    for (unsigned round = 0; round < 10000; round++) {
        unsigned levels = 4 + random_below(&random, 2);
        unsigned slot = random_below(&random, 512);
        virt_addr address = virt_addr_new_truncate(random_next(&random), levels);
        uint64_t moved = address.value << (64 - 12 - 9 * levels) >> (64 - 12 - 9 * levels);

        for (unsigned level = 1; level <= levels; level++) {
            moved = moved >> 9 | (uint64_t)slot << (12 + 9 * (levels - 1));
            uint64_t sign = slot < 256 ? 0 : ~UINT64_C(0) << (12 + 9 * levels);
            REQUIRE_EQUAL(recursive_table_address(slot, levels, address, level).value +
                              8 * virt_addr_index(address, level),
                          (moved & ~UINT64_C(7)) | sign);
        }
    }
}
