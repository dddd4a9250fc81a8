#include "tests/kernel/support.h"

#include "kernel/cpu/registers.h"
#include "kernel/lib/string.h"
#include "kernel/panic/panic.h"

enum { POISON_BYTE = 0x5b, TEST_TREES_MAX = 8, KERNEL_PAGES_MAX = 4 };

/* The frames of the test in progress. They are the kernel's, and go back to it when it ends. */
static struct {
    struct test *test; /* NULL between the tests */
    phys_addr taken[TEST_FRAMES_MAX]; /* from the kernel, in that order */
    phys_addr frames[TEST_FRAMES_MAX]; /* the same; those that are free first */
    unsigned free_count;
    unsigned count;
    struct {
        phys_addr root;
        unsigned levels;
    } trees[TEST_TREES_MAX]; /* whose frames are accounted for */
    unsigned tree_count;
} pool;

static struct test_frames *to_test_frames(struct frame_source *source)
{
    return (struct test_frames *)source;
}

static void fill(const struct kernel *kernel, phys_addr frame, int byte)
{
    memset((void *)physical_byte(kernel, frame), byte, page_size_bytes(PAGE_4K));
}

/* Adds a frame of the kernel's to a pool that has no free one. */
static bool grow_pool(struct kernel *kernel)
{
    phys_addr frame;

    if (pool.count == TEST_FRAMES_MAX ||
        !frame_source_allocate(kernel->table_frames, 0, &frame)) {
        return false;
    }
    pool.taken[pool.count] = frame;
    pool.frames[pool.count] = pool.frames[0];
    pool.frames[0] = frame;
    pool.count++;
    pool.free_count = 1;
    return true;
}

static bool test_frames_allocate(struct frame_source *source, unsigned order, phys_addr *frame)
{
    struct test_frames *frames = to_test_frames(source);

    ASSERT(order == 0);
    if (frames->in_use == frames->limit || (pool.free_count == 0 && !grow_pool(frames->kernel))) {
        return false;
    }
    *frame = pool.frames[--pool.free_count];
    fill(frames->kernel, *frame, DIRTY_BYTE);
    frames->in_use++;
    frames->taken_in_all++;
    return true;
}

/* The index of a frame that is in use, or pool.count. */
static unsigned index_in_use(phys_addr frame)
{
    unsigned index = pool.free_count;

    while (index < pool.count && pool.frames[index].value != frame.value) {
        index++;
    }
    return index;
}

/* Returns false if the frame is none that is in use. */
static bool give_back(const struct kernel *kernel, phys_addr frame)
{
    unsigned index = index_in_use(frame);

    if (index == pool.count) {
        return false;
    }
    pool.frames[index] = pool.frames[pool.free_count];
    pool.frames[pool.free_count++] = frame;
    fill(kernel, frame, POISON_BYTE);
    return true;
}

static enum frame_free_result test_frames_free(struct frame_source *source, unsigned order,
                                               phys_addr frame)
{
    struct test_frames *frames = to_test_frames(source);

    ASSERT(order == 0 && give_back(frames->kernel, frame));
    frames->in_use--;
    return FRAME_FREE_OK;
}

/* The frames of the pool that the trees of the test reach. */
struct reached {
    bool frames[TEST_FRAMES_MAX]; /* by their index in the pool */
    unsigned stray_count;         /* tables in frames that are not in use */
};

/* Leaves out the upper half, which is the kernel's. */
static bool reach_entry(void *context, const struct visited_entry *entry)
{
    struct reached *reached = context;

    if ((int64_t)entry->start.value < 0) {
        return false;
    }
    if (!entry->recursive) {
        unsigned index = index_in_use(entry->leaf ? page_leaf_address(entry->entry, entry->level)
                                                  : page_entry_table(entry->entry));
        if (index < pool.count) {
            reached->frames[index] = true;
        } else if (!entry->leaf) {
            reached->stray_count++;
        }
    }
    return true;
}

/* Follows a tree, unless its root was given back. The CPU does not stay on it. */
static void reach_tree(const struct kernel *kernel, struct reached *reached, phys_addr root,
                       unsigned levels)
{
    struct page_table table = {
        .root = root,
        .levels = levels,
        .access = physical_access(kernel),
    };
    unsigned index = index_in_use(root);

    if ((cr3_read() & CR3_FRAME_MASK) == root.value) {
        cr3_write(kernel->page_table.root.value);
    }
    if (index < pool.count) {
        reached->frames[index] = true;
        page_table_visit(&table, reach_entry, reached);
    }
}

