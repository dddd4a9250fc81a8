/* One operation on page tables with its arguments, as data: to be done by mm/, predicted by a
 * model, printed, made at random.
 */
#pragma once

#include "tests/host/world.h"

enum operation_kind {
    OPERATION_MAP,
    OPERATION_IDENTITY_MAP,
    OPERATION_MAP_WITH_TABLE_FLAGS,
    OPERATION_UNMAP,
    OPERATION_UPDATE,
    OPERATION_UPDATE_TABLE,
    OPERATION_SPLIT,
    OPERATION_MERGE,
    OPERATION_MAP_RANGE,
    OPERATION_FRAMES_NEEDED,
    OPERATION_UNMAP_RANGE,
    OPERATION_PROTECT_RANGE,
    OPERATION_CLEAN_UP,
    OPERATION_FIND_UNMAPPED, /* as many pages in the range as `frame` says */
    OPERATION_TRANSLATE,
    OPERATION_TRANSLATE_PAGE,
    OPERATION_READ, /* by the CPU, through what it has cached */
    OPERATION_WRITE,
};
enum { OPERATION_KIND_COUNT = OPERATION_WRITE + 1 };

struct operation {
    enum operation_kind kind;
    enum page_size size; /* of MAP_RANGE and FRAMES_NEEDED: an enum range_pages */
    unsigned level;      /* of UPDATE_TABLE */
    enum accessed_dirty accessed_dirty;
    uint64_t page; /* or address, or start of a range */
    uint64_t page_count;
    uint64_t frame;
    uint64_t flags;
    uint64_t table_flags;
};

/* What an operation says. Which fields it has depends on its kind; the others are 0. */
struct answer {
    unsigned result;
    unsigned level;
    uint64_t value; /* an address, or a count */
    uint64_t flags;
    uint64_t effective;
};

/* Does the operation, and what the flush token asks for. Nothing is done to a world whose tree is
 * not active when the CPU is to read or write. */
struct answer operation_apply(struct world *world, const struct operation *operation);

bool answer_equals(const struct answer *one, const struct answer *other);

enum { OPERATION_TEXT_BYTES = 192 };

/* "map ffff800000000000 1000 4k 3": the operations of the trace tool as it reads them, the others
 * likewise. */
void operation_print(const struct operation *operation, char *text, size_t text_bytes);

/* "result 2 (inside a huge page ...), value 0" */
void answer_print(const struct operation *operation, const struct answer *answer, char *text,
                  size_t text_bytes);
