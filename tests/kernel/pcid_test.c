/* Process-context identifiers: what is cached under one of them, and what drops it.
 *
 * Source: Intel SDM volume 3, 4.10.1 "Process-Context Identifiers (PCIDs)", 4.10.4.1 "Operations
 * that Invalidate TLBs and Paging-Structure Caches"; volume 2, INVPCID.
 */
#include "kernel/cpu/registers.h"
#include "mm/address_space.h"
#include "tests/kernel/live_space.h"

enum { PCIDS = 2 };

/* Spaces that map the same page to frames of their own, each with the PCID of its index plus 1. */
struct tagged_spaces {
    struct live_space spaces[PCIDS];
    struct page_entry *leaves[PCIDS];
    struct seen before[PCIDS]; /* each with its own frame */
    struct seen after[PCIDS];  /* the frames exchanged */
    virt_addr page;
};

/* CR3 has no PCID while CR4.PCIDE is changed; its change drops all that is cached, as that of PGE
 * does. */
static void turn_off(struct test *test, void *unused)
{
    (void)test, (void)unused;
    cr3_write(cr3_read() & CR3_FRAME_MASK);
    cr4_write(cr4_read() & ~(CR4_PCID | CR4_PAGE_GLOBAL));
}

static void turn_on(struct test *test, uint64_t cr4_bits)
{
    test_defer(test, turn_off, NULL);
    cr4_write(cr4_read() | cr4_bits);
}

static void enter(const struct tagged_spaces *tagged, unsigned index, uint64_t keep)
{
    cr3_write(tagged->spaces[index].table.root.value | (index + 1) | keep);
}

/* Both are entered and used, so that their translations may be cached. The last one is active. */
static void use_both(struct test *test, const struct tagged_spaces *tagged)
{
    for (unsigned i = 0; i < PCIDS; i++) {
        enter(tagged, i, 0);
        CHECK_SEEN(live_use(tagged->page, USE_READ), tagged->before[i]);
    }
}

/* Exchanges what both map the page to. */
static void change_both(const struct tagged_spaces *tagged)
{
    struct page_entry first = page_entry_load(tagged->leaves[0]);

    page_entry_store(tagged->leaves[0], page_entry_load(tagged->leaves[1]));
    page_entry_store(tagged->leaves[1], first);
}

static void make_spaces(struct test *test, struct test_frames *frames, struct tagged_spaces *tagged)
{
    for (unsigned i = 0; i < PCIDS; i++) {
        struct live_space *space = &tagged->spaces[i];
        *space = live_space_enter(frames);
        tagged->page = live_space_map(test, space, frames, PAGE_4K, 0);
        tagged->leaves[i] = live_entry(space, tagged->page, 1);
        uint64_t flags = page_entry_load(tagged->leaves[i]).bits & ~PAGE_FRAME_MASK;
        page_entry_store(tagged->leaves[i], (struct page_entry){data_frame(i).value | flags});
        tagged->before[i] = live_expected(space, tagged->page, USE_READ);
    }
    for (unsigned i = 0; i < PCIDS; i++) {
        tagged->after[i] = tagged->before[PCIDS - 1 - i];
    }
    CHECK(!seen_equal(tagged->before[0], tagged->before[1]));
    turn_on(test, CR4_PCID);
    use_both(test, tagged);
}

TEST(pcid, keeps_the_translations_of_two_spaces_apart, .requires = REQUIRES_PCID)
{
    struct tagged_spaces tagged;
    struct test_frames frames;

    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    make_spaces(test, &frames, &tagged);
    for (unsigned round = 0; round < 8; round++) {
        enter(&tagged, round % PCIDS, CR3_KEEP_CACHED);
        CHECK_SEEN(live_use(tagged.page, USE_READ), tagged.before[round % PCIDS]);
    }
}

