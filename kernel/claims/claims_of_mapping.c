/* What the tutorial says about translating and mapping. */
#include "kernel/claims/claim.h"
#include "kernel/claims/scratch.h"
#include "kernel/traps/exception.h"
#include "kernel/traps/exception_text.h"
#include "mm/page_range.h"

#define NOT_CANONICAL UINT64_C(0x4000000000000000)

/* The tutorial's page with the indices 1, 0, 511, 0, and its neighbours. */
#define NEAR_PAGE UINT64_C(0x803fe00000)
#define SAME_TABLE_PAGE UINT64_C(0x803fe02000)
#define NEXT_TABLE_PAGE UINT64_C(0x803fdfd000)

static enum claim_result show_translation_of(struct monitor *monitor, uint64_t address,
                                             uint64_t expected)
{
    struct translation translation =
        page_table_translate(&monitor->kernel->page_table, virt_addr_of(address));

    if (translation.result != TRANSLATE_OK) {
        console_print(monitor->console, "  0x%lx: %s\n", address,
                      translate_result_text(translation.result));
        return CLAIM_BROKEN;
    }
    console_print(monitor->console, "  0x%lx -> 0x%lx, in a %s page\n", address,
                  translation.address.value, page_size_name((enum page_size)translation.level));
    return claim_result_of(translation.address.value == expected);
}

static enum claim_result show_screen(struct monitor *monitor)
{
    return show_translation_of(monitor, VGA_TEXT_FRAME, VGA_TEXT_FRAME);
}

static enum claim_result show_offset_bits(struct monitor *monitor)
{
    uint64_t address = (uint64_t)&show_offset_bits;
    struct translation translation =
        page_table_translate(&monitor->kernel->page_table, virt_addr_of(address));
    uint64_t mask = level_bytes(1) - 1;

    return show_translation_of(monitor, address,
                               (translation.address.value & ~mask) | (address & mask));
}

static enum claim_result show_memory_offset(struct monitor *monitor)
{
    return show_translation_of(monitor, monitor->kernel->boot_info->physical_memory_offset, 0);
}

/* Of a page that shows the screen. */
static page_flags screen_flags(const struct monitor *monitor)
{
    uint64_t no_execute = monitor->kernel->cpu.no_execute ? PAGE_NO_EXECUTE : 0;

    return page_flags_of(PAGE_PRESENT | PAGE_WRITABLE | no_execute |
                         cpu_features_device_type().bits);
}

/* Tries to map the page to the screen, and unmaps it again. */
static enum map_result try_map(struct monitor *monitor, virt_addr page, struct frame_source *frames)
{
    const struct page_table *tables = &monitor->kernel->page_table;
    phys_addr frame = phys_addr_of(VGA_TEXT_FRAME);
    enum map_result result = tlb_flush_now(
        page_table_map_to(tables, page, frame, PAGE_4K, screen_flags(monitor), frames));

    console_print(monitor->console, "  map 0x%lx to 0x%lx: %s\n", page.value, frame.value,
                  map_result_text(result));
    if (result == MAP_OK) {
        (void)tlb_flush_now(page_table_unmap(tables, page, PAGE_4K));
    }
    return result;
}

static enum claim_result show_page_0(struct monitor *monitor)
{
    enum map_result result = try_map(monitor, virt_addr_of(0), frame_source_empty());

    return result == MAP_ALREADY_MAPPED ? CLAIM_NOT_HERE : claim_result_of(result == MAP_OK);
}

static enum claim_result show_far_page(struct monitor *monitor)
{
    struct scratch scratch;

    if (!scratch_begin(&scratch, monitor)) {
        return CLAIM_NOT_HERE;
    }
    bool refused = try_map(monitor, scratch.page, frame_source_empty()) == MAP_NO_FRAME;
    scratch_end(&scratch);
    return claim_result_of(refused);
}

static uint64_t tables_for(struct monitor *monitor, uint64_t page)
{
    struct frames_needed needed = page_table_frames_needed(
        &monitor->kernel->page_table, page_range_of(virt_addr_of(page), 1),
        phys_addr_of(VGA_TEXT_FRAME), RANGE_PAGES_4K, screen_flags(monitor));

    console_print(monitor->console, "  new tables for page 0x%lx: %lu\n", page, needed.count);
    return needed.count;
}

