/* A model of the x86-64 MMU as pure functions: what one access to memory does, by the manual. It
 * shares nothing with mm/ and takes plain numbers, so that it can judge mm/, a software MMU and a
 * CPU alike.
 *
 *   bit  63  62..59 58..52  51..M   M-1..12  11..9  8  7   6  5   4   3   2   1   0
 *       XD   key   ignored reserved address ignored G  PS  D  A  PCD PWT US  RW   P
 *
 * M is MAXPHYADDR. Key, G and D count in the entry that maps a page, the leaf. Bit 7 of a level-1
 * entry is PAT; a larger leaf has it in bit 12.
 *
 * Source: Intel SDM volume 3, chapter 4 "Paging"; the sections stand at the rules in mmu.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { MMU_LEVELS_MAX = 5 };

#define MMU_P (UINT64_C(1) << 0)
#define MMU_RW (UINT64_C(1) << 1)
#define MMU_US (UINT64_C(1) << 2)
#define MMU_A (UINT64_C(1) << 5)
#define MMU_D (UINT64_C(1) << 6)
#define MMU_PS (UINT64_C(1) << 7)
#define MMU_PAT (UINT64_C(1) << 7)        /* level 1 */
#define MMU_G (UINT64_C(1) << 8)
#define MMU_PAT_LARGE (UINT64_C(1) << 12) /* levels 2 and 3 */
#define MMU_XD (UINT64_C(1) << 63)
#define MMU_ADDRESS UINT64_C(0x000ffffffffff000) /* bits 51..12 */
enum { MMU_KEY_SHIFT = 59, MMU_KEY_COUNT = 16 };

/* The registers that paging depends on, and what CPUID says. */
struct mmu_control {
    unsigned levels;        /* 4, or 5 with CR4.LA57 */
    unsigned physical_bits; /* MAXPHYADDR */
    bool pages_1g;          /* CPUID.80000001H:EDX.Page1GB */
    bool write_protect;     /* CR0.WP */
    bool no_execute;        /* IA32_EFER.NXE */
    bool smep;              /* CR4.SMEP */
    bool smap;              /* CR4.SMAP */
    bool user_keys;         /* CR4.PKE */
    bool supervisor_keys;   /* CR4.PKS */
    uint32_t pkru;          /* two bits a key: 2k denies access, 2k + 1 denies writes */
    uint32_t pkrs;          /* IA32_PKRS, the same */
};

enum mmu_access_kind {
    MMU_READ,
    MMU_WRITE,
    MMU_FETCH,
    MMU_MODIFY, /* reads and writes in one locked instruction */
};

struct mmu_access {
    uint64_t address;
    enum mmu_access_kind kind;
    bool user;            /* CPL is 3 */
    bool alignment_check; /* RFLAGS.AC, which lifts SMAP for explicit accesses */
};

/* The entries that a translation can read, as a walk from the root meets them: that of level n is
 * entries[n - 1]. Those below the leaf, or below an entry that is not present, do not count. */
struct mmu_path {
    uint64_t entries[MMU_LEVELS_MAX];
};

enum mmu_result {
    MMU_ALLOWED,
    MMU_PAGE_FAULT,
    MMU_GENERAL_PROTECTION, /* its error code is 0 */
};

/* Bits of a page fault's error code: 4.7 "Page-Fault Exceptions". */
enum {
    MMU_ERROR_P = 1 << 0,
    MMU_ERROR_WR = 1 << 1,
    MMU_ERROR_US = 1 << 2,
    MMU_ERROR_RSVD = 1 << 3,
    MMU_ERROR_ID = 1 << 4,
    MMU_ERROR_PK = 1 << 5,
};

struct mmu_outcome {
    enum mmu_result result;
    uint32_t error_code; /* of a page fault */
    uint32_t may_report; /* bits that the error code may have besides */
    uint64_t cr2;        /* of a page fault */
    uint64_t physical;   /* MMU_ALLOWED: where the byte is */
    unsigned level;      /* of the entry that decided: the leaf, or one that has no translation; 0
                            when none was read */
    /* The entries afterwards, and the bits that may be set in them besides: a CPU is free to note
     * that it used an entry although the access then failed. */
    struct mmu_path after;
    struct mmu_path may_set;
};

/* What the access does. */
struct mmu_outcome mmu_access(const struct mmu_control *control, const struct mmu_path *path,
                              const struct mmu_access *access);

/* Bits 63 to 48 (57 with five levels) all equal the one below. */
bool mmu_is_canonical(const struct mmu_control *control, uint64_t address);

/* The lowest bit of an address that selects an entry at `level`. */
unsigned mmu_shift(unsigned level);

/* How much of the address space an entry at `level` covers. */
uint64_t mmu_entry_bytes(unsigned level);

/* True when a present entry of a table at `level` maps memory. */
bool mmu_is_leaf(uint64_t entry, unsigned level);

/* The bits of an entry that are the address of what it names. */
uint64_t mmu_address_bits(uint64_t entry, unsigned level);

/* The bits that must be clear in a present entry. */
uint64_t mmu_reserved_bits(const struct mmu_control *control, uint64_t entry, unsigned level);
