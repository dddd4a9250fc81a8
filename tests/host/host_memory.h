/* Physical memory of a machine that exists in the test program only, and a window in which pages
 * of that machine's address space are shown by the real MMU. A pointer into the window keeps
 * showing what the machine's CPU would see there: after a page is pointed elsewhere, other memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a page of the window shows. */
struct host_page {
    uint64_t page;   /* address / 4 KiB, on the machine's side */
    uint64_t offset; /* into RAM, valid if shown */
    bool shown;
    bool writable;
};

struct host_memory {
    uint8_t *ram; /* the bytes at ram_start.. */
    uint64_t ram_start;
    uint64_t ram_bytes;
    int file;
    uint8_t *window;
    size_t page_count; /* of the window in use */
    size_t page_room;  /* a power of two, or 0: no window */
    struct host_page *pages;
    uint32_t *page_index; /* hash of addresses: index into pages + 1, or 0 */
};

/* Makes memory of `ram_bytes`, all zeros, and room for `page_room` pages in the window, a power of
 * two or 0. Ends the program if it cannot. */
void host_memory_init(struct host_memory *memory, uint64_t ram_start, uint64_t ram_bytes,
                      size_t page_room);
void host_memory_free(struct host_memory *memory);

/* The page of the window that stands for `page` (address / 4 KiB); shows nothing at first. */
struct host_page *host_memory_page(struct host_memory *memory, uint64_t page);

/* The same, or NULL if there has been none so far. */
struct host_page *host_memory_find_page(struct host_memory *memory, uint64_t page);

/* Where a page of the window is. */
uint8_t *host_memory_pointer(const struct host_memory *memory, const struct host_page *page);

/* Makes a page of the window show the frame at `physical`, or nothing. */
void host_memory_show(struct host_memory *memory, struct host_page *page, uint64_t physical,
                      bool writable);
void host_memory_hide(struct host_memory *memory, struct host_page *page);

/* Takes all pages out of the window: no pointer into it is used any more. */
void host_memory_clear_window(struct host_memory *memory);

/* Prints what is wrong with the test or with what it tests, and ends the program. */
__attribute__((noreturn, format(printf, 1, 2))) void host_panic(const char *format, ...);