TEST(pcid, may_keep_what_is_stale_if_cr3_is_loaded_with_bit_63_and_not_without,
     .requires = REQUIRES_PCID)
{
    struct tagged_spaces tagged;
    struct test_frames frames;

    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    make_spaces(test, &frames, &tagged);
    change_both(&tagged);
    enter(&tagged, 0, CR3_KEEP_CACHED);
    CHECK_OLD_OR_NEW("with bit 63", live_use(tagged.page, USE_READ), tagged.before[0],
                     tagged.after[0]);
    enter(&tagged, 0, 0);
    CHECK_SEEN(live_use(tagged.page, USE_READ), tagged.after[0]);
    enter(&tagged, 1, CR3_KEEP_CACHED);
    CHECK_OLD_OR_NEW("under the other PCID", live_use(tagged.page, USE_READ), tagged.before[1],
                     tagged.after[1]);
    enter(&tagged, 1, 0);
    CHECK_SEEN(live_use(tagged.page, USE_READ), tagged.after[1]);
}

TEST(pcid, is_the_only_one_for_which_invlpg_must_drop_a_page, .requires = REQUIRES_PCID)
{
    struct tagged_spaces tagged;
    struct test_frames frames;

    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    make_spaces(test, &frames, &tagged);
    change_both(&tagged);
    mm_port_flush_page(tagged.page);
    CHECK_SEEN(live_use(tagged.page, USE_READ), tagged.after[1]);
    enter(&tagged, 0, CR3_KEEP_CACHED);
    CHECK_OLD_OR_NEW("under the other PCID", live_use(tagged.page, USE_READ), tagged.before[0],
                     tagged.after[0]);
    mm_port_flush_page(tagged.page);
    CHECK_SEEN(live_use(tagged.page, USE_READ), tagged.after[0]);
}

/* A table that two spaces share is not flushed by less. */
TEST(pcid, does_not_matter_to_the_token_of_all, .requires = REQUIRES_PCID)
{
    struct tagged_spaces tagged;
    struct test_frames frames;

    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    make_spaces(test, &frames, &tagged);
    change_both(&tagged);
    tlb_flush_apply(tlb_flush_pages(tagged.page, TLB_FLUSH_ALL));
    CHECK_SEEN(live_use(tagged.page, USE_READ), tagged.after[1]);
    enter(&tagged, 0, CR3_KEEP_CACHED);
    CHECK_SEEN(live_use(tagged.page, USE_READ), tagged.after[0]);
}

/* Changes in a space that is not active are owed until it is. */
TEST(pcid, of_a_space_that_was_changed_while_not_active_is_dropped_by_the_switch,
     .requires = REQUIRES_PCID)
{
    struct tagged_spaces tagged;
    struct test_frames frames;

    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    make_spaces(test, &frames, &tagged);
    struct address_space first = {.table = tagged.spaces[0].table, .pcid = 1};
    struct address_space second = {.table = tagged.spaces[1].table, .pcid = 2};
    first.table.active = false;
    change_both(&tagged);
    address_space_flush_token(&first, tlb_flush_page(tagged.page));
    address_space_flush_token(&second, tlb_flush_page(tagged.page));
    CHECK_SEEN(live_use(tagged.page, USE_READ), tagged.after[1]);
    address_space_switch(&second, &first);
    CHECK_EQUAL(cr3_read(), first.table.root.value | 1);
    CHECK_SEEN(live_use(tagged.page, USE_READ), tagged.after[0]);
    address_space_switch(&first, &second);
    CHECK_EQUAL(cr3_read(), second.table.root.value | 2);
    CHECK_SEEN(live_use(tagged.page, USE_READ), tagged.after[1]);
}

static void set_cr3(void *bits)
{
    cr3_write(cr3_read() | (uint64_t)bits);
}

static void set_cr4(void *bits)
{
    cr4_write(cr4_read() | (uint64_t)bits);
}

TEST(pcid, is_turned_on_with_pcid_0_alone_and_bit_63_is_no_address_before,
     .requires = REQUIRES_PCID)
{
    CHECK_FAULT(EXCEPTION_GENERAL_PROTECTION, 0, set_cr3, (void *)CR3_KEEP_CACHED);
    cr3_write(cr3_read() | 0x8); /* page-level write-through, so far */
    CHECK_FAULT(EXCEPTION_GENERAL_PROTECTION, 0, set_cr4, (void *)CR4_PCID);
    cr3_write(cr3_read() & CR3_FRAME_MASK);
    turn_on(test, CR4_PCID);
    CHECK_NO_FAULT(set_cr3, (void *)(CR3_KEEP_CACHED | 0xfff));
    CHECK_EQUAL(cr3_read() & ~CR3_FRAME_MASK, 0xfff);
}

