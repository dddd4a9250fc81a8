#include "tests/model/mmu.h"

unsigned mmu_shift(unsigned level)
{
    return 3 + 9 * level;
}

uint64_t mmu_entry_bytes(unsigned level)
{
    return UINT64_C(1) << mmu_shift(level);
}

/* 3.3.7.1 "Canonical Addressing"; 4.5.1 "Ordinary Paging and HLAT Paging" for five levels. */
bool mmu_is_canonical(const struct mmu_control *control, uint64_t address)
{
    unsigned above = 64 - (mmu_shift(control->levels) + 9);

    return (uint64_t)((int64_t)(address << above) >> above) == address;
}

/* Tables 4-14 to 4-20: which level's entries have a PS flag. */
bool mmu_is_leaf(uint64_t entry, unsigned level)
{
    return level == 1 || (level <= 3 && (entry & MMU_PS) != 0);
}

/* Tables 4-15, 4-17 and 4-19: a larger page has fewer bits of address. */
uint64_t mmu_address_bits(uint64_t entry, unsigned level)
{
    uint64_t below = mmu_is_leaf(entry, level) ? mmu_entry_bytes(level) - 1 : 0;

    return entry & MMU_ADDRESS & ~below;
}

/* 4.5.4 "Linear-Address Translation with 4-Level and 5-Level Paging": the list of reserved bits. */
uint64_t mmu_reserved_bits(const struct mmu_control *control, uint64_t entry, unsigned level)
{
    uint64_t reserved = MMU_ADDRESS & ~((UINT64_C(1) << control->physical_bits) - 1);

    if (!control->no_execute) {
        reserved |= MMU_XD;
    }
    if (level >= 4 || (level == 3 && !control->pages_1g)) {
        reserved |= MMU_PS;
    } else if (level > 1 && (entry & MMU_PS) != 0) {
        /* Between the address and PAT. */
        reserved |= MMU_ADDRESS & (mmu_entry_bytes(level) - 1) & ~MMU_PAT_LARGE;
    }
    return reserved;
}

/* What the levels of a path allow together. */
struct rights {
    bool writable;   /* RW is 1 in every entry */
    bool user;       /* US is 1 in every entry: a user-mode address */
    bool no_execute; /* XD is 1 in some entry */
};

static bool is_write(const struct mmu_access *access)
{
    return access->kind == MMU_WRITE || access->kind == MMU_MODIFY;
}

/* 4.6.2 "Protection Keys": a register of rights for user-mode addresses, one for the others; data
 * accesses only; a write that is denied to user mode is denied to supervisor mode by CR0.WP. */
static bool key_forbids(const struct mmu_control *control, const struct rights *rights,
                        const struct mmu_access *access, uint64_t leaf)
{
    bool in_use = rights->user ? control->user_keys : control->supervisor_keys;
    uint32_t denied = rights->user ? control->pkru : control->pkrs;
    unsigned key = (unsigned)(leaf >> MMU_KEY_SHIFT) % MMU_KEY_COUNT;
    bool access_denied = (denied >> 2 * key & 1) != 0;
    bool write_denied = (denied >> 2 * key & 2) != 0;
    bool writes_checked = control->write_protect || access->user;

    if (!in_use || access->kind == MMU_FETCH) {
        return false;
    }
    return access_denied || (write_denied && is_write(access) && writes_checked);
}

/* 4.6.1 "Determination of Access Rights", supervisor-mode accesses. XD is set only where NXE is, as
 * it is reserved elsewhere. */
static bool supervisor_may(const struct mmu_control *control, const struct rights *rights,
                           const struct mmu_access *access)
{
    if (access->kind == MMU_FETCH) {
        return !rights->no_execute && !(rights->user && control->smep);
    }
    if (rights->user && control->smap && !access->alignment_check) {
        return false;
    }
    return !is_write(access) || rights->writable || !control->write_protect;
}

/* 4.6.1 "Determination of Access Rights", user-mode accesses. */
static bool user_may(const struct rights *rights, const struct mmu_access *access)
{
    if (!rights->user) {
        return false;
    }
    return access->kind == MMU_FETCH ? !rights->no_execute
                                     : !is_write(access) || rights->writable;
}

/* 4.7 "Page-Fault Exceptions": the bits that describe the access, whatever the reason. */
static uint32_t access_bits(const struct mmu_control *control, const struct mmu_access *access)
{
    bool fetches_told = control->no_execute || control->smep;

    return (is_write(access) ? MMU_ERROR_WR : 0u) | (access->user ? MMU_ERROR_US : 0u) |
           (access->kind == MMU_FETCH && fetches_told ? MMU_ERROR_ID : 0u);
}

static struct mmu_outcome page_fault(struct mmu_outcome outcome, const struct mmu_control *control,
                                     const struct mmu_access *access, uint32_t reason)
{
    outcome.result = MMU_PAGE_FAULT;
    outcome.error_code = reason | access_bits(control, access);
    outcome.cr2 = access->address;
    return outcome;
}

struct mmu_outcome mmu_access(const struct mmu_control *control, const struct mmu_path *path,
                              const struct mmu_access *access)
{
    struct mmu_outcome outcome = {.after = *path};
    struct rights rights = {.writable = true, .user = true};
    unsigned level = control->levels;
    uint64_t entry;

    if (!mmu_is_canonical(control, access->address)) {
        outcome.result = MMU_GENERAL_PROTECTION;
        return outcome;
    }
    /* The entries above `level` are present and valid, and lead here. */
    for (;; level--) {
        entry = path->entries[level - 1];
        outcome.level = level;
        if ((entry & MMU_P) == 0) {
            return page_fault(outcome, control, access, 0);
        }
        if ((entry & mmu_reserved_bits(control, entry, level)) != 0) {
            return page_fault(outcome, control, access, MMU_ERROR_P | MMU_ERROR_RSVD);
        }
        rights.writable = rights.writable && (entry & MMU_RW) != 0;
        rights.user = rights.user && (entry & MMU_US) != 0;
        rights.no_execute = rights.no_execute || (entry & MMU_XD) != 0;
        /* 4.8 "Accessed and Dirty Flags"; 6.15 "Page-Fault Exception": after a violation it is
         * the CPU's affair whether the flag of the leaf is set, too. */
        outcome.may_set.entries[level - 1] = MMU_A;
        if (mmu_is_leaf(entry, level)) {
            break;
        }
    }
    bool forbidden_by_key = key_forbids(control, &rights, access, entry);
    bool allowed = access->user ? user_may(&rights, access)
                                : supervisor_may(control, &rights, access);
    if (access->user && !rights.user) {
        /* Refused whatever the key says. No rule tells whether the key is looked at all the same. */
        outcome.may_report = forbidden_by_key ? MMU_ERROR_PK : 0;
        return page_fault(outcome, control, access, MMU_ERROR_P);
    }
    if (!allowed || forbidden_by_key) {
        return page_fault(outcome, control, access,
                          MMU_ERROR_P | (forbidden_by_key ? MMU_ERROR_PK : 0u));
    }
    outcome.result = MMU_ALLOWED;
    outcome.physical = mmu_address_bits(entry, level) |
                       (access->address & (mmu_entry_bytes(level) - 1));
    for (unsigned used = level; used <= control->levels; used++) {
        outcome.after.entries[used - 1] |= MMU_A;
    }
    outcome.after.entries[level - 1] |= is_write(access) ? MMU_D : 0;
    outcome.may_set = (struct mmu_path){{0}};
    return outcome;
}
