/* How the kernel's tables show the screen's pixels. One test, since a boot with a framebuffer takes
 * seconds. */
#include "kernel/cpu/registers.h"
#include "kernel/layout/layout.h"
#include "tests/kernel/support.h"

enum { TYPE_BITS = PAGE_PAT_4K | PAGE_CACHE_DISABLE | PAGE_WRITE_THROUGH };

TEST(framebuffer, is_mapped_page_by_page_writable_not_executable_and_write_combining,
     .requires = REQUIRES_FRAMEBUFFER | REQUIRES_NO_EXECUTE)
{
    struct kernel *kernel = test->subject;
    const struct display *display = &kernel->boot_info->display;
    uint64_t first_frame = align_down(display->address.value, 4096);
    uint64_t end = align_up(display->address.value + framebuffer_bytes(display), 4096);

    REQUIRE(kernel->cpu.page_attributes);
    CHECK_EQUAL(msr_read(MSR_PAT) >> 32 & 0xff, 1); /* what a page with the flag PAT alone takes */
    for (uint64_t at = 0; at < end - first_frame; at += 4096) {
        virt_addr page = virt_addr_of(LAYOUT_FRAMEBUFFER + at);
        struct translation translation = page_table_translate(&kernel->page_table, page);

        CHECK_TRANSLATES(&kernel->page_table, page, phys_addr_of(first_frame + at));
        REQUIRE_EQUAL(translation.level, PAGE_4K);
        CHECK_EQUAL(translation.flags.bits & TYPE_BITS, PAGE_PAT_4K);
        CHECK_EQUAL(translation.effective.bits, PAGE_WRITABLE | PAGE_NO_EXECUTE);
    }
    CHECK_NOT_MAPPED(&kernel->page_table, virt_addr_of(LAYOUT_FRAMEBUFFER - 1));
    CHECK_NOT_MAPPED(&kernel->page_table, virt_addr_of(LAYOUT_FRAMEBUFFER + end - first_frame));
    REQUIRE(kernel->console.framebuffer != NULL);
    CHECK_EQUAL((uint64_t)kernel->console.framebuffer->framebuffer.pixels,
                LAYOUT_FRAMEBUFFER + display->address.value - first_frame);
}
