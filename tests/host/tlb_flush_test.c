/* Flush tokens: what they make the CPU forget, and that each is consumed once. */
#include "mm/tlb_flush.h"

#include "testing/test.h"
#include "tests/host/world_check.h"
#include "tests/host/world_operations.h"

/* Whether the page is cached: the entry that maps it has been changed behind the CPU's back. */
static bool is_cached(struct world *world, virt_addr page)
{
    return host_cpu_access(&world->cpu, page.value, false).fault == SOFT_TRANSLATED;
}

/* Pages from `start` on that were mapped and read, and are mapped no longer. */
static struct world *make_stale_pages(struct test *test, virt_addr *start, unsigned count)
{
    struct world_shape shape = {.kind = ACCESS_LINEAR, .levels = 4};
    struct world *world = world_make(&shape);
    struct page_range range;

    *start = world_page(world, 4, 4, 4, 4);
    range = page_range_of(*start, count);
    REQUIRE_EQUAL(map_range(world, range, 0, RANGE_PAGES_4K, DATA), MAP_OK);
    for (unsigned i = 0; i < count; i++) {
        world_touch(world, virt_addr_add(*start, i * UINT64_C(0x1000)));
    }
    CHECK_EQUAL(tlb_flush_ignore(page_table_unmap_range(&world->table, range)), RANGE_OK);
    return world;
}

static void check_cached(struct test *test, struct world *world, virt_addr start, unsigned first,
                         unsigned end, bool cached)
{
    for (unsigned i = first; i < end; i++) {
        CHECK_EQUAL(is_cached(world, virt_addr_add(start, i * UINT64_C(0x1000))), cached);
    }
}

TEST(tlb_flush, of_no_page_does_nothing_and_is_owed_by_nobody)
{
    virt_addr start;
    struct world *world = make_stale_pages(test, &start, 4);

    tlb_flush_apply(tlb_flush_none());
    tlb_flush_apply(tlb_flush_pages(start, 0));
    CHECK_EQUAL(world->cpu.flushes_owed, 0);
    check_cached(test, world, start, 0, 4, true);
    CHECK_EQUAL(world->cpu.page_flush_count + world->cpu.full_flush_count, 0);
    host_cpu_flush_all();
    world_finish(test, world);
}

TEST(tlb_flush, of_a_page_drops_that_page)
{
    virt_addr start;
    struct world *world = make_stale_pages(test, &start, 3);
    struct tlb_flush flush = tlb_flush_page(virt_addr_add(start, 0x1000));

    CHECK_EQUAL(world->cpu.flushes_owed, 1);
    tlb_flush_apply(flush);
    CHECK_EQUAL(world->cpu.flushes_owed, 0);
    check_cached(test, world, start, 0, 1, true);
    check_cached(test, world, start, 1, 2, false);
    check_cached(test, world, start, 2, 3, true);
    host_cpu_flush_all();
    world_finish(test, world);
}

TEST(tlb_flush, of_few_pages_drops_each_and_of_many_drops_all_at_once)
{
    static const struct {
        uint64_t page_count;
        bool all;
    } cases[] = {
        {1, false},
        {TLB_FLUSH_PAGES_MAX, false},
        {TLB_FLUSH_PAGES_MAX + 1, true},
        {UINT64_C(1) << 32, true},
        {(UINT64_C(1) << 32) + 1, true},
        {UINT64_MAX, true},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        virt_addr start;
        struct world *world = make_stale_pages(test, &start, TLB_FLUSH_PAGES_MAX + 2);
        unsigned dropped = cases[i].all ? TLB_FLUSH_PAGES_MAX + 2 : (unsigned)cases[i].page_count;
        struct tlb_flush flush = tlb_flush_pages(start, cases[i].page_count);

        CHECK_EQUAL(flush.page_count, cases[i].all ? TLB_FLUSH_ALL : cases[i].page_count);
        tlb_flush_apply(flush);
        CHECK_EQUAL(world->cpu.flushes_owed, 0);
        CHECK_EQUAL(world->cpu.full_flush_count, cases[i].all ? 1 : 0);
        CHECK_EQUAL(world->cpu.page_flush_count, cases[i].all ? 0 : dropped);
        check_cached(test, world, start, 0, dropped, false);
        check_cached(test, world, start, dropped, TLB_FLUSH_PAGES_MAX + 2, true);
        host_cpu_flush_all();
        world_finish(test, world);
    }
}

