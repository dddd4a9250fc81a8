/* Where page tables are, and by which addresses they can be reached. */
#include "mm/address_space.h"

#include "kernel/cpu/registers.h"
#include "kernel/layout/image.h"
#include "kernel/layout/layout.h"
#include "tests/kernel/support.h"

#define KIB UINT64_C(1024)
#define FAR_PAGE UINT64_C(0xdead0000000)

TEST(reach, finds_the_next_table_at_the_physical_address_in_each_entry_from_cr3_down)
{
    struct kernel *kernel = test->subject;
    virt_addr code = virt_addr_of((uint64_t)page_table_translate);
    phys_addr frame = phys_addr_of(cr3_read() & CR3_FRAME_MASK);

    for (unsigned level = kernel->page_table.levels; level >= 1; level--) {
        uint64_t entry = *physical_entry(kernel, frame, virt_addr_index(code, level));
        REQUIRE((entry & PAGE_PRESENT) != 0);
        frame = phys_addr_of(entry & PAGE_FRAME_MASK);
    }
    CHECK_EQUAL(frame.value | (code.value & 0xfff),
                page_table_translate(&kernel->page_table, code).address.value);
    CHECK_EQUAL(*physical_byte(kernel, phys_addr_of(frame.value | (code.value & 0xfff))),
                *(volatile uint8_t *)code.value);
}

/* What a walk finds that knows nothing but CR3 and physical memory. */
struct found {
    struct test *test;
    unsigned table_count;
    unsigned leaf_count;
};

static bool is_leaf(uint64_t entry, unsigned level)
{
    return level == 1 || (level <= 3 && (entry & PAGE_HUGE) != 0);
}

static void follow_entries(struct found *found, phys_addr table, unsigned level)
{
    struct test *test = found->test;
    struct kernel *kernel = test->subject;

    found->table_count++;
    CHECK_EQUAL(memory_type_at(kernel, table), MEMORY_PAGE_TABLES);
    for (unsigned index = 0; index < TABLE_ENTRY_COUNT; index++) {
        uint64_t entry = *physical_entry(kernel, table, index);
        phys_addr next = phys_addr_of(entry & PAGE_FRAME_MASK);
        if ((entry & PAGE_PRESENT) == 0) {
            continue;
        }
        if (is_leaf(entry, level)) {
            found->leaf_count++;
        } else if (next.value != kernel->page_table.root.value) { /* or it is recursive */
            follow_entries(found, next, level - 1);
        }
    }
}

static bool count_leaf(void *context, const struct visited_entry *entry)
{
    unsigned *leaf_count = context;

    *leaf_count += entry->leaf ? 1 : 0;
    return true;
}

TEST(reach, from_cr3_by_the_physical_address_in_each_entry_finds_exactly_the_frames_of_tables,
     .tags = "fresh")
{
    struct kernel *kernel = test->subject;
    struct found found = {.test = test};
    uint64_t set_aside = kernel->table_range.frame_count; /* for tables to come */
    unsigned leaf_count = 0;

    follow_entries(&found, phys_addr_of(cr3_read() & CR3_FRAME_MASK), kernel->page_table.levels);
    CHECK_EQUAL(memory_map_bytes(&kernel->boot_info->memory_map, MEMORY_PAGE_TABLES) / (4 * KIB),
                found.table_count + set_aside);
    CHECK_EQUAL(page_table_tables_used(&kernel->page_table) + 1, found.table_count);
    page_table_visit(&kernel->page_table, count_leaf, &leaf_count);
    CHECK_EQUAL(leaf_count, found.leaf_count);
}