static enum claim_result show_new_tables(struct monitor *monitor)
{
    struct kernel *kernel = monitor->kernel;
    struct page_range near = page_range_of(virt_addr_of(NEAR_PAGE), 1);
    struct scratch scratch;

    if (!scratch_begin(&scratch, monitor)) {
        return CLAIM_NOT_HERE;
    }
    if (tlb_flush_now(page_table_map_range(&kernel->page_table, near, phys_addr_of(VGA_TEXT_FRAME),
                                           RANGE_PAGES_4K, screen_flags(monitor),
                                           kernel->table_frames)) != MAP_OK) {
        console_print(monitor->console, "  0x%lx was mapped here: unmap it first\n", NEAR_PAGE);
        scratch_end(&scratch);
        return CLAIM_NOT_HERE;
    }
    console_print(monitor->console, "  with page 0x%lx mapped:\n", NEAR_PAGE);
    bool exact =
        tables_for(monitor, SAME_TABLE_PAGE) == 0 && tables_for(monitor, NEXT_TABLE_PAGE) == 1;
    (void)tlb_flush_now(page_table_unmap_range(&kernel->page_table, near));
    (void)tlb_flush_now(page_table_clean_up(&kernel->page_table, near, kernel->table_frames));
    /* What was found empty may be the entry of this page: it is again. */
    console_print(monitor->console, "  without it, far from all that is mapped:\n");
    exact = tables_for(monitor, scratch.page.value) == 3 && exact;
    scratch_end(&scratch);
    return claim_result_of(exact);
}

static enum claim_result show_mapped_twice(struct monitor *monitor)
{
    virt_addr page = virt_addr_of((uint64_t)&show_mapped_twice & ~0xfffull);

    return claim_result_of(try_map(monitor, page, frame_source_empty()) == MAP_ALREADY_MAPPED);
}

static void write_word(void *address)
{
    *(volatile uint64_t *)address = 1;
}

/* Writes to two neighbours, of which the second is read-only. */
static enum claim_result show_read_only(struct monitor *monitor)
{
    struct scratch scratch;
    bool holds = false;

    if (!scratch_begin(&scratch, monitor)) {
        return CLAIM_NOT_HERE;
    }
    if (scratch_map(&scratch, 0, scratch.frames[0], PAGE_WRITABLE) &&
        scratch_map(&scratch, 1, scratch.frames[1], 0)) {
        for (unsigned page = 0; page < 2; page++) {
            struct caught_exception caught =
                exception_try(write_word, mm_port_pointer(scratch_page(&scratch, page)));
            console_print(monitor->console, "  write to 0x%lx: %s, error code 0x%lx\n",
                          scratch_page(&scratch, page).value,
                          caught.caught ? exception_name(caught.frame.vector) : "done",
                          caught.frame.error_code);
            holds = page == 0
                        ? !caught.caught
                        : holds && caught.caught &&
                              caught.frame.error_code == (PAGE_FAULT_PROTECTION | PAGE_FAULT_WRITE);
        }
    }
    scratch_end(&scratch);
    return claim_result_of(holds);
}

/* Changes the frame of a page, and reads the page before and after the flush. */
static enum claim_result show_stale_translation(struct monitor *monitor)
{
    const struct page_table *tables = &monitor->kernel->page_table;
    struct scratch scratch;
    uint64_t before = 0;
    uint64_t after = 0;

