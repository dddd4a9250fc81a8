/* Address spaces: the same page, other frames; the kernel in each. */
#include "mm/address_space.h"

#include "kernel/cpu/registers.h"
#include "tests/kernel/support.h"

#define USER_PAGE UINT64_C(0x400000)

/* The kernel's own tables as a space, as physical memory shows them: recursive access cannot reach
 * spaces that are not active. */
static struct address_space kernel_space(const struct kernel *kernel)
{
    struct address_space space = {.table = kernel->page_table};

    if (space.table.access.kind == ACCESS_RECURSIVE) {
        space.table.access =
            table_access_linear(kernel->boot_info->physical_memory_offset, phys_addr_of(0),
                                memory_map_ram_end(&kernel->boot_info->memory_map));
    }
    return space;
}

TEST(address_space, shows_other_frames_at_the_same_page)
{
    struct kernel *kernel = test->subject;
    struct address_space own = kernel_space(kernel);
    struct address_space spaces[2];
    struct test_frames frames;
    phys_addr shown[2];
    volatile uint64_t *word = mm_port_pointer(virt_addr_of(USER_PAGE));

    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    for (unsigned i = 0; i < 2; i++) {
        REQUIRE(frame_source_allocate(&frames.source, 0, &shown[i]));
        REQUIRE_EQUAL(address_space_create(&spaces[i], &own, 0, &frames.source), ADDRESS_SPACE_OK);
        REQUIRE_EQUAL(address_space_flush(&spaces[i],
                                          page_table_map_to(&spaces[i].table,
                                                            virt_addr_of(USER_PAGE), shown[i],
                                                            PAGE_4K, data_flags(kernel),
                                                            &frames.source)),
                      MAP_OK);
    }
    address_space_switch(&own, &spaces[0]);
    CHECK_EQUAL(cr3_read(), spaces[0].table.root.value);
    CHECK(spaces[0].table.active && !own.table.active);
    *word = 1;
    address_space_switch(&spaces[0], &spaces[1]);
    *word = 2;
    address_space_switch(&spaces[1], &spaces[0]);
    CHECK_EQUAL(*word, 1);
    address_space_switch(&spaces[0], &spaces[1]);
    CHECK_EQUAL(*word, 2);
    address_space_switch(&spaces[1], &own);
    CHECK_EQUAL(cr3_read(), kernel->page_table.root.value);
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQUAL(address_space_destroy(&spaces[i], &frames.source), ADDRESS_SPACE_OK);
        CHECK_EQUAL(frame_source_free(&frames.source, 0, shown[i]), FRAME_FREE_OK);
    }
}

TEST(address_space, gives_back_every_frame_when_it_is_destroyed)
{
    struct kernel *kernel = test->subject;
    struct address_space own = kernel_space(kernel);
    struct address_space space;
    struct test_frames frames;
    uint64_t checksum = tree_checksum(&own.table);

    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    REQUIRE_EQUAL(address_space_create(&space, &own, 0, &frames.source), ADDRESS_SPACE_OK);
    for (uint64_t page = USER_PAGE; page < UINT64_C(1) << 46; page *= 7) {
        REQUIRE_EQUAL(address_space_flush(
                          &space, page_table_map_to(&space.table,
                                                    virt_addr_of(align_down(page, 4096)),
                                                    phys_addr_of(0x1000), PAGE_4K,
                                                    data_flags(kernel), &frames.source)),
                      MAP_OK);
    }
    CHECK_AT_LEAST(frames.in_use, 10);
    address_space_switch(&own, &space);
    CHECK_EQUAL(address_space_destroy(&space, &frames.source), ADDRESS_SPACE_ACTIVE);
    address_space_switch(&space, &own);
    CHECK_EQUAL(address_space_destroy(&space, &frames.source), ADDRESS_SPACE_OK);
    CHECK_EQUAL(frames.in_use, 0);
    CHECK_EQUAL(tree_checksum(&own.table), checksum);
}

TEST(address_space, takes_nothing_when_it_cannot_be_made)
{
    struct kernel *kernel = test->subject;
    struct address_space own = kernel_space(kernel);
    struct address_space space;

    CHECK_EQUAL(address_space_create(&space, &own, 0, frame_source_empty()),
                ADDRESS_SPACE_NO_FRAME);
    own.table.access = table_access_recursive(510, virt_addr_of(0));
    CHECK_EQUAL(address_space_create(&space, &own, 0, kernel->table_frames),
                ADDRESS_SPACE_RECURSIVE);
}

TEST(address_space, remembers_that_it_was_changed_while_not_active)
{
    struct kernel *kernel = test->subject;
    struct address_space own = kernel_space(kernel);
    struct address_space space;
    struct test_frames frames;
    volatile uint64_t *word = mm_port_pointer(virt_addr_of(USER_PAGE));
    phys_addr old_frame;
    phys_addr new_frame;

    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    REQUIRE(frame_source_allocate(&frames.source, 0, &old_frame));
    REQUIRE(frame_source_allocate(&frames.source, 0, &new_frame));
    *(volatile uint64_t *)physical_byte(kernel, old_frame) = 1;
    *(volatile uint64_t *)physical_byte(kernel, new_frame) = 2;
    REQUIRE_EQUAL(address_space_create(&space, &own, 0, &frames.source), ADDRESS_SPACE_OK);
    REQUIRE_EQUAL(address_space_flush(&space, page_table_map_to(&space.table,
                                                                virt_addr_of(USER_PAGE), old_frame,
                                                                PAGE_4K, data_flags(kernel),
                                                                &frames.source)),
                  MAP_OK);
    address_space_switch(&own, &space);
    CHECK(!space.stale);
    CHECK_EQUAL(*word, 1);
    address_space_switch(&space, &own);
    REQUIRE_EQUAL(address_space_flush(&space, page_table_unmap(&space.table,
                                                               virt_addr_of(USER_PAGE), PAGE_4K)),
                  PAGE_OK);
    CHECK(space.stale);
    REQUIRE_EQUAL(address_space_flush(&space, page_table_map_to(&space.table,
                                                                virt_addr_of(USER_PAGE), new_frame,
                                                                PAGE_4K, data_flags(kernel),
                                                                &frames.source)),
                  MAP_OK);
    address_space_switch(&own, &space);
    CHECK_EQUAL(*word, 2);
    address_space_switch(&space, &own);
    CHECK_EQUAL(address_space_destroy(&space, &frames.source), ADDRESS_SPACE_OK);
    CHECK_EQUAL(frame_source_free(&frames.source, 0, old_frame), FRAME_FREE_OK);
    CHECK_EQUAL(frame_source_free(&frames.source, 0, new_frame), FRAME_FREE_OK);
}
