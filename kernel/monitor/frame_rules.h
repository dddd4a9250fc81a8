/* What may be mapped how, by the memory that is mapped: as the kernel's own mappings have it. */
#pragma once

#include "kernel/monitor/monitor.h"
#include "mm/page_table.h"

/* Why [frame, frame + bytes) must not be mapped with these rights, or NULL: what the kernel keeps
 * read-only is not written at another address, and what it writes is not executed. */
const char *frame_rules_rights(const struct monitor *monitor, phys_addr frame, uint64_t bytes,
                               page_flags flags);

/* The same for the pages that are mapped in [start, start + bytes), whose rights are to change. */
const char *frame_rules_rights_of_pages(const struct monitor *monitor, virt_addr start,
                                        uint64_t bytes, page_flags flags);

enum frame_kind {
    FRAMES_OF_RAM,
    FRAMES_OF_DEVICES, /* or of nothing, as far as the memory map tells */
    FRAMES_OF_BOTH,
};

/* What there is at [frame, frame + bytes). With FRAMES_OF_BOTH, *boundary is where it changes
 * first. */
enum frame_kind frame_rules_kind(const struct monitor *monitor, phys_addr frame, uint64_t bytes,
                                 phys_addr *boundary);
