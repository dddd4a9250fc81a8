/* The tutorial's way to a new mapping, on the tables that the CPU uses: what it takes, and what it
 * is refused for. */
#include "kernel/cpu/registers.h"
#include "tests/kernel/support.h"

#define PAGE_0 UINT64_C(0)
#define FAR_PAGE UINT64_C(0xdeadbeaf000)
#define SCREEN_FRAME UINT64_C(0xb8000)

enum { TABLES_OF_FAR_PAGE = 3, SPARE_FRAMES = 10 };

/* What must be the same after a call that failed. */
struct before {
    uint64_t checksum;
    uint64_t tables_used;
    uint64_t frames_left;
};

static struct before look(const struct page_table *table, const struct limited_source *frames)
{
    return (struct before){tree_checksum(table), page_table_tables_used(table), frames->remaining};
}

static void check_unchanged(struct test *test, const struct page_table *table,
                            const struct limited_source *frames, struct before before)
{
    struct before after = look(table, frames);

    CHECK_EQUAL(after.checksum, before.checksum);
    CHECK_EQUAL(after.tables_used, before.tables_used);
    CHECK_EQUAL(after.frames_left, before.frames_left);
}

static struct map_outcome map(struct kernel *kernel, uint64_t page, page_flags flags,
                              struct frame_source *frames)
{
    return page_table_map_to(&kernel->page_table, virt_addr_of(page), phys_addr_of(SCREEN_FRAME),
                             PAGE_4K, flags, frames);
}

static void unmap(struct test *test, uint64_t page, struct frame_source *frames)
{
    struct kernel *kernel = test->subject;
    struct page_range range = page_range_of(virt_addr_of(page), 1);

    CHECK_EQUAL(tlb_flush_now(page_table_unmap(&kernel->page_table, range.start, PAGE_4K)),
                PAGE_OK);
    CHECK_EQUAL(tlb_flush_now(page_table_clean_up(&kernel->page_table, range, frames)), RANGE_OK);
}

TEST(map_to, needs_no_frame_for_page_0_whose_level_1_table_is_there)
{
    struct kernel *kernel = test->subject;
    const struct page_table *table = &kernel->page_table;
    struct page_range page_0 = page_range_of(virt_addr_of(PAGE_0), 1);
    uint64_t tables_used = page_table_tables_used(table);
    struct frames_needed needed = page_table_frames_needed(
        table, page_0, phys_addr_of(SCREEN_FRAME), RANGE_PAGES_4K, data_flags(kernel));

    CHECK_EQUAL(needed.result, MAP_OK);
    CHECK_EQUAL(needed.count, 0);
    REQUIRE_EQUAL(tlb_flush_now(map(kernel, PAGE_0, data_flags(kernel), frame_source_empty())),
                  MAP_OK);
    CHECK_TRANSLATES(table, page_0.start, phys_addr_of(SCREEN_FRAME));
    CHECK_EQUAL(page_table_tables_used(table), tables_used);
    CHECK_EQUAL(tlb_flush_now(page_table_unmap(table, page_0.start, PAGE_4K)), PAGE_OK);
}

TEST(map_to, of_0xdeadbeaf000_fails_with_the_empty_allocator_and_changes_nothing, .tags = "fresh")
{
    struct kernel *kernel = test->subject;
    struct limited_source none;

    limited_source_init(&none, frame_source_empty(), SPARE_FRAMES);
    struct before before = look(&kernel->page_table, &none);
    struct map_outcome outcome = map(kernel, FAR_PAGE, data_flags(kernel), &none.source);
    CHECK_EQUAL(outcome.flush.page_count, 0);
    CHECK_EQUAL(tlb_flush_now(outcome), MAP_NO_FRAME);
    check_unchanged(test, &kernel->page_table, &none, before);
    CHECK_NOT_MAPPED(&kernel->page_table, virt_addr_of(FAR_PAGE));
}