TEST(tlb_batch, flushes_all_that_was_added_page_by_page_up_to_the_threshold)
{
    for (unsigned count = 1; count <= TLB_FLUSH_PAGES_MAX + 1; count += TLB_FLUSH_PAGES_MAX / 4) {
        virt_addr start;
        struct world *world = make_stale_pages(test, &start, TLB_FLUSH_PAGES_MAX + 2);
        struct tlb_batch batch = {0};
        bool all = count > TLB_FLUSH_PAGES_MAX;

        for (unsigned i = 0; i < count; i++) {
            tlb_batch_add(&batch, tlb_flush_page(virt_addr_add(start, i * UINT64_C(0x1000))));
            CHECK_EQUAL(world->cpu.flushes_owed, 1);
        }
        CHECK_EQUAL(batch.page_count, all ? TLB_FLUSH_ALL : count);
        check_cached(test, world, start, 0, count, true);
        tlb_batch_flush(&batch);
        CHECK_EQUAL(world->cpu.flushes_owed, 0);
        CHECK_EQUAL(world->cpu.full_flush_count, all ? 1 : 0);
        check_cached(test, world, start, 0, count, false);
        check_cached(test, world, start, count, TLB_FLUSH_PAGES_MAX + 2, !all);
        tlb_batch_flush(&batch);
        CHECK_EQUAL(world->cpu.full_flush_count, all ? 1 : 0);
        CHECK_EQUAL(batch.page_count, 0);
        host_cpu_flush_all();
        world_finish(test, world);
    }
}

TEST(tlb_batch, takes_tokens_of_several_pages_of_everything_and_of_nothing)
{
    virt_addr start;
    struct world *world = make_stale_pages(test, &start, TLB_FLUSH_PAGES_MAX + 2);
    virt_addr middle = virt_addr_add(start, 4 * UINT64_C(0x1000));
    struct tlb_batch batch = {0};

    tlb_batch_add(&batch, tlb_flush_none());
    CHECK_EQUAL(batch.page_count, 0);
    tlb_batch_flush(&batch);
    tlb_batch_add(&batch, tlb_flush_pages(start, 3));
    tlb_batch_add(&batch, tlb_flush_pages(middle, 2));
    tlb_batch_add(&batch, tlb_flush_none());
    CHECK_EQUAL(batch.page_count, 5);
    CHECK_EQUAL(world->cpu.flushes_owed, 1);
    tlb_batch_flush(&batch);
    check_cached(test, world, start, 0, 3, false);
    check_cached(test, world, start, 3, 4, true);
    check_cached(test, world, start, 4, 6, false);
    check_cached(test, world, start, 6, 7, true);

    tlb_batch_add(&batch, tlb_flush_page(start));
    tlb_batch_add(&batch, tlb_flush_pages(start, TLB_FLUSH_PAGES_MAX));
    CHECK_EQUAL(batch.page_count, TLB_FLUSH_ALL);
    tlb_batch_add(&batch, tlb_flush_page(start));
    tlb_batch_add(&batch, tlb_flush_pages(start, UINT64_MAX));
    CHECK_EQUAL(batch.page_count, TLB_FLUSH_ALL);
    CHECK_EQUAL(world->cpu.flushes_owed, 1);
    tlb_batch_flush(&batch);
    CHECK_EQUAL(world->cpu.flushes_owed, 0);
    check_cached(test, world, start, 0, TLB_FLUSH_PAGES_MAX + 2, false);

    tlb_batch_add(&batch, tlb_flush_pages(start, UINT64_MAX));
    CHECK_EQUAL(batch.page_count, TLB_FLUSH_ALL);
    tlb_batch_flush(&batch);
    world_finish(test, world);
}

TEST(tlb_batch, collects_the_outcomes_of_operations)
{
    struct world_shape shape = {.kind = ACCESS_LINEAR, .levels = 4};
    struct world *world = world_make(&shape);
    struct tlb_batch batch = {0};
    virt_addr start = world_page(world, 4, 4, 4, 4);

    REQUIRE_EQUAL(map_range(world, page_range_of(start, 8), 0, RANGE_PAGES_4K, DATA), MAP_OK);
    for (unsigned i = 0; i < 8; i++) {
        virt_addr page = virt_addr_add(start, i * UINT64_C(0x1000));

        world_touch(world, page);
        CHECK_EQUAL(tlb_flush_later(&batch, page_table_unmap(&world->table, page, PAGE_4K)),
                    PAGE_OK);
        CHECK_EQUAL(tlb_flush_later(&batch, page_table_unmap(&world->table, page, PAGE_4K)),
                    PAGE_NOT_MAPPED);
    }
    CHECK_EQUAL(batch.page_count, 8);
    CHECK_EQUAL(world->cpu.flushes_owed, 1);
    tlb_batch_flush(&batch);
    world_finish(test, world);
}
