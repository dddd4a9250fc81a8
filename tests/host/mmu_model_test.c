/* The model of the MMU, against the rules of the manual one by one. */
#include "tests/model/mmu.h"

#include "testing/test.h"
#include "tests/host/world_check.h"
#include "tests/host/world_operations.h"

enum { USER_PAGE = MMU_P | MMU_RW | MMU_US, READ_ONLY = MMU_P | MMU_US, KERNEL_PAGE = MMU_P | MMU_RW };
#define RESERVED (UINT64_C(1) << 51)
#define KEY(number) ((uint64_t)(number) << MMU_KEY_SHIFT)

#define ADDRESS UINT64_C(0x123456789abc)
#define DATA_FRAME UINT64_C(0xabcdef000)

/* The registers, by the first letters: WP, NXE, SMEP, SMAP, PKE, PKS. */
enum { W = 1, N = 2, E = 4, A = 8, U = 16, S = 32 };

static struct mmu_control control_with(unsigned bits)
{
    return (struct mmu_control){
        .levels = 4,
        .physical_bits = 40,
        .pages_1g = true,
        .write_protect = (bits & W) != 0,
        .no_execute = (bits & N) != 0,
        .smep = (bits & E) != 0,
        .smap = (bits & A) != 0,
        .user_keys = (bits & U) != 0,
        .supervisor_keys = (bits & S) != 0,
        .pkru = 0x18, /* key 1 may not write, key 2 not even read */
        .pkrs = 0x1800, /* key 5, key 6 */
    };
}

/* What comes of an access to a 4 KiB page. Upper entries are open but for these bits. */
struct rule {
    const char *name;
    unsigned control;
    uint64_t leaf;
    uint64_t upper; /* XORed to the open level-3 entry */
    enum mmu_access_kind kind;
    bool user;
    bool alignment_check;
    int error; /* of a page fault, or -1 */
};