TEST(map_to, of_0xdeadbeaf000_takes_3_frames_of_the_boot_info_allocator, .tags = "fresh")
{
    struct kernel *kernel = test->subject;
    struct limited_source frames;

    limited_source_init(&frames, kernel->table_frames, TABLES_OF_FAR_PAGE - 1);
    struct before before = look(&kernel->page_table, &frames);
    CHECK_EQUAL(tlb_flush_now(map(kernel, FAR_PAGE, data_flags(kernel), &frames.source)),
                MAP_NO_FRAME);
    check_unchanged(test, &kernel->page_table, &frames, before);

    limited_source_init(&frames, kernel->table_frames, SPARE_FRAMES);
    REQUIRE_EQUAL(tlb_flush_now(map(kernel, FAR_PAGE, data_flags(kernel), &frames.source)), MAP_OK);
    CHECK_EQUAL(SPARE_FRAMES - frames.remaining, TABLES_OF_FAR_PAGE);
    CHECK_EQUAL(page_table_tables_used(&kernel->page_table),
                before.tables_used + TABLES_OF_FAR_PAGE);
    CHECK_TRANSLATES(&kernel->page_table, virt_addr_of(FAR_PAGE), phys_addr_of(SCREEN_FRAME));
    unmap(test, FAR_PAGE, &frames.source);
    CHECK_EQUAL(frames.remaining, SPARE_FRAMES);
}

TEST(map_to, of_a_page_in_use_is_refused_and_the_cpu_still_finds_the_first_frame, .tags = "fresh")
{
    struct kernel *kernel = test->subject;
    phys_addr frame = map_kernel_page(test, virt_addr_of(FAR_PAGE), data_flags(kernel));
    volatile uint64_t *word = mm_port_pointer(virt_addr_of(FAR_PAGE));
    struct limited_source frames;

    *word = 7;
    limited_source_init(&frames, kernel->table_frames, SPARE_FRAMES);
    struct before before = look(&kernel->page_table, &frames);
    struct map_outcome outcome = map(kernel, FAR_PAGE, data_flags(kernel), &frames.source);
    CHECK_EQUAL(outcome.flush.page_count, 0);
    CHECK_EQUAL(tlb_flush_now(outcome), MAP_ALREADY_MAPPED);
    check_unchanged(test, &kernel->page_table, &frames, before);
    mm_port_flush_all();
    CHECK_EQUAL(*word, 7);
    CHECK_TRANSLATES(&kernel->page_table, virt_addr_of(FAR_PAGE), frame);
}

TEST(map_to, requires_present_and_changes_nothing_without_it)
{
    struct kernel *kernel = test->subject;
    static const uint64_t without[] = {0, PAGE_WRITABLE, PAGE_USER, PAGE_ACCESSED | PAGE_DIRTY};
    struct limited_source frames;

    limited_source_init(&frames, kernel->table_frames, SPARE_FRAMES);
    struct before before = look(&kernel->page_table, &frames);
    for (size_t i = 0; i < sizeof without / sizeof without[0]; i++) {
        CHECK_EQUAL(tlb_flush_now(map(kernel, FAR_PAGE, page_flags_of(without[i]), &frames.source)),
                    MAP_BAD_FLAGS);
        check_unchanged(test, &kernel->page_table, &frames, before);
    }
}

static void write_through_protection(void *address)
{
    uint64_t cr0 = cr0_read();

    cr0_write(cr0 & ~CR0_WRITE_PROTECT);
    write_at(address);
    cr0_write(cr0);
}

/* The tables above are writable in any case: it is the page's own flag that counts. */
TEST(map_to, makes_a_page_writable_only_with_writable_and_the_cpu_heeds_it_under_cr0_wp,
     .tags = "fresh")
{
    struct kernel *kernel = test->subject;
    page_flags read_only = page_flags_of(data_flags(kernel).bits & ~PAGE_WRITABLE);
    virt_addr page = virt_addr_of(FAR_PAGE);
    volatile uint8_t *byte = mm_port_pointer(page);
    phys_addr frame = map_kernel_page(test, page, read_only);

    *physical_byte(kernel, frame) = 1;
    REQUIRE((cr0_read() & CR0_WRITE_PROTECT) != 0);
    CHECK_PAGE_FAULT(page, PAGE_FAULT_PROTECTION | PAGE_FAULT_WRITE, write_at, (void *)byte);
    CHECK_EQUAL(*byte, 1);
    CHECK_NO_FAULT(write_through_protection, (void *)byte);
    CHECK_EQUAL(tlb_flush_now(page_table_update_flags(&kernel->page_table, page, PAGE_4K,
                                                      data_flags(kernel), ACCESSED_DIRTY_KEEP)),
                UPDATE_OK);
    CHECK_NO_FAULT(write_at, (void *)byte);
}
