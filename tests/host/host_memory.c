/* memfd_create */
#define _GNU_SOURCE
#include "tests/host/host_memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE_BYTES = 4096 };

void host_panic(const char *format, ...)
{
    va_list arguments;

    fflush(stdout);
    fputs("# host machine: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("\n", stderr);
    abort();
}

static void *map_or_panic(void *at, size_t bytes, int protection, int flags, int file,
                          uint64_t offset)
{
    void *mapped = mmap(at, bytes, protection, flags, file, (off_t)offset);

    if (mapped == MAP_FAILED) {
        host_panic("no memory for %zu bytes", bytes);
    }
    return mapped;
}

void host_memory_init(struct host_memory *memory, uint64_t ram_start, uint64_t ram_bytes,
                      size_t page_room)
{
    *memory = (struct host_memory){
        .ram_start = ram_start,
        .ram_bytes = ram_bytes,
        .file = memfd_create("ram", MFD_CLOEXEC),
        .page_room = page_room,
    };
    if (memory->file < 0 || ftruncate(memory->file, (off_t)ram_bytes) != 0) {
        host_panic("no file for %zu bytes of memory", (size_t)ram_bytes);
    }
    memory->ram =
        map_or_panic(NULL, ram_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory->file, 0);
    if (page_room > 0) {
        memory->window = map_or_panic(NULL, page_room * PAGE_BYTES, PROT_NONE,
                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        memory->pages = calloc(page_room, sizeof *memory->pages);
        memory->page_index = calloc(page_room * 2, sizeof *memory->page_index);
        if (memory->pages == NULL || memory->page_index == NULL) {
            host_panic("no memory for a window of %zu pages", page_room);
        }
    }
}

void host_memory_free(struct host_memory *memory)
{
    munmap(memory->ram, memory->ram_bytes);
    close(memory->file);
    if (memory->page_room > 0) {
        munmap(memory->window, memory->page_room * PAGE_BYTES);
        free(memory->pages);
        free(memory->page_index);
    }
}

/* The place in the hash that holds the index of a page, or is to hold it. */
static uint32_t *index_of(const struct host_memory *memory, uint64_t page)
{
    size_t hash = (size_t)((page * UINT64_C(0x9e3779b97f4a7c15)) >> 32);

    for (;; hash++) {
        uint32_t *index = &memory->page_index[hash & (memory->page_room * 2 - 1)];

        if (*index == 0 || memory->pages[*index - 1].page == page) {
            return index;
        }
    }
}

struct host_page *host_memory_find_page(struct host_memory *memory, uint64_t page)
{
    uint32_t index = memory->page_room > 0 ? *index_of(memory, page) : 0;

    return index == 0 ? NULL : &memory->pages[index - 1];
}

struct host_page *host_memory_page(struct host_memory *memory, uint64_t page)
{
    uint32_t *index = index_of(memory, page);

    if (*index == 0) {
        if (memory->page_count == memory->page_room) {
            host_panic("more than %zu pages are in use at a time", memory->page_room);
        }
        memory->pages[memory->page_count] = (struct host_page){.page = page};
        *index = (uint32_t)++memory->page_count;
    }
    return &memory->pages[*index - 1];
}

uint8_t *host_memory_pointer(const struct host_memory *memory, const struct host_page *page)
{
    return memory->window + (size_t)(page - memory->pages) * PAGE_BYTES;
}

void host_memory_show(struct host_memory *memory, struct host_page *page, uint64_t physical,
                      bool writable)
{
    uint64_t offset = physical - memory->ram_start;

    if (offset >= memory->ram_bytes) {
        host_panic("the page at %#llx is mapped to %#llx, where there is no memory",
                   (unsigned long long)page->page << 12, (unsigned long long)physical);
    }
    if (page->shown && page->offset == offset && page->writable == writable) {
        return;
    }
    map_or_panic(host_memory_pointer(memory, page), PAGE_BYTES,
                 writable ? PROT_READ | PROT_WRITE : PROT_READ,
                 MAP_SHARED | MAP_FIXED | MAP_POPULATE, memory->file, offset);
    page->shown = true;
    page->offset = offset;
    page->writable = writable;
}

void host_memory_hide(struct host_memory *memory, struct host_page *page)
{
    if (page->shown) {
        map_or_panic(host_memory_pointer(memory, page), PAGE_BYTES, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
        page->shown = false;
    }
}

void host_memory_clear_window(struct host_memory *memory)
{
    if (memory->page_count > 0) {
        map_or_panic(memory->window, memory->page_room * PAGE_BYTES, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
        memset(memory->page_index, 0, memory->page_room * 2 * sizeof *memory->page_index);
        memory->page_count = 0;
    }
}