static const struct rule rules[] = {
    {"user mode reads a user page", 0, USER_PAGE, 0, MMU_READ, true, false, -1},
    {"user mode does not read a supervisor page", 0, KERNEL_PAGE, 0, MMU_READ, true, false, 0x5},
    {"nor below a supervisor table", 0, USER_PAGE, MMU_US, MMU_READ, true, false, 0x5},
    {"user mode does not write a read-only page", 0, READ_ONLY, 0, MMU_WRITE, true, false, 0x7},
    {"nor below a read-only table", 0, USER_PAGE, MMU_RW, MMU_WRITE, true, false, 0x7},
    {"nor modifies it", 0, READ_ONLY, 0, MMU_MODIFY, true, false, 0x7},
    {"supervisor mode writes a read-only page", 0, READ_ONLY, 0, MMU_WRITE, false, false, -1},
    {"but not with WP", W, READ_ONLY, 0, MMU_WRITE, false, false, 0x3},
    {"nor below a read-only table with WP", W, USER_PAGE, MMU_RW, MMU_WRITE, false, false, 0x3},
    {"an absent page", 0, 0, 0, MMU_READ, false, false, 0x0},
    {"an absent page, written by user mode", 0, 0, 0, MMU_WRITE, true, false, 0x6},
    {"an absent table", 0, USER_PAGE, MMU_P, MMU_MODIFY, false, false, 0x2},
    {"an absent page may have reserved bits", 0, RESERVED, 0, MMU_READ, false, false, 0x0},
    {"a reserved bit of the leaf", 0, USER_PAGE | RESERVED, 0, MMU_READ, false, false, 0x9},
    {"a reserved bit of a table", 0, USER_PAGE, RESERVED, MMU_WRITE, true, false, 0xf},
    {"XD is reserved without NXE", 0, USER_PAGE | MMU_XD, 0, MMU_READ, false, false, 0x9},
    {"with NXE, an XD page can be read", N, USER_PAGE | MMU_XD, 0, MMU_READ, true, false, -1},
    {"but not fetched from", N, USER_PAGE | MMU_XD, 0, MMU_FETCH, true, false, 0x15},
    {"not by the supervisor either", N, KERNEL_PAGE | MMU_XD, 0, MMU_FETCH, false, false, 0x11},
    {"nor below an XD table", N, USER_PAGE, MMU_XD, MMU_FETCH, true, false, 0x15},
    {"a fetch is not told without NXE or SMEP", 0, KERNEL_PAGE, 0, MMU_FETCH, true, false, 0x5},
    {"the supervisor fetches from user pages", 0, USER_PAGE, 0, MMU_FETCH, false, false, -1},
    {"but not with SMEP", E, USER_PAGE, 0, MMU_FETCH, false, false, 0x11},
    {"SMEP leaves supervisor pages alone", E, USER_PAGE, MMU_US, MMU_FETCH, false, false, -1},
    {"SMEP leaves user mode alone", E, USER_PAGE, 0, MMU_FETCH, true, false, -1},
    {"SMAP forbids the supervisor to read user pages", A, USER_PAGE, 0, MMU_READ, false, false, 1},
    {"and to write them", A, USER_PAGE, 0, MMU_WRITE, false, false, 0x3},
    {"but with AC", A, USER_PAGE, 0, MMU_WRITE, false, true, -1},
    {"AC does not lift WP", A | W, READ_ONLY, 0, MMU_WRITE, false, true, 0x3},
    {"SMAP does not care for fetches", A, USER_PAGE, 0, MMU_FETCH, false, false, -1},
    {"SMAP leaves supervisor pages alone", A, USER_PAGE, MMU_US, MMU_READ, false, false, -1},
    {"a key that may not write reads", U, USER_PAGE | KEY(1), 0, MMU_READ, true, false, -1},
    {"and does not write", U, USER_PAGE | KEY(1), 0, MMU_WRITE, true, false, 0x27},
    {"the supervisor writes by it", U, USER_PAGE | KEY(1), 0, MMU_WRITE, false, false, -1},
    {"but not with WP", U | W, USER_PAGE | KEY(1), 0, MMU_WRITE, false, false, 0x23},
    {"a key without access reads nothing", U, USER_PAGE | KEY(2), 0, MMU_READ, false, false, 0x21},
    {"a key has four bits", U, USER_PAGE | KEY(10), 0, MMU_READ, true, false, -1},
    {"a key without access fetches", U, USER_PAGE | KEY(2), 0, MMU_FETCH, true, false, -1},
    {"PK is told beside other reasons", U | A, USER_PAGE | KEY(2), 0, MMU_READ, false, false, 0x21},
    {"PKRU is not for supervisor pages", U, KERNEL_PAGE | KEY(2), 0, MMU_READ, false, false, -1},
    {"but PKRS is", S, KERNEL_PAGE | KEY(6), 0, MMU_READ, false, false, 0x21},
    {"and not for user pages", S, USER_PAGE | KEY(6), 0, MMU_READ, true, false, -1},
    {"PKRS denies writes with WP only", S, KERNEL_PAGE | KEY(5), 0, MMU_WRITE, false, false, -1},
    {"namely then", S | W, KERNEL_PAGE | KEY(5), 0, MMU_MODIFY, false, false, 0x23},
    {"keys are ignored bits without PKE", 0, USER_PAGE | KEY(2), 0, MMU_WRITE, true, false, -1},
};