static const struct invpcid_row {
    const char *name;
    enum invpcid_type type;
    bool drops_both; /* and not the named PCID alone */
    bool drops_global;
} invpcid_rows[] = {
    {"one address", INVPCID_ADDRESS, false, false},
    {"one context", INVPCID_CONTEXT, false, false},
    {"all, with global pages", INVPCID_ALL, true, true},
    {"all but global pages", INVPCID_ALL_NOT_GLOBAL, true, false},
};

TEST_EACH(invpcid, drops_what_its_type_says_from_any_space, invpcid_rows,
          .requires = REQUIRES_PCID | REQUIRES_INVPCID)
{
    struct tagged_spaces tagged;
    struct test_frames frames;

    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    make_spaces(test, &frames, &tagged);
    change_both(&tagged);
    invpcid(row->type, row->drops_both ? 0 : 1, tagged.page);
    struct seen seen = live_use(tagged.page, USE_READ);
    if (row->drops_both) {
        CHECK_SEEN(seen, tagged.after[1]);
    } else {
        CHECK_OLD_OR_NEW("under the other PCID", seen, tagged.before[1], tagged.after[1]);
    }
    enter(&tagged, 0, CR3_KEEP_CACHED);
    CHECK_SEEN(live_use(tagged.page, USE_READ), tagged.after[0]);
}

TEST_EACH(invpcid, may_leave_a_global_page_unless_its_type_says_so, invpcid_rows,
          .requires = REQUIRES_PCID | REQUIRES_INVPCID)
{
    struct test_frames frames;
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    struct live_space space = live_space_enter(&frames);
    virt_addr page = live_space_map(test, &space, &frames, PAGE_4K, PAGE_GLOBAL);
    struct page_entry *leaf = live_entry(&space, page, 1);

    turn_on(test, CR4_PCID | CR4_PAGE_GLOBAL);
    cr3_write(space.table.root.value | 1);
    struct seen before = live_expected(&space, page, USE_READ);
    CHECK_SEEN(live_use(page, USE_READ), before);
    page_entry_store(leaf, (struct page_entry){(page_entry_load(leaf).bits & ~PAGE_FRAME_MASK) |
                                               data_frame(1).value});
    struct seen after = live_expected(&space, page, USE_READ);
    invpcid(row->type, row->drops_both ? 0 : 1, page);
    if (row->drops_global) {
        CHECK_SEEN(live_use(page, USE_READ), after);
    } else {
        CHECK_OLD_OR_NEW(row->name, live_use(page, USE_READ), before, after);
    }
}

struct invpcid_argument {
    const char *name;
    uint64_t type;
    uint64_t pcid;
    uint64_t address;
};

static void run_invpcid(void *argument)
{
    const struct invpcid_argument *row = argument;

    invpcid(row->type, row->pcid, virt_addr_of(row->address));
}

static const struct invpcid_argument bad_arguments[] = {
    {"no such type", 4, 0, 0},
    {"a PCID of 13 bits", INVPCID_CONTEXT, 0x1000, 0},
    {"an address that is not canonical", INVPCID_ADDRESS, 1, UINT64_C(1) << 63},
};

TEST_EACH(invpcid, faults_when_it_cannot_do_what_it_is_told, bad_arguments,
          .requires = REQUIRES_PCID | REQUIRES_INVPCID)
{
    struct invpcid_argument argument = *row;

    turn_on(test, CR4_PCID);
    CHECK_FAULT(EXCEPTION_GENERAL_PROTECTION, 0, run_invpcid, &argument);
    argument = (struct invpcid_argument){"good", INVPCID_ADDRESS, 1, 0};
    CHECK_NO_FAULT(run_invpcid, &argument);
}

TEST(invpcid, knows_only_pcid_0_while_pcids_are_off, .requires = REQUIRES_PCID | REQUIRES_INVPCID)
{
    struct invpcid_argument argument = {"a PCID", INVPCID_CONTEXT, 1, 0};

    CHECK_FAULT(EXCEPTION_GENERAL_PROTECTION, 0, run_invpcid, &argument);
    argument.pcid = 0;
    CHECK_NO_FAULT(run_invpcid, &argument);
}
