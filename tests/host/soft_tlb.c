#include "tests/host/soft_tlb.h"

#include <string.h>

#define PAGE_OFFSET_BITS UINT64_C(0xfff)

void soft_tlb_init(struct soft_tlb *tlb, bool marks)
{
    memset(tlb, 0, sizeof *tlb);
    tlb->marks = marks;
    tlb->generation = 1;
    tlb->table_generation = 1;
}

static struct soft_cached_page *set_of(struct soft_tlb *tlb, uint64_t page)
{
    return tlb->pages[(page ^ page >> 9 ^ page >> 18 ^ page >> 27) & (SOFT_TLB_SETS - 1)];
}

static bool page_is_valid(const struct soft_tlb *tlb, const struct soft_cached_page *cached)
{
    return cached->generation == tlb->generation && (cached->global || cached->pcid == tlb->pcid);
}

static struct soft_cached_page *find_page(struct soft_tlb *tlb, uint64_t page)
{
    struct soft_cached_page *set = set_of(tlb, page);

    for (unsigned way = 0; way < SOFT_TLB_WAYS; way++) {
        if (set[way].page == page && page_is_valid(tlb, &set[way])) {
            return &set[way];
        }
    }
    return NULL;
}

/* The place for a new entry: one that is not valid, or the next victim. */
static struct soft_cached_page *place_for(struct soft_tlb *tlb, uint64_t page)
{
    struct soft_cached_page *set = set_of(tlb, page);

    for (unsigned way = 0; way < SOFT_TLB_WAYS; way++) {
        if (set[way].generation != tlb->generation) {
            return &set[way];
        }
    }
    return &set[tlb->victim++ % SOFT_TLB_WAYS];
}

static uint64_t prefix_of(uint64_t address, unsigned level)
{
    return address / mmu_entry_bytes(level);
}

static struct soft_cached_table *table_place(struct soft_tlb *tlb, uint64_t address, unsigned level)
{
    uint64_t prefix = prefix_of(address, level);

    return &tlb->tables[(prefix * 5 + (prefix >> 9) * 11 + level) & (SOFT_TLB_TABLES - 1)];
}

static bool table_is_valid(const struct soft_tlb *tlb, const struct soft_cached_table *cached)
{
    return cached->generation == tlb->table_generation && cached->pcid == tlb->pcid;
}

/* The lowest cached entry that names a table on the way to `address`, or NULL. */
static const struct soft_cached_table *lowest_table(struct soft_tlb *tlb, unsigned levels,
                                                    uint64_t address)
{
    for (unsigned level = 2; level <= levels; level++) {
        const struct soft_cached_table *cached = table_place(tlb, address, level);

        if (cached->level == level && cached->prefix == prefix_of(address, level) &&
            table_is_valid(tlb, cached)) {
            return cached;
        }
    }
    return NULL;
}

/* The walk below a cached entry, or from the root. */
static struct soft_walk cached_walk(struct soft_tlb *tlb, const struct soft_mmu *mmu,
                                    uint64_t address)
{
    const struct soft_cached_table *cached = lowest_table(tlb, mmu->levels, address);
    struct soft_mmu below = *mmu;
    struct soft_walk walk;

    if (cached == NULL) {
        return soft_mmu_walk(mmu, address);
    }
    below.root = cached->table;
    walk = soft_mmu_walk_below(&below, address, cached->level - 1);
    walk.writable = walk.writable && cached->writable;
    walk.user = walk.user && cached->user;
    walk.no_execute = walk.no_execute || cached->no_execute;
    return walk;
}

