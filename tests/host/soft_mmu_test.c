/* The judge before the court: the software MMU and its caches against tables written by hand. */
#include "tests/host/soft_mmu.h"

#include "testing/test.h"
#include "tests/host/soft_tlb.h"

#include <string.h>

enum { FRAMES = 8, RAM_BYTES = FRAMES * 4096 };

/* Memory at 1 MiB: the root in frame 0, a table of each lower level behind it. */
struct machine {
    uint8_t ram[RAM_BYTES];
    struct soft_mmu mmu;
    struct soft_tlb tlb;
};

#define RAM_START UINT64_C(0x100000)

static uint64_t table_at(unsigned frame)
{
    return RAM_START + frame * UINT64_C(0x1000);
}

/* Tables for indices 1 (and 1 at level 5), 2, 3, 4 from the root down; the leaf is absent. */
static struct machine *make_machine(unsigned levels)
{
    static struct machine machine;

    memset(&machine, 0, sizeof machine);
    machine.mmu = (struct soft_mmu){
        .ram = machine.ram,
        .ram_start = RAM_START,
        .ram_bytes = RAM_BYTES,
        .root = table_at(0),
        .levels = levels,
        .physical_bits = 40,
        .no_execute = true,
        .pages_1g = true,
    };
    soft_tlb_init(&machine.tlb, true);
    for (unsigned level = levels; level > 1; level--) {
        unsigned frame = levels - level;
        unsigned index = level >= 4 ? 1 : 5 - level;

        soft_mmu_write(&machine.mmu, table_at(frame) + 8 * index, table_at(frame + 1) | 7);
    }
    return &machine;
}

/* Where the entry of `level` is. */
static uint64_t entry_at(const struct machine *machine, unsigned level)
{
    unsigned index = level >= 4 ? 1 : 5 - level;

    return table_at(machine->mmu.levels - level) + 8 * index;
}

static uint64_t address_in(unsigned levels)
{
    uint64_t address = UINT64_C(0x8080604abc); /* indices 1, 2, 3, 4 */

    return levels == 5 ? address | UINT64_C(1) << 48 : address;
}

TEST(soft_mmu, walks_four_and_five_levels_to_pages_of_each_size)
{
    for (unsigned levels = 4; levels <= 5; levels++) {
        struct machine *machine = make_machine(levels);
        uint64_t address = address_in(levels);
        struct soft_walk walk = soft_mmu_walk(&machine->mmu, address);

        CHECK_EQUAL(walk.fault, SOFT_NOT_PRESENT);
        CHECK_EQUAL(walk.level, 1);
        soft_mmu_write(&machine->mmu, entry_at(machine, 1), 0xabcdef003);
        walk = soft_mmu_walk(&machine->mmu, address);
        CHECK_EQUAL(walk.fault, SOFT_TRANSLATED);
        CHECK_EQUAL(walk.physical, 0xabcdefabc);
        CHECK_EQUAL(walk.step_count, levels);
        CHECK_EQUAL(walk.steps[levels - 1].at, entry_at(machine, 1));
        CHECK(walk.writable && !walk.user && !walk.no_execute);
        soft_mmu_write(&machine->mmu, entry_at(machine, 2), 0xabce00085 | MMU_XD);
        walk = soft_mmu_walk(&machine->mmu, address);
        CHECK_EQUAL(walk.level, 2);
        CHECK_EQUAL(walk.physical, 0xabce04abc);
        CHECK(!walk.writable && walk.user && walk.no_execute);
        soft_mmu_write(&machine->mmu, entry_at(machine, 3), 0xac0001087); /* with PAT */
        walk = soft_mmu_walk(&machine->mmu, address);
        CHECK_EQUAL(walk.level, 3);
        CHECK_EQUAL(walk.physical, 0xac0604abc);
        CHECK(walk.writable && walk.user && !walk.no_execute);
    }
}