/* What is in use but in no tree was lost. All goes back to the kernel, what was taken last
 * first. */
static void release_pool(struct test *test, void *unused)
{
    struct kernel *kernel = test->subject;
    struct reached reached = {.stray_count = 0};
    unsigned lost_count = 0;

    (void)unused;
    for (unsigned i = 0; i < pool.tree_count; i++) {
        reach_tree(kernel, &reached, pool.trees[i].root, pool.trees[i].levels);
    }
    for (unsigned i = pool.free_count; i < pool.count; i++) {
        lost_count += reached.frames[i] ? 0 : 1;
    }
    CHECK_EQUAL(lost_count, 0);
    CHECK_EQUAL(reached.stray_count, 0);
    while (pool.count > 0) {
        frame_source_free(kernel->table_frames, 0, pool.taken[--pool.count]);
    }
    pool.free_count = 0;
    pool.tree_count = 0;
    pool.test = NULL;
}

void test_frames_init(struct test_frames *frames, struct test *test, unsigned limit)
{
    if (pool.test != NULL) {
        release_pool(test, NULL);
    } else {
        test_defer(test, release_pool, NULL);
    }
    pool.test = test;
    *frames = (struct test_frames){
        .source = {.allocate = test_frames_allocate, .free = test_frames_free},
        .kernel = test->subject,
        .limit = limit,
    };
}

unsigned test_levels_first(const struct kernel *kernel)
{
    return kernel->page_table.access.kind == ACCESS_RECURSIVE ? kernel->page_table.levels
                                                              : PAGING_LEVELS_MIN;
}

unsigned test_levels_last(const struct kernel *kernel)
{
    return kernel->page_table.access.kind == ACCESS_RECURSIVE ? kernel->page_table.levels
                                                              : PAGING_LEVELS_MAX;
}

/* Gives the tree the kernel's upper half and an entry that names its root, and makes it active. */
static void activate(const struct kernel *kernel, const struct page_table *table)
{
    volatile uint64_t *from = (volatile uint64_t *)physical_byte(kernel, kernel->page_table.root);
    volatile uint64_t *to = (volatile uint64_t *)physical_byte(kernel, table->root);
    unsigned slot = table->access.recursive.slot;

    for (unsigned index = TABLE_ENTRY_COUNT / 2; index < TABLE_ENTRY_COUNT; index++) {
        to[index] = from[index];
    }
    to[slot] = (from[slot] & ~PAGE_FRAME_MASK) | table->root.value;
    cr3_write(table->root.value);
}

void test_tree(phys_addr root, unsigned levels)
{
    ASSERT(pool.tree_count < TEST_TREES_MAX);
    pool.trees[pool.tree_count].root = root;
    pool.trees[pool.tree_count++].levels = levels;
}

struct page_table test_table(struct test_frames *frames, unsigned levels)
{
    struct page_table table = frames->kernel->page_table;

    if (!frame_source_allocate(&frames->source, 0, &table.root)) {
        PANIC("the test has no frame for a root");
    }
    mm_port_zero_table((void *)physical_byte(frames->kernel, table.root));
    table.levels = levels;
    table.active = table.access.kind == ACCESS_RECURSIVE;
    test_tree(table.root, levels);
    if (table.active) {
        activate(frames->kernel, &table);
    }
    return table;
}

struct page_table test_table_of_wide_frames(struct test_frames *frames, unsigned levels)
{
    struct page_table table = test_table(frames, levels);

    table.features.physical_bits = PHYS_ADDR_BITS_MAX;
    return table;
}

/* Pages that the test has put into the kernel's own space. */
static struct kernel_page {
    virt_addr page;
    phys_addr frame;
    struct path_entry path_before[PAGING_LEVELS_MAX];
    unsigned path_length;
} kernel_pages[KERNEL_PAGES_MAX];
static unsigned kernel_page_count;

/* Takes from the tables that were there before the page what it made them allow. */
static void narrow_tables(struct test *test, const struct kernel_page *mapped)
{
    const struct kernel *kernel = test->subject;

    for (unsigned i = 0; i + 1 < mapped->path_length; i++) {
        const struct path_entry *before = &mapped->path_before[i];
        page_flags flags = page_flags_of(before->entry.bits & ~(PAGE_FRAME_MASK | PAGE_DIRTY));
        CHECK_EQUAL(tlb_flush_now(page_table_update_table_flags(&kernel->page_table, mapped->page,
                                                                before->level, flags)),
                    UPDATE_OK);
    }
}