    if (!scratch_begin(&scratch, monitor)) {
        return CLAIM_NOT_HERE;
    }
    *scratch_physical_word(monitor, scratch.frames[0]) = 1;
    *scratch_physical_word(monitor, scratch.frames[1]) = 2;
    if (scratch_map(&scratch, 0, scratch.frames[0], 0) && *scratch_word(&scratch, 0) == 1) {
        struct unmap_outcome unmapped = page_table_unmap(tables, scratch.page, PAGE_4K);
        /* The token is consumed below: in between, the old translation may still be cached. */
        enum map_result mapped =
            tlb_flush_ignore(page_table_map_to(tables, scratch.page, scratch.frames[1], PAGE_4K,
                                               page_flags_of(PAGE_PRESENT), frame_source_empty()));
        before = *scratch_word(&scratch, 0);
        enum page_result flushed = tlb_flush_now(unmapped);
        after = mapped == MAP_OK && flushed == PAGE_OK ? *scratch_word(&scratch, 0) : 0;
    }
    scratch_end(&scratch);
    console_print(monitor->console,
                  "  the page went from a frame that holds 1 to one that holds 2\n"
                  "  read before the flush: %lu; after it: %lu\n",
                  before, after);
    return claim_result_of((before == 1 || before == 2) && after == 2);
}

static enum claim_result show_two_views(struct monitor *monitor)
{
    struct scratch scratch;
    uint64_t seen = 0;

    if (!scratch_begin(&scratch, monitor)) {
        return CLAIM_NOT_HERE;
    }
    if (scratch_map(&scratch, 0, scratch.frames[0], PAGE_WRITABLE) &&
        scratch_map(&scratch, 1, scratch.frames[0], 0)) {
        *scratch_word(&scratch, 0) = 0x1234;
        seen = *scratch_word(&scratch, 1);
        console_print(monitor->console, "  0x1234 written at 0x%lx is 0x%lx at 0x%lx\n",
                      scratch_page(&scratch, 0).value, seen, scratch_page(&scratch, 1).value);
    }
    scratch_end(&scratch);
    return claim_result_of(seen == 0x1234);
}

static enum claim_result show_scattered_frames(struct monitor *monitor)
{
    static const unsigned frame_of_page[SCRATCH_FRAMES] = {2, 0, 1};
    struct scratch scratch;
    bool holds = true;

    if (!scratch_begin(&scratch, monitor)) {
        return CLAIM_NOT_HERE;
    }
    for (unsigned page = 0; page < SCRATCH_FRAMES && holds; page++) {
        phys_addr frame = scratch.frames[frame_of_page[page]];
        holds = scratch_map(&scratch, page, frame, PAGE_WRITABLE);
        if (holds) {
            *scratch_word(&scratch, page) = page;
            holds = *scratch_physical_word(monitor, frame) == page;
            console_print(monitor->console, "  0x%lx -> frame 0x%lx\n",
                          scratch_page(&scratch, page).value, frame.value);
        }
    }
    scratch_end(&scratch);
    return claim_result_of(holds);
}

static void read_not_canonical(void *argument)
{
    (void)argument;
    (void)*(volatile uint64_t *)mm_port_pointer(virt_addr_of(NOT_CANONICAL));
}

static enum claim_result show_not_canonical(struct monitor *monitor)
{
    struct caught_exception caught = exception_try(read_not_canonical, NULL);

    console_print(monitor->console, "  read from 0x%lx: %s\n", NOT_CANONICAL,
                  caught.caught ? exception_name(caught.frame.vector) : "done");
    return claim_result_of(caught.caught && caught.frame.vector == EXCEPTION_GENERAL_PROTECTION);
}

const struct claim claims_of_mapping[] = {
    {"X1", "0xb8000 is mapped to 0xb8000", show_screen, false},
    {"X2", "the low 12 bits of an address stay what they are", show_offset_bits, false},
    {"X3", "the offset of physical memory leads to 0", show_memory_offset, true},
    {"M1", "page 0 can be mapped without a new table", show_page_0, false},
    {"M3", "a far page cannot be mapped when there are no frames for tables", show_far_page, false},
    {"M5", "how many tables a page takes depends on its neighbours", show_new_tables, false},
    {"M7", "a page that is mapped cannot be mapped again", show_mapped_twice, false},
    {"M8", "writing takes a page that is writable", show_read_only, false},
    {"M10", "an old translation may live until it is flushed, not longer", show_stale_translation,
     true},
    {"M11", "two pages with the same frame show the same bytes", show_two_views, false},
    {"G1", "pages in a row can have frames from anywhere", show_scattered_frames, true},
    {"G5", "an address that is not canonical is no page fault", show_not_canonical, false},
    {NULL, NULL, NULL, false},
};
