/* Page tables in a piece of memory that stands for the physical memory of a machine: a program that
 * uses nothing but libassay_mm.a and its headers. docs/mm.md shows how to build it. */
#include "mm/page_range.h"

#include <stdio.h>
#include <stdlib.h>

#define MEMORY_BYTES (UINT64_C(64) << 12)

/* Maps a page, finds a byte of it, changes it and takes it away again. */
static int use_page(const struct page_table *table, struct frame_source *frames)
{
    virt_addr page = virt_addr_of(0xffff900000000000);
    page_flags read_write = page_flags_of(PAGE_PRESENT | PAGE_WRITABLE | PAGE_NO_EXECUTE);
    page_flags read_only = page_flags_of(PAGE_PRESENT | PAGE_NO_EXECUTE);

    /* Nothing can be stale in tables that no CPU has walked: the token is dropped on purpose. */
    enum map_result mapped = tlb_flush_ignore(
        page_table_map_to(table, page, phys_addr_of(0xb8000), PAGE_4K, read_write, frames));
    printf("map_to: %s\n", map_result_text(mapped));

    struct translation found = page_table_translate(table, virt_addr_add(page, 0x123));
    printf("translate: %s, physical address %#jx, %s\n", translate_result_text(found.result),
           (uintmax_t)found.address.value,
           (found.effective.bits & PAGE_WRITABLE) != 0 ? "writable" : "read-only");

    enum update_result updated = tlb_flush_ignore(
        page_table_update_flags(table, page, PAGE_4K, read_only, ACCESSED_DIRTY_KEEP));
    printf("update_flags: %s\n", update_result_text(updated));

    enum map_result again = tlb_flush_ignore(
        page_table_map_to(table, page, phys_addr_of(0xb8000), PAGE_4K, read_write, frames));
    printf("map_to: %s\n", map_result_text(again));

    struct unmap_outcome unmapped = page_table_unmap(table, page, PAGE_4K);
    enum page_result result = tlb_flush_ignore(unmapped);
    printf("unmap: %s, frame %#jx\n", page_result_text(result), (uintmax_t)unmapped.frame.value);

    return mapped == MAP_OK && found.result == TRANSLATE_OK && found.address.value == 0xb8123 &&
           updated == UPDATE_OK && again == MAP_ALREADY_MAPPED && result == PAGE_OK;
}

/* Maps 8 MiB, with the largest pages that fit. */
static int use_range(const struct page_table *table, struct frame_source *frames)
{
    struct page_range range = page_range_of(virt_addr_of(0x400000), 8 << 8);
    page_flags flags = page_flags_of(PAGE_PRESENT | PAGE_WRITABLE);
    struct frames_needed needed = page_table_frames_needed(
        table, range, phys_addr_of(0x200000), RANGE_PAGES_LARGEST, flags);
    enum map_result mapped = tlb_flush_ignore(page_table_map_range(
        table, range, phys_addr_of(0x200000), RANGE_PAGES_LARGEST, flags, frames));
    printf("map_range: %s, %ju new tables\n", map_result_text(mapped), (uintmax_t)needed.count);

    struct range_outcome unmapped = page_table_unmap_range(table, range);
    enum range_result result = tlb_flush_ignore(unmapped);
    printf("unmap_range: %s, %ju leaves\n", range_result_text(result),
           (uintmax_t)unmapped.leaf_count);

    struct range_outcome cleaned = page_table_clean_up(table, page_range_lower_half(4), frames);
    enum range_result clean_result = tlb_flush_ignore(cleaned);
    printf("clean_up: %s, %ju tables\n", range_result_text(clean_result),
           (uintmax_t)cleaned.leaf_count);

    return mapped == MAP_OK && result == RANGE_OK && unmapped.leaf_count == 4 &&
           cleaned.leaf_count == needed.count;
}

int main(void)
{
    /* Physical address 0 is at `memory`. The first frame is the root, the others are for tables. */
    unsigned char *memory = aligned_alloc(4096, MEMORY_BYTES);
    struct frame_range free_frames = {.start = phys_addr_of(0x1000), .frame_count = 63};
    struct range_source source;

    if (memory == NULL) {
        return 1;
    }
    mm_port_zero_table(memory);
    range_source_init(&source, &free_frames, 1);
    struct page_table table = {
        .root = phys_addr_of(0),
        .levels = 4,
        .features = {.physical_bits = 40, .no_execute = true, .pages_1g = true},
        .access = table_access_linear((uint64_t)memory, phys_addr_of(0),
                                      phys_addr_of(MEMORY_BYTES)),
    };
    int ok = use_page(&table, &source.source) && use_range(&table, &source.source);

    free(memory);
    return ok ? 0 : 1;
}