TEST_EACH(mmu_model, follows_each_rule_of_the_manual, rules)
{
    struct mmu_control control = control_with(row->control);
    struct mmu_path path = {{DATA_FRAME | row->leaf, 0x2000 | USER_PAGE,
                             0x3000 | (USER_PAGE ^ row->upper), 0x4000 | USER_PAGE}};
    struct mmu_access access = {ADDRESS, row->kind, row->user, row->alignment_check};
    struct mmu_outcome outcome = mmu_access(&control, &path, &access);

    if (row->error < 0) {
        bool write = row->kind == MMU_WRITE || row->kind == MMU_MODIFY;

        REQUIRE_EQUAL(outcome.result, MMU_ALLOWED);
        CHECK_EQUAL(outcome.physical, DATA_FRAME | (ADDRESS & 0xfff));
        CHECK_EQUAL(outcome.after.entries[0], path.entries[0] | MMU_A | (write ? MMU_D : 0));
        for (unsigned level = 2; level <= 4; level++) {
            CHECK_EQUAL(outcome.after.entries[level - 1], path.entries[level - 1] | MMU_A);
        }
    } else {
        REQUIRE_EQUAL(outcome.result, MMU_PAGE_FAULT);
        CHECK_EQUAL(outcome.error_code, row->error);
        CHECK_EQUAL(outcome.cr2, ADDRESS);
        for (unsigned level = 1; level <= 4; level++) {
            CHECK_EQUAL(outcome.after.entries[level - 1], path.entries[level - 1]);
        }
    }
}

TEST(mmu_model, marks_no_entry_below_the_one_that_stops_the_walk)
{
    struct mmu_control control = control_with(0);
    struct mmu_path path = {{USER_PAGE, USER_PAGE, 0, USER_PAGE}};
    struct mmu_access access = {.address = ADDRESS, .kind = MMU_READ};
    struct mmu_outcome outcome = mmu_access(&control, &path, &access);

    CHECK_EQUAL(outcome.level, 3);
    CHECK_EQUAL(outcome.may_set.entries[3], MMU_A);
    CHECK_EQUAL(outcome.may_set.entries[2] | outcome.may_set.entries[1] |
                    outcome.may_set.entries[0],
                0);
}

TEST(mmu_model, knows_the_reserved_bits_of_each_kind_of_entry)
{
    struct mmu_control control = control_with(N);
    uint64_t high = UINT64_C(0x000fff0000000000); /* bits 51..40 */

    CHECK_EQUAL(mmu_reserved_bits(&control, MMU_PS, 1), high);
    CHECK_EQUAL(mmu_reserved_bits(&control, 0, 2), high);
    CHECK_EQUAL(mmu_reserved_bits(&control, MMU_PS, 2), high | 0x1fe000);
    CHECK_EQUAL(mmu_reserved_bits(&control, 0, 3), high);
    CHECK_EQUAL(mmu_reserved_bits(&control, MMU_PS, 3), high | 0x3fffe000);
    CHECK_EQUAL(mmu_reserved_bits(&control, MMU_PS, 4), high | MMU_PS);
    CHECK_EQUAL(mmu_reserved_bits(&control, 0, 5), high | MMU_PS);
    control.pages_1g = false;
    CHECK_EQUAL(mmu_reserved_bits(&control, MMU_PS, 3), high | MMU_PS);
    control.physical_bits = 52;
    control.no_execute = false;
    CHECK_EQUAL(mmu_reserved_bits(&control, 0, 1), MMU_XD);
}

TEST(mmu_model, translates_through_pages_of_each_size)
{
    struct mmu_control control = control_with(0);
    struct mmu_access access = {.address = ADDRESS, .kind = MMU_READ};
    uint64_t large = MMU_PAT_LARGE | MMU_PS | USER_PAGE;

    for (unsigned level = 1; level <= 3; level++) {
        struct mmu_path path = {{USER_PAGE, USER_PAGE, USER_PAGE, USER_PAGE}};
        uint64_t frame = UINT64_C(0xffc0000000) & ~(mmu_entry_bytes(level) - 1);

        path.entries[level - 1] = frame | (level == 1 ? MMU_PAT | USER_PAGE : large);
        struct mmu_outcome outcome = mmu_access(&control, &path, &access);
        CHECK_EQUAL(outcome.result, MMU_ALLOWED);
        CHECK_EQUAL(outcome.level, level);
        CHECK_EQUAL(outcome.physical, frame + ADDRESS % mmu_entry_bytes(level));
    }
}

