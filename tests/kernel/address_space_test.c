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

enum { PROCESSES = 2, PROCESS_PAGES = 3, PROCESS_FRAMES = 9 };

static volatile uint64_t *process_word(unsigned page)
{
    return mm_port_pointer(virt_addr_of(USER_PAGE + page * UINT64_C(4096)));
}

static void make_process(struct test *test, struct address_space *process,
                         const struct address_space *own, struct test_frames *frames,
                         const phys_addr *shown[PROCESS_PAGES])
{
    struct kernel *kernel = test->subject;

    REQUIRE_EQUAL(address_space_create(process, own, 0, &frames->source), ADDRESS_SPACE_OK);
    test_tree(process->table.root, process->table.levels);
    for (unsigned page = 0; page < PROCESS_PAGES; page++) {
        virt_addr address = virt_addr_of(USER_PAGE + page * UINT64_C(4096));
        REQUIRE_EQUAL(address_space_flush(
                          process, page_table_map_to(&process->table, address, *shown[page],
                                                     PAGE_4K, data_flags(kernel), &frames->source)),
                      MAP_OK);
    }
}

/* The tutorial's two instances of a program, in its units of 50 bytes: the pages at 0, 50 and 100 are
 * the frames at 100, 150 and 200 for one, at 300, 350 and 400 for the other. */
TEST(address_space, of_each_process_has_a_table_of_its_own_for_the_same_three_pages)
{
    struct kernel *kernel = test->subject;
    struct address_space own = kernel_space(kernel);
    struct address_space processes[PROCESSES];
    struct test_frames frames;
    phys_addr memory[PROCESS_FRAMES];

    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    for (unsigned i = 0; i < PROCESS_FRAMES; i++) {
        REQUIRE(frame_source_allocate(&frames.source, 0, &memory[i]));
        *(volatile uint64_t *)physical_byte(kernel, memory[i]) = 0;
    }
    const phys_addr *shown[PROCESSES][PROCESS_PAGES] = {{&memory[2], &memory[3], &memory[4]},
                                                        {&memory[6], &memory[7], &memory[8]}};
    for (unsigned i = 0; i < PROCESSES; i++) {
        make_process(test, &processes[i], &own, &frames, shown[i]);
        address_space_switch(&own, &processes[i]);
        for (unsigned page = 0; page < PROCESS_PAGES; page++) {
            *process_word(page) = 10 * (i + 1) + page;
        }
        address_space_switch(&processes[i], &own);
    }
    static const uint64_t expected[PROCESS_FRAMES] = {0, 0, 10, 11, 12, 0, 20, 21, 22};
    for (unsigned i = 0; i < PROCESS_FRAMES; i++) {
        CHECK_EQUAL(*(volatile uint64_t *)physical_byte(kernel, memory[i]), expected[i]);
    }
    for (unsigned i = 0; i < PROCESSES; i++) {
        address_space_switch(&own, &processes[i]);
        for (unsigned page = 0; page < PROCESS_PAGES; page++) {
            CHECK_EQUAL(*process_word(page), 10 * (i + 1) + page);
        }
        address_space_switch(&processes[i], &own);
        CHECK_NOT_MAPPED(&processes[i].table, virt_addr_of(USER_PAGE + PROCESS_PAGES * 4096));
        CHECK_EQUAL(address_space_destroy(&processes[i], &frames.source), ADDRESS_SPACE_OK);
    }
    for (unsigned i = 0; i < PROCESS_FRAMES; i++) {
        CHECK_EQUAL(frame_source_free(&frames.source, 0, memory[i]), FRAME_FREE_OK);
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
