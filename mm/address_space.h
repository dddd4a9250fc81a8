/* Address spaces: trees of page tables that the CPU is switched between.
 *
 * The upper half of the root belongs to the kernel and is shared: a new space copies its entries,
 * so that all spaces see what is mapped below them. An entry of the root that is filled later is
 * not seen in spaces made before: fill those that the kernel needs first.
 *
 * Needs: one caller at a time for a space, interrupts off during a switch. Global pages are changed
 *   through the active space, since a switch leaves them cached. Where PCIDs are in use, the pages
 *   of the upper half are global: any other is flushed under the current PCID only.
 * Source: Intel SDM volume 3, 4.10.1 "Process-Context Identifiers (PCIDs)" and 4.10.4.
 */
#pragma once

#include "mm/page_range.h"

struct address_space {
    struct page_table table;
    unsigned pcid; /* 1..4095; 0: none, and a switch drops what is cached of both spaces */
    bool stale;    /* what is cached under its PCID must go when the space becomes active */
};

enum address_space_result {
    ADDRESS_SPACE_OK,
    ADDRESS_SPACE_NO_FRAME,
    ADDRESS_SPACE_FRAME_UNREACHABLE,
    ADDRESS_SPACE_RECURSIVE, /* recursive access reaches the tables of the active space alone */
    ADDRESS_SPACE_ACTIVE,    /* switch to another space first */
};

/* Makes a space with an empty lower half and the upper half of `kernel`, whose levels, features and
 * access it takes over. An entry by which the root of `kernel` names itself is left out.
 * frames: gives one frame, for the root. */
__attribute__((warn_unused_result)) enum address_space_result
address_space_create(struct address_space *space, const struct address_space *kernel,
                     unsigned pcid, struct frame_source *frames);

/* Gives the root and every table of the lower half back to `frames`. What the pages of the lower
 * half are mapped to stays with its owner. */
__attribute__((warn_unused_result)) enum address_space_result
address_space_destroy(struct address_space *space, struct frame_source *frames);

/* Makes `to` the space that the CPU uses instead of `from`. What is cached of a space with a PCID
 * survives, unless the space was changed in the meantime. */
void address_space_switch(struct address_space *from, struct address_space *to);

/* Consumes a token of a change in the space: flushes at once if the space is active, else when it
 * next becomes so. */
void address_space_flush_token(struct address_space *space, struct tlb_flush flush);

/* Does what the outcome of an operation on the space's table asks for; yields its result. */
#define address_space_flush(space, outcome)                                                        \
    __extension__({                                                                                \
        __auto_type space_outcome_ = (outcome);                                                    \
        address_space_flush_token((space), space_outcome_.flush);                                  \
        space_outcome_.result;                                                                     \
    })

const char *address_space_result_text(enum address_space_result result);
