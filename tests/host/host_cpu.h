/* The CPU of a machine that exists in the test program only: its CR3, its cached translations and
 * its memory. mm_port.h sends what mm/ asks of the hardware to the CPU that is running. With none,
 * nothing is flushed and no address translates: enough for linear access.
 */
#pragma once

#include "tests/host/host_memory.h"
#include "tests/host/soft_tlb.h"

struct host_cpu {
    struct host_memory *memory;
    struct soft_mmu mmu; /* walks what CR3 names */
    struct soft_tlb tlb;
    uint64_t page_flush_count;
    uint64_t full_flush_count;
    int64_t flushes_owed; /* flush tokens that were made and not consumed */
    /* Called before anything is flushed, to look at what can be seen until then; or NULL. */
    void (*before_flush)(void *context);
    void *context;
};

/* A CPU that is off: load its CR3 by setting mmu.root.
 * memory: outlives it.
 * marks: sets A and D, as CPUs do; without that, tables stay bit for bit what was written. */
void host_cpu_init(struct host_cpu *cpu, struct host_memory *memory, unsigned levels, bool marks);

/* Makes a CPU the one that runs; or none (NULL). Returns the one that ran before. */
struct host_cpu *host_cpu_run(struct host_cpu *cpu);

/* Reads or writes at an address, as a program that runs on the CPU would. */
struct soft_access host_cpu_access(struct host_cpu *cpu, uint64_t address, bool write);

/* What a program that runs on the CPU sees at an address. Through the pointer it can be read, and
 * written if it is writable. Ends the program, as a page fault would, if it does not translate. */
void *host_cpu_pointer(uint64_t address);

void host_cpu_flush_page(uint64_t address);
void host_cpu_flush_all(void);
void host_cpu_flush_owed(int change);
void host_cpu_set_root(uint64_t cr3);
