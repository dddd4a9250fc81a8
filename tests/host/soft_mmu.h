/* Walks through page tables in memory of the host, by the model's rules: the judge of what mm/ does
 * to page tables. It shares no code with mm/ and takes plain numbers only. */
#pragma once

#include "tests/model/mmu.h"

#include <stddef.h>

enum { SOFT_TABLE_ENTRIES = 512 };

struct soft_mmu {
    uint8_t *ram; /* physical memory from ram_start on; there is no other */
    uint64_t ram_start;
    uint64_t ram_bytes;
    uint64_t root; /* CR3 without its low bits */
    unsigned levels;
    unsigned physical_bits; /* MAXPHYADDR */
    bool no_execute;        /* EFER.NXE */
    bool pages_1g;
};

enum soft_fault {
    SOFT_TRANSLATED,
    SOFT_NOT_CANONICAL,
    SOFT_NOT_PRESENT,
    SOFT_RESERVED_BIT,
    SOFT_OUTSIDE_RAM, /* a table is where there is no memory */
};

/* An entry that a walk read. */
struct soft_step {
    uint64_t at; /* its physical address */
    uint64_t bits;
};

struct soft_walk {
    enum soft_fault fault;
    unsigned level;      /* of the entry read last */
    unsigned step_count; /* entries read, root first */
    struct soft_step steps[MMU_LEVELS_MAX];
    uint64_t physical; /* SOFT_TRANSLATED: where the byte is */
    uint64_t leaf;     /* SOFT_TRANSLATED: the entry that maps it */
    bool writable;     /* over all levels */
    bool user;
    bool no_execute;
};

/* Translates an address as the CPU does. */
struct soft_walk soft_mmu_walk(const struct soft_mmu *mmu, uint64_t address);

/* The rest of the translation when the CPU remembers the tables above `level`: begins in a table of
 * that level at mmu->root. */
struct soft_walk soft_mmu_walk_below(const struct soft_mmu *mmu, uint64_t address, unsigned level);

/* The entry at a physical address in RAM. */
uint64_t soft_mmu_read(const struct soft_mmu *mmu, uint64_t at);
void soft_mmu_write(const struct soft_mmu *mmu, uint64_t at, uint64_t bits);

/* A present entry met by a survey. */
struct soft_entry {
    uint64_t start; /* the first address that it translates */
    unsigned level; /* of the table that holds it */
    uint64_t bits;
    bool leaf;
    bool writable; /* over all levels down to this one */
    bool user;
    bool no_execute;
};

/* All that a tree holds. */
struct soft_survey {
    const bool *hidden; /* SOFT_TABLE_ENTRIES of them, or NULL: entries of the root to leave out */
    /* Called for each present entry, a table before what is below it; or NULL. */
    void (*visit)(void *context, const struct soft_entry *entry);
    void *context;
    /* Found by the survey: */
    uint64_t table_count; /* below the root */
    uint64_t leaf_count;
    const char *flaw; /* why the tree is not well formed, or NULL */
    struct soft_entry flaw_entry;
};

/* Goes through the tree in order of addresses. An entry of the root that names the root is not
 * followed. A tree is well formed when no entry has a reserved bit set, every table is in RAM, and
 * none is reached twice. Stops at the first flaw. */
void soft_mmu_survey(const struct soft_mmu *mmu, struct soft_survey *survey);
