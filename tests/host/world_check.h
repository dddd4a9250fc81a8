/* What tests ask of a world. A check that fails prints the world and the walk of the address. */
#pragma once

#include "testing/test.h"
#include "tests/host/world.h"

/* Runs `body` in a world of each shape, and checks it when it ends. */
void world_for_each(struct test *test, void (*body)(struct test *test, struct world *world));

/* Checks the world at the end of a test, and frees it. */
void world_finish(struct test *test, struct world *world);

/* Checks that the tree is well formed, that its tables are frames that the source has handed out
 * and that no other frame is out, that no cached translation is stale and no flush token owed, and
 * that no frame was given back by mistake. */
void world_check_sound(struct test *test, struct world *world);

/* Checks that the page at `address` is a leaf at `level` for the memory at `frame`, with these flag
 * bits; by the software MMU and by page_table_translate. */
void world_check_page(struct test *test, struct world *world, virt_addr address, unsigned level,
                      uint64_t frame, uint64_t flags);

/* Checks that nothing is mapped at `address`, by both. */
void world_check_absent(struct test *test, struct world *world, virt_addr address);

/* Checks what may be done at `address` over all levels: of PAGE_WRITABLE, PAGE_USER and
 * PAGE_NO_EXECUTE. */
void world_check_effective(struct test *test, struct world *world, virt_addr address,
                           uint64_t effective);

/* Makes the CPU read the byte at `address`, so that it has the translation cached. The address must
 * be mapped, and the tree active; else this does nothing. */
void world_touch(struct world *world, virt_addr address);

/* The value of the entry of `level` that translates `address`; 0 if a walk does not get there. */
uint64_t world_entry(const struct world *world, virt_addr address, unsigned level);

/* How many tables the tree has below the root, and leaves; without what is hidden. */
uint64_t world_table_count(const struct world *world);
uint64_t world_leaf_count(const struct world *world);

/* All of the memory as it is, to be compared later. */
struct world_snapshot;
struct world_snapshot *world_snapshot_take(struct world *world);

/* Checks that memory and frame source are as they were, bit for bit, but for the entries that the
 * access itself changes and the contents of free frames that were handed out in between. Frees the
 * snapshot. */
void world_snapshot_check(struct test *test, struct world *world, struct world_snapshot *snapshot);

/* Frees a snapshot that is not compared. */
void world_snapshot_free(struct world_snapshot *snapshot);