/* A space of its own in which page `page` is mapped to a new frame; it is active afterwards. */
static phys_addr enter_space(struct test *test, struct test_frames *frames, uint64_t page)
{
    struct kernel *kernel = test->subject;
    struct address_space own = {.table = kernel->page_table};
    struct address_space space;
    phys_addr frame;

    own.table.access = physical_access(kernel);
    test_frames_init(frames, test, TEST_FRAMES_MAX);
    REQUIRE(frame_source_allocate(&frames->source, 0, &frame));
    REQUIRE_EQUAL(address_space_create(&space, &own, 0, &frames->source), ADDRESS_SPACE_OK);
    REQUIRE_EQUAL(address_space_flush(&space, page_table_map_to(&space.table, virt_addr_of(page),
                                                                frame, PAGE_4K, data_flags(kernel),
                                                                &frames->source)),
                  MAP_OK);
    test_tree(space.table.root, space.table.levels);
    address_space_switch(&own, &space);
    return frame;
}

TEST(reach, of_virtual_4_kib_is_not_of_physical_4_kib_when_mapped_elsewhere)
{
    struct kernel *kernel = test->subject;
    struct test_frames frames;
    phys_addr frame = enter_space(test, &frames, 4 * KIB);
    volatile uint64_t *virtual_4_kib = mm_port_pointer(virt_addr_of(4 * KIB));
    uint64_t physical_before = *physical_entry(kernel, phys_addr_of(4 * KIB), 0);

    *virtual_4_kib = ~physical_before;
    CHECK_EQUAL(*physical_entry(kernel, phys_addr_of(4 * KIB), 0), physical_before);
    CHECK_EQUAL(*physical_entry(kernel, frame, 0), ~physical_before);
}

struct identity_check {
    struct test *test;
    const struct kernel *kernel;
};

static bool check_identity(void *context, const struct visited_entry *entry)
{
    const struct identity_check *check = context;
    struct test *test = check->test;

    if (!entry->leaf && !entry->recursive) {
        phys_addr frame = page_entry_table(entry->entry);
        volatile uint64_t *words = mm_port_pointer(virt_addr_of(frame.value));
        if (frame.value >= LAYOUT_IDENTITY_END) {
            SKIP("more tables than the first 2 MiB have room for");
        }
        for (unsigned index = 0; index < TABLE_ENTRY_COUNT; index++) {
            uint64_t marks = PAGE_ACCESSED | PAGE_DIRTY; /* reading sets them */
            CHECK_EQUAL(words[index] & ~marks,
                        *physical_entry(check->kernel, frame, index) & ~marks);
        }
    }
    return true;
}

TEST(reach, by_identity_shows_each_table_at_its_physical_address)
{
    struct kernel *kernel = test->subject;
    struct identity_check check = {test, kernel};

    page_table_visit(&kernel->page_table, check_identity, &check);
}

/* The tutorial's file of 1000 KiB at 1008 KiB, and a page at 1004 KiB; all from a base, since the
 * frames that the kernel gives for tables are where they are. The kernel's image stands for the
 * file, its first pages again and again. */
#define LAST_PAGE_BELOW_FILE (1004 * KIB)
#define FILE_START (1008 * KIB)
enum { FILE_PAGES = 250, FILE_FRAMES = 8 };

static phys_addr file_frame(uint64_t page)
{
    return phys_addr_of((uint64_t)image_load_start + page % FILE_FRAMES * 4 * KIB);
}

/* A space in which the memory from `base` up to the file is mapped to itself, but for page 0; it is
 * active afterwards. */
