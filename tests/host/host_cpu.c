#include "tests/host/host_cpu.h"

#define PAGE_OFFSET_BITS UINT64_C(0xfff)
#define CR3_KEEP UINT64_C(0x8000000000000000)

/* The CPU that runs. What mm_port.h stands for is global on hardware too. */
static struct host_cpu *running;

void host_cpu_init(struct host_cpu *cpu, struct host_memory *memory, unsigned levels, bool marks)
{
    *cpu = (struct host_cpu){
        .memory = memory,
        .mmu =
            {
                .ram = memory->ram,
                .ram_start = memory->ram_start,
                .ram_bytes = memory->ram_bytes,
                .levels = levels,
            },
    };
    soft_tlb_init(&cpu->tlb, marks);
}

struct host_cpu *host_cpu_run(struct host_cpu *cpu)
{
    struct host_cpu *before = running;

    running = cpu;
    return before;
}

struct soft_access host_cpu_access(struct host_cpu *cpu, uint64_t address, bool write)
{
    return soft_tlb_access(&cpu->tlb, &cpu->mmu, address, write);
}

void *host_cpu_pointer(uint64_t address)
{
    struct host_page *page;
    struct soft_access access;

    if (running == NULL || running->memory->page_room == 0) {
        host_panic("no CPU runs that could translate %#llx", (unsigned long long)address);
    }
    page = host_memory_page(running->memory, address >> 12);
    access = soft_tlb_access(&running->tlb, &running->mmu, address, true);
    if (access.protected) {
        access = soft_tlb_access(&running->tlb, &running->mmu, address, false);
    }
    if (access.fault != SOFT_TRANSLATED) {
        host_panic("page fault at %#llx: %s", (unsigned long long)address,
                   access.fault == SOFT_NOT_PRESENT    ? "not present"
                   : access.fault == SOFT_RESERVED_BIT ? "a reserved bit is set"
                   : access.fault == SOFT_OUTSIDE_RAM  ? "a table is outside RAM"
                                                       : "not canonical");
    }
    host_memory_show(running->memory, page, access.physical & ~PAGE_OFFSET_BITS, access.writable);
    return host_memory_pointer(running->memory, page) + (address & PAGE_OFFSET_BITS);
}

/* After a flush: makes a page of the window show what the tables say. A CPU may look ahead, so it
 * may cache that at once. */
static void refresh(struct host_cpu *cpu, struct host_page *page)
{
    struct soft_walk walk = soft_mmu_walk(&cpu->mmu, page->page << 12);

    if (!page->shown) {
        return;
    }
    if (walk.fault == SOFT_TRANSLATED &&
        walk.physical - cpu->memory->ram_start < cpu->memory->ram_bytes) {
        host_memory_show(cpu->memory, page, walk.physical, walk.writable);
    } else {
        host_memory_hide(cpu->memory, page);
    }
}

static void refresh_all(struct host_cpu *cpu)
{
    for (size_t i = 0; i < cpu->memory->page_count; i++) {
        refresh(cpu, &cpu->memory->pages[i]);
    }
}

static void call_before_flush(void)
{
    if (running->before_flush != NULL) {
        running->before_flush(running->context);
    }
}

void host_cpu_flush_page(uint64_t address)
{
    struct host_page *page;

    if (running == NULL) {
        return;
    }
    call_before_flush();
    page = host_memory_find_page(running->memory, address >> 12);
    running->page_flush_count++;
    soft_tlb_flush_page(&running->tlb, &running->mmu, address);
    if (page != NULL) {
        refresh(running, page);
    }
}

void host_cpu_flush_all(void)
{
    if (running == NULL) {
        return;
    }
    call_before_flush();
    running->full_flush_count++;
    soft_tlb_flush_all(&running->tlb);
    refresh_all(running);
}

void host_cpu_flush_owed(int change)
{
    if (running != NULL) {
        running->flushes_owed += change;
    }
}

void host_cpu_set_root(uint64_t cr3)
{
    if (running == NULL) {
        return;
    }
    running->mmu.root = cr3 & UINT64_C(0x000ffffffffff000);
    soft_tlb_switch(&running->tlb, (uint16_t)(cr3 & PAGE_OFFSET_BITS), (cr3 & CR3_KEEP) != 0);
    refresh_all(running);
}