TEST(mmu_model, has_a_general_protection_exception_for_addresses_that_are_not_canonical)
{
    static const struct {
        uint64_t address;
        bool canonical_4;
        bool canonical_5;
    } cases[] = {
        {0, true, true},
        {0x00007fffffffffff, true, true},
        {0x0000800000000000, false, true},
        {0xffff7fffffffffff, false, true},
        {0xffff800000000000, true, true},
        {0x00ffffffffffffff, false, true},
        {0x0100000000000000, false, false},
        {0xfeffffffffffffff, false, false},
        {0xff00000000000000, false, true},
        {UINT64_MAX, true, true},
    };
    struct mmu_path path = {{USER_PAGE, USER_PAGE, USER_PAGE, USER_PAGE, USER_PAGE}};

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mmu_access access = {.address = cases[i].address, .kind = MMU_FETCH};
        struct mmu_control control = control_with(0);

        CHECK_EQUAL(mmu_access(&control, &path, &access).result,
                    cases[i].canonical_4 ? MMU_ALLOWED : MMU_GENERAL_PROTECTION);
        control.levels = 5;
        CHECK_EQUAL(mmu_access(&control, &path, &access).result,
                    cases[i].canonical_5 ? MMU_ALLOWED : MMU_GENERAL_PROTECTION);
    }
}

/* Whether the model lets an access through that goes by the entries of this world. */
static bool may(const struct soft_walk *walk, const struct world *world,
                struct mmu_access access)
{
    struct mmu_control control = {
        .levels = world->table.levels,
        .physical_bits = 52,
        .pages_1g = true,
        .write_protect = true,
        .no_execute = true,
    };
    struct mmu_path path = {{0}};

    for (unsigned step = 0; step < walk->step_count; step++) {
        path.entries[control.levels - 1 - step] = walk->steps[step].bits;
    }
    return mmu_access(&control, &path, &access).result == MMU_ALLOWED;
}

static void compares_effective_flags(struct test *test, struct world *world)
{
    static const uint64_t rights[] = {PAGE_WRITABLE, PAGE_USER, PAGE_NO_EXECUTE};
    virt_addr page = world_page(world, 3, 7, 9, 11);
    unsigned levels = world->table.levels;

    REQUIRE_EQUAL(map_page(world, page, 0x5000, PAGE_4K, DATA), MAP_OK);
    /* Each right of each level on and off. */
    for (unsigned set = 0; set < 1u << 3 * levels; set += levels == 5 ? 3 : 1) {
        struct soft_walk walk;
        struct translation translation;
        bool allowed[3];

        for (unsigned level = 1; level <= levels; level++) {
            uint64_t bits = world_entry(world, page, level);
            for (unsigned i = 0; i < 3; i++) {
                bits = (set >> (3 * (level - 1) + i) & 1) != 0 ? bits | rights[i]
                                                               : bits & ~rights[i];
            }
            soft_mmu_write(&world->mmu, soft_mmu_walk(&world->mmu, page.value)
                                            .steps[levels - level].at, bits);
        }
        translation = page_table_translate(&world->table, page);
        walk = soft_mmu_walk(&world->mmu, page.value);
        REQUIRE_EQUAL(translation.result, TRANSLATE_OK);
        for (unsigned i = 0; i < 3; i++) {
            allowed[i] = (translation.effective.bits & rights[i]) != 0;
        }
        for (enum mmu_access_kind kind = MMU_READ; kind <= MMU_MODIFY; kind++) {
            bool by_rights = kind == MMU_READ    ? true
                             : kind == MMU_FETCH ? !allowed[2]
                                                 : allowed[0];
            REQUIRE_EQUAL(may(&walk, world, (struct mmu_access){page.value, kind, false, false}),
                          by_rights);
            REQUIRE_EQUAL(may(&walk, world, (struct mmu_access){page.value, kind, true, false}),
                          by_rights && allowed[1]);
        }
    }
}

TEST(translate, has_effective_flags_that_allow_what_the_model_of_the_mmu_does)
{
    for (unsigned levels = 4; levels <= 5; levels++) {
        struct world *world =
            world_make(&(struct world_shape){.kind = ACCESS_LINEAR, .levels = levels});

        compares_effective_flags(test, world);
        world_finish(test, world);
    }
}