TEST(soft_mmu, knows_the_reserved_bits_of_each_entry)
{
    static const struct {
        unsigned level;
        uint64_t entry;
        bool no_execute;
        bool pages_1g;
        bool reserved;
    } cases[] = {
        {1, 0x3 | UINT64_C(1) << 40, true, true, true},
        {1, 0x3 | UINT64_C(1) << 51, true, true, true},
        {1, 0x3 | UINT64_C(1) << 39, true, true, false},
        {1, 0x3 | UINT64_C(1) << 52, true, true, false},
        {1, 0x3 | UINT64_C(0x7ff) << 52, true, true, false},
        {1, 0x3 | MMU_XD, true, true, false},
        {1, 0x3 | MMU_XD, false, true, true},
        {1, 0xfff, true, true, false},
        {2, 0x83 | 0x2000, true, true, true},
        {2, 0x83 | 0x100000, true, true, true},
        {2, 0x83 | 0x1000, true, true, false},
        {2, 0x83 | 0x200000, true, true, false},
        {3, 0x83 | 0x2000, true, true, true},
        {3, 0x83 | 0x20000000, true, true, true},
        {3, 0x83 | 0x1000, true, true, false},
        {3, 0x83, true, false, true},
        {4, 0x83, true, true, true},
        {4, RAM_START | 0x3 | MMU_XD, false, true, true},
        {5, 0x83, true, true, true},
        {5, UINT64_C(1) << 45 | 0x3, true, true, true},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct machine *machine = make_machine(5);
        struct soft_survey survey = {.hidden = NULL};
        struct soft_walk walk;

        machine->mmu.no_execute = cases[i].no_execute;
        machine->mmu.pages_1g = cases[i].pages_1g;
        soft_mmu_write(&machine->mmu, entry_at(machine, cases[i].level), cases[i].entry);
        walk = soft_mmu_walk(&machine->mmu, address_in(5));
        CHECK_EQUAL(walk.fault == SOFT_RESERVED_BIT, cases[i].reserved);
        soft_mmu_survey(&machine->mmu, &survey);
        CHECK_EQUAL(survey.flaw != NULL, cases[i].reserved);
    }
}

TEST(soft_mmu, refuses_addresses_that_are_not_canonical_and_tables_outside_memory)
{
    struct machine *machine = make_machine(4);

    CHECK_EQUAL(soft_mmu_walk(&machine->mmu, UINT64_C(1) << 47).fault, SOFT_NOT_CANONICAL);
    CHECK_EQUAL(soft_mmu_walk(&machine->mmu, UINT64_C(0xffff7fffffffffff)).fault,
                SOFT_NOT_CANONICAL);
    CHECK_EQUAL(soft_mmu_walk(&machine->mmu, UINT64_C(0xffff800000000000)).fault, SOFT_NOT_PRESENT);
    soft_mmu_write(&machine->mmu, entry_at(machine, 3), 0x3);
    CHECK_EQUAL(soft_mmu_walk(&machine->mmu, address_in(4)).fault, SOFT_OUTSIDE_RAM);
    soft_mmu_write(&machine->mmu, entry_at(machine, 3), (RAM_START + RAM_BYTES) | 0x3);
    CHECK_EQUAL(soft_mmu_walk(&machine->mmu, address_in(4)).fault, SOFT_OUTSIDE_RAM);
    machine = make_machine(5);
    CHECK_EQUAL(soft_mmu_walk(&machine->mmu, UINT64_C(1) << 47).fault, SOFT_NOT_PRESENT);
    CHECK_EQUAL(soft_mmu_walk(&machine->mmu, UINT64_C(1) << 56).fault, SOFT_NOT_CANONICAL);
}

TEST(soft_mmu, finds_a_table_that_is_reached_twice)
{
    struct machine *machine = make_machine(4);
    struct soft_survey survey = {.hidden = NULL};

    soft_mmu_survey(&machine->mmu, &survey);
    CHECK(survey.flaw == NULL);
    CHECK_EQUAL(survey.table_count, 3);
    soft_mmu_write(&machine->mmu, table_at(0) + 8 * 510, table_at(0) | 3);
    soft_mmu_survey(&machine->mmu, &survey);
    CHECK(survey.flaw == NULL);
    CHECK_EQUAL(survey.table_count, 3);
    soft_mmu_write(&machine->mmu, table_at(1) + 8 * 7, table_at(2) | 3);
    soft_mmu_survey(&machine->mmu, &survey);
    CHECK(survey.flaw != NULL);
    soft_mmu_write(&machine->mmu, table_at(1) + 8 * 7, table_at(0) | 3);
    soft_mmu_survey(&machine->mmu, &survey);
    CHECK(survey.flaw != NULL);
}