static struct address_space enter_space_with_file(struct test *test, struct test_frames *frames,
                                                  phys_addr *base)
{
    struct kernel *kernel = test->subject;
    struct address_space own = {.table = kernel->page_table};
    struct address_space space;
    page_flags read_only = page_flags_of(data_flags(kernel).bits & ~PAGE_WRITABLE);

    own.table.access = physical_access(kernel);
    test_frames_init(frames, test, TEST_FRAMES_MAX);
    REQUIRE_EQUAL(address_space_create(&space, &own, 0, &frames->source), ADDRESS_SPACE_OK);
    test_tree(space.table.root, space.table.levels);
    *base = phys_addr_of(align_down(space.table.root.value, KIB * KIB));
    for (uint64_t at = base->value == 0 ? 4 * KIB : 0; at < FILE_START; at += 4 * KIB) {
        REQUIRE_EQUAL(
            tlb_flush_ignore(page_table_identity_map(&space.table, phys_addr_add(*base, at),
                                                     PAGE_4K, data_flags(kernel), &frames->source)),
            MAP_OK);
    }
    for (uint64_t page = 0; page < FILE_PAGES; page++) {
        virt_addr at = virt_addr_of(base->value + FILE_START + page * 4 * KIB);
        REQUIRE_EQUAL(tlb_flush_ignore(page_table_map_to(&space.table, at, file_frame(page),
                                                         PAGE_4K, read_only, &frames->source)),
                      MAP_OK);
    }
    address_space_switch(&own, &space);
    return space;
}

TEST(reach, by_identity_refuses_frames_that_a_file_mapped_at_1008_kib_hides)
{
    struct kernel *kernel = test->subject;
    struct test_frames frames;
    phys_addr base;
    struct address_space space = enter_space_with_file(test, &frames, &base);
    struct page_table by_identity = space.table;
    uint64_t checksum = tree_checksum(&space.table);
    virt_addr far = virt_addr_of(FAR_PAGE);

    by_identity.access = table_access_linear(0, base, phys_addr_add(base, FILE_START));
    for (uint64_t page = 0; page < FILE_PAGES; page++) {
        struct frame_range hidden = {phys_addr_add(base, FILE_START + page * 4 * KIB), 1};
        struct range_source source;
        /* At the frame's own address is the file. */
        CHECK_EQUAL(*(volatile uint64_t *)hidden.start.value,
                    *physical_entry(kernel, file_frame(page), 0));
        range_source_init(&source, &hidden, 1);
        CHECK_EQUAL(tlb_flush_ignore(page_table_map_to(&by_identity, far, phys_addr_of(0), PAGE_4K,
                                                       data_flags(kernel), &source.source)),
                    MAP_FRAME_UNREACHABLE);
        CHECK_EQUAL(range_source_position(&source).value, hidden.start.value);
    }
    CHECK_EQUAL(tree_checksum(&space.table), checksum);
    /* Below the file there is no such trouble. */
    CHECK(access_reaches(&by_identity.access, ACCESS_LINEAR,
                         phys_addr_add(base, LAST_PAGE_BELOW_FILE)));
    REQUIRE_EQUAL(tlb_flush_now(page_table_map_to(&by_identity, far, phys_addr_of(0), PAGE_4K,
                                                  data_flags(kernel), &frames.source)),
                  MAP_OK);
    CHECK_TRANSLATES(&space.table, far, phys_addr_of(0));
}

TEST(reach, of_any_frame_lets_another_space_be_edited_without_a_switch)
{
    struct kernel *kernel = test->subject;
    struct address_space own = {.table = kernel->page_table};
    struct address_space other;
    struct test_frames frames;
    uint64_t cr3 = cr3_read();

    own.table.access = physical_access(kernel);
    test_frames_init(&frames, test, TEST_FRAMES_MAX);
    REQUIRE_EQUAL(address_space_create(&other, &own, 0, &frames.source), ADDRESS_SPACE_OK);
    test_tree(other.table.root, other.table.levels);
    REQUIRE_EQUAL(
        address_space_flush(&other, page_table_map_to(&other.table, virt_addr_of(FAR_PAGE),
                                                      phys_addr_of(0x5000), PAGE_4K,
                                                      data_flags(kernel), &frames.source)),
        MAP_OK);
    CHECK_TRANSLATES(&other.table, virt_addr_of(FAR_PAGE), phys_addr_of(0x5000));
    CHECK_NOT_MAPPED(&own.table, virt_addr_of(FAR_PAGE));
    CHECK_EQUAL(cr3_read(), cr3);
}