/* Sets A in the entries that were read, D in the leaf, and caches the tables. */
static void mark_and_cache_tables(struct soft_tlb *tlb, const struct soft_mmu *mmu,
                                  const struct soft_walk *walk, uint64_t address, bool write)
{
    unsigned first_level = walk->level + walk->step_count - 1;
    const struct soft_cached_table *above = lowest_table(tlb, mmu->levels, address);
    struct soft_cached_table cached = {
        .writable = above == NULL || above->writable,
        .user = above == NULL || above->user,
        .no_execute = above != NULL && above->no_execute,
        .generation = tlb->table_generation,
        .pcid = tlb->pcid,
    };

    for (unsigned step = 0; step < walk->step_count; step++) {
        uint64_t bits = walk->steps[step].bits;
        bool leaf = step == walk->step_count - 1;
        uint64_t marked = bits | MMU_A | (leaf && write ? MMU_D : 0);

        if (tlb->marks && marked != bits) {
            soft_mmu_write(mmu, walk->steps[step].at,
                           soft_mmu_read(mmu, walk->steps[step].at) | marked);
        }
        if (!leaf) {
            cached.level = first_level - step;
            cached.prefix = prefix_of(address, cached.level);
            cached.table = mmu_address_bits(bits, cached.level);
            cached.writable = cached.writable && (bits & MMU_RW) != 0;
            cached.user = cached.user && (bits & MMU_US) != 0;
            cached.no_execute = cached.no_execute || (bits & MMU_XD) != 0;
            *table_place(tlb, address, cached.level) = cached;
        }
    }
}

static struct soft_access access_from(const struct soft_cached_page *cached, uint64_t address)
{
    return (struct soft_access){
        .fault = SOFT_TRANSLATED,
        .physical = cached->physical | (address & PAGE_OFFSET_BITS),
        .writable = cached->writable,
        .user = cached->user,
        .no_execute = cached->no_execute,
    };
}

struct soft_access soft_tlb_access(struct soft_tlb *tlb, const struct soft_mmu *mmu,
                                   uint64_t address, bool write)
{
    uint64_t page = address >> 12;
    struct soft_cached_page *cached = find_page(tlb, page);
    struct soft_access access;
    struct soft_walk walk;

    if (cached != NULL && (!write || !cached->writable || cached->dirty)) {
        access = access_from(cached, address);
        access.protected = write && !cached->writable;
        return access;
    }
    walk = cached_walk(tlb, mmu, address);
    if (walk.fault != SOFT_TRANSLATED) {
        return (struct soft_access){.fault = walk.fault};
    }
    struct soft_cached_page filled = {
        .page = page,
        .physical = walk.physical & ~PAGE_OFFSET_BITS,
        .leaf = walk.leaf,
        .generation = tlb->generation,
        .level = walk.level,
        .pcid = tlb->pcid,
        .global = (walk.leaf & MMU_G) != 0,
        .writable = walk.writable,
        .user = walk.user,
        .no_execute = walk.no_execute,
        .dirty = (walk.leaf & MMU_D) != 0 || write,
    };
    access = access_from(&filled, address);
    access.protected = write && !walk.writable;
    if (!access.protected) {
        mark_and_cache_tables(tlb, mmu, &walk, address, write);
        *(cached != NULL ? cached : place_for(tlb, page)) = filled;
        tlb->huge_count += walk.level > 1 ? 1 : 0;
    }
    return access;
}

/* Drops the other pieces of a huge page. */
static void flush_huge_page(struct soft_tlb *tlb, const struct soft_mmu *mmu, uint64_t address)
{
    struct soft_walk walk = soft_mmu_walk(mmu, address);
    struct soft_cached_page *pages = &tlb->pages[0][0];

    for (unsigned i = 0; i < SOFT_TLB_SETS * SOFT_TLB_WAYS; i++) {
        unsigned level = pages[i].level;

        if (page_is_valid(tlb, &pages[i]) && level > 1 &&
            prefix_of(pages[i].page << 12, level) == prefix_of(address, level) &&
            (walk.fault == SOFT_NOT_PRESENT || walk.level >= level)) {
            pages[i].generation = 0;
        }
    }
}

void soft_tlb_flush_page(struct soft_tlb *tlb, const struct soft_mmu *mmu, uint64_t address)
{
    struct soft_cached_page *cached = find_page(tlb, address >> 12);

    if (cached != NULL) {
        cached->generation = 0;
    }
    if (tlb->huge_count > 0) {
        flush_huge_page(tlb, mmu, address);
    }
    for (unsigned i = 0; i < SOFT_TLB_TABLES; i++) {
        if (table_is_valid(tlb, &tlb->tables[i])) {
            tlb->tables[i].generation = 0;
        }
    }
}

