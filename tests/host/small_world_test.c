/* Every sequence of up to six operations on a few pages, in each world: the tree is compared with
 * the model after each operation. Sequences that lead to the same state are followed once. */
#include "testing/test.h"
#include "tests/host/world_save.h"

#include <stdlib.h>

enum {
    DEPTH = 6,
    OPERATIONS_MAX = 32,
    VISITED_ROOM = 1 << 18, /* a power of two */
};

#define DATA_FLAGS UINT64_C(0x3)
#define USER_FLAGS (PAGE_NO_EXECUTE | UINT64_C(0x7))

struct exploration {
    struct model_run run;
    struct operation operations[OPERATIONS_MAX];
    unsigned operation_count;
    unsigned path[DEPTH]; /* the operations that led here */
    unsigned path_length;
    uint64_t pages[3]; /* that the CPU has looked at before each operation */
    uint64_t visited_hash[VISITED_ROOM];
    uint8_t visited_depth[VISITED_ROOM]; /* what was left to go then, + 1 */
    uint64_t visited_count;
    uint64_t step_count;
};

static void add(struct exploration *exploration, struct operation operation)
{
    exploration->operations[exploration->operation_count++] = operation;
}

static void add_page(struct exploration *exploration, enum operation_kind kind, uint64_t page,
                     enum page_size size, uint64_t flags)
{
    add(exploration, (struct operation){
                         .kind = kind,
                         .size = size,
                         .page = page,
                         .frame = (page & 0x3fffffff) | 0x80000000,
                         .flags = flags,
                         .accessed_dirty = ACCESSED_DIRTY_REPLACE,
                     });
}

static void add_range(struct exploration *exploration, enum operation_kind kind, uint64_t page,
                      uint64_t page_count, uint64_t flags)
{
    add(exploration, (struct operation){
                         .kind = kind,
                         .size = (enum page_size)RANGE_PAGES_4K,
                         .page = page,
                         .page_count = page_count,
                         .frame = (page & 0x3fffffff) | 0x80000000,
                         .flags = flags,
                     });
}

/* One gibibyte page, the last huge page in it, and two of its pages. */
static void add_operations(struct exploration *exploration, const struct world *world)
{
    uint64_t big = world_page(world, 511, 511, 0, 0).value;
    uint64_t huge = world_page(world, 511, 511, 511, 0).value;
    uint64_t page = world_page(world, 511, 511, 511, 510).value;
    uint64_t last = world_page(world, 511, 511, 511, 511).value;

    exploration->pages[0] = big;
    exploration->pages[1] = page;
    exploration->pages[2] = last;
    add_page(exploration, OPERATION_MAP, page, PAGE_4K, DATA_FLAGS);
    add_page(exploration, OPERATION_MAP, last, PAGE_4K, USER_FLAGS);
    add_page(exploration, OPERATION_MAP, huge, PAGE_2M, DATA_FLAGS);
    add_page(exploration, OPERATION_MAP, big, PAGE_2M, USER_FLAGS);
    add_page(exploration, OPERATION_MAP, big, PAGE_1G, USER_FLAGS);
    add_page(exploration, OPERATION_UNMAP, page, PAGE_4K, 0);
    add_page(exploration, OPERATION_UNMAP, last, PAGE_4K, 0);
    add_page(exploration, OPERATION_UNMAP, huge, PAGE_2M, 0);
    add_page(exploration, OPERATION_UNMAP, big, PAGE_2M, 0);
    add_page(exploration, OPERATION_UNMAP, big, PAGE_1G, 0);
    add_page(exploration, OPERATION_UPDATE, last, PAGE_4K, DATA_FLAGS);
    add_page(exploration, OPERATION_UPDATE, huge, PAGE_2M, USER_FLAGS);
    add_page(exploration, OPERATION_UPDATE, big, PAGE_1G, PAGE_PRESENT);
    add_page(exploration, OPERATION_SPLIT, huge, PAGE_2M, 0);
    add_page(exploration, OPERATION_SPLIT, big, PAGE_1G, 0);
    add_page(exploration, OPERATION_MERGE, huge, PAGE_2M, 0);
    add_page(exploration, OPERATION_MERGE, big, PAGE_1G, 0);
    add_range(exploration, OPERATION_MAP_RANGE, huge, 512, DATA_FLAGS);
    add_range(exploration, OPERATION_UNMAP_RANGE, huge, 512, 0);
    add_range(exploration, OPERATION_PROTECT_RANGE, page, 2, USER_FLAGS);
    add_range(exploration, OPERATION_CLEAN_UP, last, 1, 0);
    add_range(exploration, OPERATION_CLEAN_UP, big, 1, 0);
}

