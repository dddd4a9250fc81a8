/* What a CPU may have cached of page tables: a model that forgets nothing by itself, so that a
 * missing flush is seen. Pages are cached in pieces of 4 KiB, as the manual allows; the tables on
 * the way are cached too. An entry that is not present is never cached.
 *
 * Source: Intel SDM volume 3, 4.10 "Caching Translation Information".
 */
#pragma once

#include "tests/host/soft_mmu.h"

enum {
    SOFT_TLB_SETS = 128, /* a power of two */
    SOFT_TLB_WAYS = 4,
    SOFT_TLB_TABLES = 128, /* a power of two */
};

/* A cached translation of 4 KiB. */
struct soft_cached_page {
    uint64_t page; /* address / 4 KiB */
    uint64_t physical;
    uint64_t leaf;
    unsigned generation; /* valid if it is that of the TLB */
    unsigned level;
    uint16_t pcid;
    bool global;
    bool writable;
    bool user;
    bool no_execute;
    bool dirty; /* D was set in the leaf when it was cached, or has been since */
};

/* A cached entry that names a table. */
struct soft_cached_table {
    uint64_t prefix; /* address / bytes that the entry covers */
    uint64_t table;
    unsigned generation;
    unsigned level; /* of the entry */
    uint16_t pcid;
    bool writable;
    bool user;
    bool no_execute;
};

struct soft_tlb {
    bool marks;          /* the CPU sets A and D */
    unsigned generation; /* of pages */
    unsigned table_generation;
    unsigned victim;     /* the way to be replaced next */
    unsigned huge_count; /* pages that were cached from huge ones, at most */
    uint16_t pcid;       /* the current one */
    struct soft_cached_page pages[SOFT_TLB_SETS][SOFT_TLB_WAYS];
    struct soft_cached_table tables[SOFT_TLB_TABLES];
};

/* What an access to memory gives. */
struct soft_access {
    enum soft_fault fault;
    bool protected; /* translated, but writing is not allowed and was wanted */
    uint64_t physical;
    bool writable;
    bool user;
    bool no_execute;
};

/* marks: whether A and D are set in tables; without that they stay bit for bit what was written. */
void soft_tlb_init(struct soft_tlb *tlb, bool marks);

/* Translates an address through what is cached. Fills the cache and sets A in all entries that it
 * reads, and D in the leaf if `write`, unless the access faults. A fault leaves all as it was. */
struct soft_access soft_tlb_access(struct soft_tlb *tlb, const struct soft_mmu *mmu,
                                   uint64_t address, bool write);

/* INVLPG: drops the page of the current PCID, or a global one, and all tables. What is cached of a
 * huge page goes with it, unless smaller pages are mapped there by then. */
void soft_tlb_flush_page(struct soft_tlb *tlb, const struct soft_mmu *mmu, uint64_t address);

/* Drops all pages and tables of all PCIDs, global ones included. */
void soft_tlb_flush_all(struct soft_tlb *tlb);

/* Loads CR3: drops what is cached under `pcid`, without global pages, unless `keep`. */
void soft_tlb_switch(struct soft_tlb *tlb, uint16_t pcid, bool keep);

/* Something that is cached and that the tables say otherwise. */
struct soft_stale {
    bool found;
    bool is_table;    /* an entry that names a table, and no page */
    uint64_t address; /* that it translates */
    uint64_t cached;  /* the physical address that is cached */
};

/* Looks for what is cached for the current PCID and does not agree with the tables. Only what has
 * to do with `frame` (4 KiB) is looked at, or all if that is UINT64_MAX. */
struct soft_stale soft_tlb_find_stale(const struct soft_tlb *tlb, const struct soft_mmu *mmu,
                                      uint64_t frame);