TEST(soft_tlb, keeps_what_was_used_until_it_is_flushed)
{
    struct machine *machine = make_machine(4);
    uint64_t address = address_in(4);
    struct soft_access access;

    soft_mmu_write(&machine->mmu, entry_at(machine, 1), 0x5003);
    access = soft_tlb_access(&machine->tlb, &machine->mmu, address, false);
    CHECK_EQUAL(access.fault, SOFT_TRANSLATED);
    CHECK_EQUAL(access.physical, 0x5abc);
    CHECK(!soft_tlb_find_stale(&machine->tlb, &machine->mmu, UINT64_MAX).found);
    soft_mmu_write(&machine->mmu, entry_at(machine, 1), 0x6003);
    CHECK_EQUAL(soft_tlb_access(&machine->tlb, &machine->mmu, address, false).physical, 0x5abc);
    CHECK(soft_tlb_find_stale(&machine->tlb, &machine->mmu, UINT64_MAX).found);
    CHECK(soft_tlb_find_stale(&machine->tlb, &machine->mmu, 0x5000).found);
    CHECK(!soft_tlb_find_stale(&machine->tlb, &machine->mmu, 0x6000).found);
    soft_tlb_flush_page(&machine->tlb, &machine->mmu, address ^ 0x1000);
    CHECK_EQUAL(soft_tlb_access(&machine->tlb, &machine->mmu, address, false).physical, 0x5abc);
    soft_tlb_flush_page(&machine->tlb, &machine->mmu, address);
    CHECK(!soft_tlb_find_stale(&machine->tlb, &machine->mmu, UINT64_MAX).found);
    CHECK_EQUAL(soft_tlb_access(&machine->tlb, &machine->mmu, address, false).physical, 0x6abc);
}

TEST(soft_tlb, remembers_the_tables_on_the_way)
{
    struct machine *machine = make_machine(4);
    uint64_t address = address_in(4);

    soft_mmu_write(&machine->mmu, entry_at(machine, 1), 0x5003);
    soft_mmu_write(&machine->mmu, entry_at(machine, 1) + 8, 0x6003);
    (void)soft_tlb_access(&machine->tlb, &machine->mmu, address, false);
    soft_mmu_write(&machine->mmu, entry_at(machine, 3), 0);
    CHECK_EQUAL(soft_tlb_access(&machine->tlb, &machine->mmu, address + 0x1000, false).physical,
                0x6abc);
    CHECK(soft_tlb_find_stale(&machine->tlb, &machine->mmu, table_at(2)).found);
    CHECK(soft_tlb_find_stale(&machine->tlb, &machine->mmu, table_at(2)).is_table);
    soft_tlb_flush_page(&machine->tlb, &machine->mmu, address);
    CHECK(!soft_tlb_find_stale(&machine->tlb, &machine->mmu, table_at(2)).found);
    CHECK_EQUAL(soft_tlb_access(&machine->tlb, &machine->mmu, address, false).fault,
                SOFT_NOT_PRESENT);
    soft_tlb_flush_all(&machine->tlb);
    CHECK(!soft_tlb_find_stale(&machine->tlb, &machine->mmu, UINT64_MAX).found);
}