void soft_tlb_flush_all(struct soft_tlb *tlb)
{
    tlb->generation++;
    tlb->table_generation++;
    tlb->huge_count = 0;
}

void soft_tlb_switch(struct soft_tlb *tlb, uint16_t pcid, bool keep)
{
    struct soft_cached_page *pages = &tlb->pages[0][0];

    tlb->pcid = pcid;
    for (unsigned i = 0; i < SOFT_TLB_SETS * SOFT_TLB_WAYS && !keep; i++) {
        if (!pages[i].global && pages[i].pcid == pcid) {
            pages[i].generation = 0;
        }
    }
    for (unsigned i = 0; i < SOFT_TLB_TABLES && !keep; i++) {
        if (tlb->tables[i].pcid == pcid) {
            tlb->tables[i].generation = 0;
        }
    }
}

static bool page_agrees(const struct soft_tlb *tlb, const struct soft_cached_page *cached,
                        const struct soft_mmu *mmu)
{
    struct soft_walk walk = soft_mmu_walk(mmu, cached->page << 12);
    uint64_t marks = MMU_A | (cached->dirty ? MMU_D : 0);

    return walk.fault == SOFT_TRANSLATED && walk.physical == cached->physical &&
           walk.writable == cached->writable && walk.user == cached->user &&
           walk.no_execute == cached->no_execute && (!tlb->marks || (walk.leaf & marks) == marks) &&
           ((walk.leaf ^ cached->leaf) & ~(uint64_t)(MMU_A | MMU_D)) == 0;
}

static bool table_agrees(const struct soft_cached_table *cached, const struct soft_mmu *mmu)
{
    struct soft_walk walk =
        soft_mmu_walk(mmu, cached->prefix * mmu_entry_bytes(cached->level));
    unsigned step = mmu->levels - cached->level;
    bool writable = true;
    bool user = true;
    bool no_execute = false;

    for (unsigned i = 0; i <= step && step < walk.step_count; i++) {
        writable = writable && (walk.steps[i].bits & MMU_RW) != 0;
        user = user && (walk.steps[i].bits & MMU_US) != 0;
        no_execute = no_execute || (walk.steps[i].bits & MMU_XD) != 0;
    }
    return step < walk.step_count && (walk.steps[step].bits & MMU_P) != 0 &&
           !mmu_is_leaf(walk.steps[step].bits, cached->level) &&
           mmu_address_bits(walk.steps[step].bits, cached->level) == cached->table &&
           writable == cached->writable && user == cached->user && no_execute == cached->no_execute;
}

struct soft_stale soft_tlb_find_stale(const struct soft_tlb *tlb, const struct soft_mmu *mmu,
                                      uint64_t frame)
{
    const struct soft_cached_page *pages = &tlb->pages[0][0];

    for (unsigned i = 0; i < SOFT_TLB_SETS * SOFT_TLB_WAYS; i++) {
        if (page_is_valid(tlb, &pages[i]) && (frame == UINT64_MAX || pages[i].physical == frame) &&
            !page_agrees(tlb, &pages[i], mmu)) {
            return (struct soft_stale){
                .found = true,
                .address = pages[i].page << 12,
                .cached = pages[i].physical,
            };
        }
    }
    for (unsigned i = 0; i < SOFT_TLB_TABLES; i++) {
        const struct soft_cached_table *cached = &tlb->tables[i];

        if (table_is_valid(tlb, cached) && (frame == UINT64_MAX || cached->table == frame) &&
            !table_agrees(cached, mmu)) {
            return (struct soft_stale){
                .found = true,
                .is_table = true,
                .address = cached->prefix * mmu_entry_bytes(cached->level),
                .cached = cached->table,
            };
        }
    }
    return (struct soft_stale){.found = false};
}