/* Unmaps the page, if the test has not, and gives back the frame and the tables. */
static void remove_kernel_page(struct test *test, void *argument)
{
    struct kernel *kernel = test->subject;
    const struct kernel_page *mapped = argument;

    kernel_page_count--;
    (void)tlb_flush_now(page_table_unmap(&kernel->page_table, mapped->page, PAGE_4K));
    CHECK_EQUAL(tlb_flush_now(page_table_clean_up(&kernel->page_table,
                                                  page_range_of(mapped->page, 1),
                                                  kernel->table_frames)),
                RANGE_OK);
    narrow_tables(test, mapped);
    CHECK_EQUAL(frame_source_free(&kernel->frames.source, 0, mapped->frame), FRAME_FREE_OK);
}

phys_addr map_kernel_page(struct test *test, virt_addr page, page_flags flags)
{
    struct kernel *kernel = test->subject;

    REQUIRE_LESS(kernel_page_count, KERNEL_PAGES_MAX);
    struct kernel_page *mapped = &kernel_pages[kernel_page_count];
    mapped->page = page;
    mapped->path_length = page_table_path(&kernel->page_table, page, mapped->path_before);
    REQUIRE(frame_source_allocate(&kernel->frames.source, 0, &mapped->frame));
    kernel_page_count++;
    test_defer(test, remove_kernel_page, mapped);
    REQUIRE_EQUAL(tlb_flush_now(page_table_map_to(&kernel->page_table, page, mapped->frame, PAGE_4K,
                                                  flags, kernel->table_frames)),
                  MAP_OK);
    return mapped->frame;
}

/* A checksum of a tree in progress. */
struct checksum {
    const struct page_table *table;
    uint64_t value;
};

/* Adds the first `count` entries of the table of `level` for `address`, whatever is in them. */
static void add_table(struct checksum *checksum, virt_addr address, unsigned level, unsigned count)
{
    const struct page_entry *entries = entry_of(checksum->table, address, level);

    for (unsigned index = 0; index < count; index++) {
        uint64_t bits = page_entry_load(&entries[index]).bits & ~(PAGE_ACCESSED | PAGE_DIRTY);
        /* FNV-1a, a word at a time */
        checksum->value = (checksum->value ^ bits) * UINT64_C(0x100000001b3);
    }
}

static bool add_table_of_entry(void *context, const struct visited_entry *entry)
{
    if ((int64_t)entry->start.value < 0) {
        return false;
    }
    if (!entry->leaf && !entry->recursive) {
        add_table(context, entry->start, entry->level - 1, TABLE_ENTRY_COUNT);
    }
    return true;
}

uint64_t tree_checksum(const struct page_table *table)
{
    struct checksum checksum = {.table = table, .value = UINT64_C(0xcbf29ce484222325)};

    add_table(&checksum, virt_addr_of(0), table->levels, TABLE_ENTRY_COUNT / 2);
    page_table_visit(table, add_table_of_entry, &checksum);
    return checksum.value;
}

volatile uint8_t *physical_byte(const struct kernel *kernel, phys_addr address)
{
    return mm_port_pointer(virt_addr_of(kernel->boot_info->physical_memory_offset + address.value));
}

volatile uint64_t *physical_entry(const struct kernel *kernel, phys_addr table, unsigned index)
{
    return (volatile uint64_t *)physical_byte(kernel, table) + index;
}

struct table_access physical_access(const struct kernel *kernel)
{
    return table_access_linear(kernel->boot_info->physical_memory_offset, phys_addr_of(0),
                               memory_map_ram_end(&kernel->boot_info->memory_map));
}

enum memory_type memory_type_at(const struct kernel *kernel, phys_addr address)
{
    const struct memory_map *map = &kernel->boot_info->memory_map;

    for (size_t i = 0; i < map->region_count; i++) {
        if (address.value >= map->regions[i].start.value &&
            address.value < map->regions[i].end.value) {
            return map->regions[i].type;
        }
    }
    return MEMORY_TYPE_COUNT;
}

struct page_entry *entry_of(const struct page_table *table, virt_addr address, unsigned level)
{
    struct walk walk = walk_any(table, address, level);

    ASSERT(walk.level == level);
    return walk.slot;
}

page_flags data_flags(const struct kernel *kernel)
{
    return page_flags_of(PAGE_PRESENT | PAGE_WRITABLE |
                         (kernel->cpu.no_execute ? PAGE_NO_EXECUTE : 0));
}
