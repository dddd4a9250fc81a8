/* What the entries on the way to a page allow together. Pure: also built for the host. */
#pragma once

#include "mm/page_entry.h"

enum { PERMISSION_BYTES = 5 };

/* The permissions before the first entry: all. */
#define PERMISSION_ALL (PAGE_WRITABLE | PAGE_USER)

/* Of WRITABLE, USER and NO_EXECUTE, what holds after one more entry: W and U must be set at every
 * level, NX counts from any.
 * Source: Intel SDM volume 3, 4.6 "Access Rights". */
static inline page_flags permission_after(page_flags permission, struct page_entry entry)
{
    uint64_t allowed = permission.bits & entry.bits & (PAGE_WRITABLE | PAGE_USER);
    uint64_t denied = (permission.bits | entry.bits) & PAGE_NO_EXECUTE;

    return page_flags_of(allowed | denied);
}

/* "rw-u" and so on: read, write, execute, user mode. */
static inline const char *permission_text(page_flags permission, char text[PERMISSION_BYTES])
{
    text[0] = 'r';
    text[1] = (permission.bits & PAGE_WRITABLE) != 0 ? 'w' : '-';
    text[2] = (permission.bits & PAGE_NO_EXECUTE) != 0 ? '-' : 'x';
    text[3] = (permission.bits & PAGE_USER) != 0 ? 'u' : '-';
    text[4] = '\0';
    return text;
}
