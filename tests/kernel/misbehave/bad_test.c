/* Tests that pass, for lies to be told about, and tests that go wrong in each way there is. */
#include "kernel/cpu/registers.h"
#include "kernel/layout/layout.h"
#include "kernel/panic/panic.h"
#include "testing/test.h"
#include "tests/kernel/misbehave/misbehave.h"

TEST(good, passes) { CHECK(true); }
TEST(good, passes_too) { CHECK_EQUAL(1, 1); }
TEST(good, passes_as_well) { REQUIRE(true); }
TEST(other, passes) { CHECK(true); }

TEST(bad, fails) { CHECK_EQUAL(1 + 1, 3); }
TEST(bad, panics) { PANIC("in a test"); }
TEST(bad, triple_faults) { triple_fault(test->subject); }
TEST(bad, resets_the_machine) { reset_by_port_cf9(test->subject); }
TEST(bad, hangs_with_interrupts_off, .timeout_ms = 500) { hang_with_interrupts_off(test->subject); }
TEST(bad, hangs_with_interrupts_on, .timeout_ms = 500) { hang_with_interrupts_on(test->subject); }
TEST(bad, spins_with_interrupts_off, .timeout_ms = 500) { spin_with_interrupts_off(test->subject); }
TEST(bad, exits_with_success) { exit_with_success(test->subject); }
TEST(bad, overflows_the_stack) { overflow_the_stack(test->subject); }
TEST(bad, runs_into_nowhere) { run_into_nowhere(test->subject); }
TEST(bad, loses_the_stack) { lose_the_stack(test->subject); }

TEST(bad, leaks_a_frame)
{
    struct kernel *kernel = test->subject;
    phys_addr frame;

    CHECK(frame_source_allocate(kernel->table_frames, 0, &frame));
}

/* Where there is a table already, in the guard of the lowest stack: no frame is taken for it. */
TEST(bad, leaves_a_mapping_behind)
{
    struct kernel *kernel = test->subject;
    struct map_outcome outcome =
        page_table_map_to(&kernel->page_table, virt_addr_of(LAYOUT_STACKS), phys_addr_of(0x5000),
                          PAGE_4K, page_flags_of(PAGE_PRESENT), frame_source_empty());

    CHECK_EQUAL(tlb_flush_now(outcome), MAP_OK);
}

/* Another permission for a page of the kernel's own code. */
TEST(bad, leaves_code_writable)
{
    struct kernel *kernel = test->subject;
    struct update_outcome outcome = page_table_update_flags(
        &kernel->page_table, virt_addr_of((uint64_t)triple_fault & ~UINT64_C(0xfff)), PAGE_4K,
        page_flags_of(PAGE_PRESENT | PAGE_WRITABLE), ACCESSED_DIRTY_KEEP);

    CHECK_EQUAL(tlb_flush_now(outcome), UPDATE_OK);
}

TEST(bad, leaves_interrupts_changed)
{
    if (interrupts_are_on()) {
        __asm__ volatile("cli");
    } else {
        /* One instruction later they would come; none is waited for. */
        __asm__ volatile("sti");
    }
}

TEST(bad, leaves_write_protection_off) { cr0_write(cr0_read() & ~CR0_WRITE_PROTECT); }