/* Whether the state was met before with as much left to go; notes it if not. */
static bool was_visited(struct exploration *exploration, unsigned left)
{
    uint64_t hash = model_run_hash(&exploration->run);

    for (uint64_t i = hash;; i++) {
        uint64_t place = i & (VISITED_ROOM - 1);

        if (exploration->visited_depth[place] == 0) {
            exploration->visited_count++;
            if (exploration->visited_count == VISITED_ROOM) {
                host_panic("more than %d states", VISITED_ROOM);
            }
        } else if (exploration->visited_hash[place] != hash) {
            continue;
        } else if (exploration->visited_depth[place] > left) {
            return true;
        }
        exploration->visited_hash[place] = hash;
        exploration->visited_depth[place] = (uint8_t)(left + 1);
        return false;
    }
}

static void touch_pages(struct exploration *exploration)
{
    for (unsigned i = 0; i < 3; i++) {
        struct operation read = {.kind = OPERATION_READ, .page = exploration->pages[i]};

        (void)model_run_step(&exploration->run, &read);
    }
}

/* Tries everything from here on. */
static bool explore(struct exploration *exploration, unsigned depth)
{
    struct model_run *run = &exploration->run;
    struct saved_run *saved;
    bool good = true;

    if (depth == DEPTH || was_visited(exploration, DEPTH - depth)) {
        return true;
    }
    saved = model_run_save(run);
    for (unsigned i = 0; i < exploration->operation_count && good; i++) {
        exploration->path[depth] = i;
        exploration->path_length = depth + 1;
        exploration->step_count++;
        touch_pages(exploration);
        good = model_run_step(run, &exploration->operations[i]) && model_run_compare(run) &&
               explore(exploration, depth + 1);
        if (good) {
            model_run_restore(run, saved);
        }
    }
    saved_run_free(saved);
    return good;
}

static void output_path(struct test *test, const struct exploration *exploration)
{
    char text[OPERATION_TEXT_BYTES];

    output_text(test->output, "# ");
    output_text(test->output, exploration->run.failure);
    output_text(test->output, "\n# after:\n");
    for (unsigned depth = 0; depth < exploration->path_length; depth++) {
        operation_print(&exploration->operations[exploration->path[depth]], text, sizeof text);
        output_text(test->output, "#   ");
        output_text(test->output, text);
        output_text(test->output, "\n");
    }
}

static void explore_all(struct test *test, enum access_kind kind, uint64_t frame_limit)
{
    for (unsigned i = 0; i < world_shape_count && !test->failed; i++) {
        struct exploration *exploration = calloc(1, sizeof *exploration);
        struct world_shape shape = world_shapes[i];

        REQUIRE(exploration != NULL);
        shape.frame_count = 24;
        if (shape.kind == kind) {
            model_run_begin(&exploration->run, &shape, frame_limit);
            add_operations(exploration, exploration->run.world);
            if (!explore(exploration, 0)) {
                output_path(test, exploration);
            }
            CHECK(exploration->run.failure[0] == '\0');
            CHECK(exploration->step_count > 1000);
            model_run_end(&exploration->run);
        }
        free(exploration);
    }
}

TEST(small_world, is_right_after_every_sequence_with_linear_access, .tags = "slow")
{
    explore_all(test, ACCESS_LINEAR, UINT64_MAX);
}

TEST(small_world, is_right_after_every_sequence_with_temporary_access, .tags = "slow")
{
    explore_all(test, ACCESS_TEMPORARY, UINT64_MAX);
}

TEST(small_world, is_right_after_every_sequence_with_recursive_access, .tags = "slow")
{
    explore_all(test, ACCESS_RECURSIVE, UINT64_MAX);
}

TEST(small_world, is_right_after_every_sequence_with_few_frames, .tags = "slow")
{
    explore_all(test, ACCESS_LINEAR, 3);
}