TEST(soft_tlb, sets_accessed_and_dirty_and_heeds_write_protection)
{
    struct machine *machine = make_machine(4);
    uint64_t address = address_in(4);

    soft_mmu_write(&machine->mmu, entry_at(machine, 1), 0x5001);
    CHECK(soft_tlb_access(&machine->tlb, &machine->mmu, address, true).protected);
    CHECK_EQUAL(soft_mmu_read(&machine->mmu, entry_at(machine, 1)), 0x5001);
    soft_mmu_write(&machine->mmu, entry_at(machine, 1), 0x5003);
    CHECK(!soft_tlb_access(&machine->tlb, &machine->mmu, address, false).protected);
    CHECK_EQUAL(soft_mmu_read(&machine->mmu, entry_at(machine, 1)), 0x5023);
    CHECK_EQUAL(soft_mmu_read(&machine->mmu, entry_at(machine, 4)), table_at(1) | 0x27);
    CHECK(!soft_tlb_access(&machine->tlb, &machine->mmu, address, true).protected);
    CHECK_EQUAL(soft_mmu_read(&machine->mmu, entry_at(machine, 1)), 0x5063);
    soft_mmu_write(&machine->mmu, entry_at(machine, 1), 0x5003);
    CHECK(soft_tlb_find_stale(&machine->tlb, &machine->mmu, UINT64_MAX).found);
}

TEST(soft_tlb, drops_a_huge_page_at_once_but_not_when_it_was_split_in_the_meantime)
{
    struct machine *machine = make_machine(4);
    uint64_t page = address_in(4) & ~UINT64_C(0x1fffff);
    uint64_t level_1 = soft_mmu_read(&machine->mmu, entry_at(machine, 2));

    for (unsigned split = 0; split < 2; split++) {
        soft_mmu_write(&machine->mmu, entry_at(machine, 2), 0x40000083);
        (void)soft_tlb_access(&machine->tlb, &machine->mmu, page, false);
        (void)soft_tlb_access(&machine->tlb, &machine->mmu, page + 0x5000, false);
        for (unsigned i = 0; i < 512; i++) {
            soft_mmu_write(&machine->mmu, table_at(3) + 8 * i, 0x40000003 + i * 0x1000);
        }
        soft_mmu_write(&machine->mmu, entry_at(machine, 2), split == 1 ? level_1 : 0);
        soft_tlb_flush_page(&machine->tlb, &machine->mmu, page);
        CHECK_EQUAL(soft_tlb_find_stale(&machine->tlb, &machine->mmu, UINT64_MAX).found,
                    split == 1);
        soft_tlb_flush_all(&machine->tlb);
    }
}

TEST(soft_tlb, tells_pcids_apart_and_keeps_global_pages)
{
    struct machine *machine = make_machine(4);
    uint64_t address = address_in(4);
    uint64_t global = address + 0x1000;

    soft_mmu_write(&machine->mmu, entry_at(machine, 1), 0x5003);
    soft_mmu_write(&machine->mmu, entry_at(machine, 1) + 8, 0x6103);
    soft_tlb_switch(&machine->tlb, 1, false);
    (void)soft_tlb_access(&machine->tlb, &machine->mmu, address, false);
    (void)soft_tlb_access(&machine->tlb, &machine->mmu, global, false);
    soft_mmu_write(&machine->mmu, entry_at(machine, 1), 0);
    soft_mmu_write(&machine->mmu, entry_at(machine, 1) + 8, 0);
    soft_tlb_switch(&machine->tlb, 2, false);
    CHECK_EQUAL(soft_tlb_access(&machine->tlb, &machine->mmu, address, false).fault,
                SOFT_NOT_PRESENT);
    CHECK_EQUAL(soft_tlb_access(&machine->tlb, &machine->mmu, global, false).physical, 0x6abc);
    soft_tlb_switch(&machine->tlb, 1, true);
    CHECK_EQUAL(soft_tlb_access(&machine->tlb, &machine->mmu, address, false).physical, 0x5abc);
    soft_tlb_switch(&machine->tlb, 1, false);
    CHECK_EQUAL(soft_tlb_access(&machine->tlb, &machine->mmu, address, false).fault,
                SOFT_NOT_PRESENT);
    CHECK_EQUAL(soft_tlb_access(&machine->tlb, &machine->mmu, global, false).physical, 0x6abc);
    soft_tlb_flush_page(&machine->tlb, &machine->mmu, global);
    CHECK_EQUAL(soft_tlb_access(&machine->tlb, &machine->mmu, global, false).fault,
                SOFT_NOT_PRESENT);
}
