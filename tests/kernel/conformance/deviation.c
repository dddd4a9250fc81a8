#include "tests/kernel/conformance/deviation.h"

#include "kernel/cpu/registers.h"
#include "kernel/lib/string.h"

enum { LEAF_FEATURES = 1, LEAF_HYPERVISOR = 0x40000000, SIGNATURE_BYTES = 12 };
#define HAS_HYPERVISOR (UINT32_C(1) << 31)

static char signature[SIGNATURE_BYTES + 1];

static bool pages_1g_without_cpuid(struct mmu_control *control,
                                   const struct performance *performance,
                                   struct mmu_outcome *outcome)
{
    if (control->pages_1g || outcome->level != 3 || (performance->path.entries[2] & MMU_PS) == 0 ||
        (outcome->error_code & MMU_ERROR_RSVD) == 0) {
        return false;
    }
    control->pages_1g = true;
    *outcome = mmu_access(control, &performance->path, &performance->access);
    return true;
}

static bool modify_reads_first(struct mmu_control *control, const struct performance *performance,
                               struct mmu_outcome *outcome)
{
    struct mmu_access read = performance->access;
    struct mmu_outcome of_read;

    if (read.kind != MMU_MODIFY || outcome->result != MMU_PAGE_FAULT) {
        return false;
    }
    read.kind = MMU_READ;
    of_read = mmu_access(control, &performance->path, &read);
    if (of_read.result != MMU_PAGE_FAULT) {
        return false;
    }
    *outcome = of_read;
    return true;
}

/* The low bits of a 1 GiB page's address, which it checks after it has set the flag. */
static bool accessed_in_reserved_1g_leaf(struct mmu_control *control,
                                         const struct performance *performance,
                                         struct mmu_outcome *outcome)
{
    uint64_t entry = outcome->level == 0 ? 0 : performance->path.entries[outcome->level - 1];
    struct mmu_control as_small = *control;

    if ((outcome->error_code & MMU_ERROR_RSVD) == 0 || outcome->level != 3 ||
        !mmu_is_leaf(entry, outcome->level) || (entry & MMU_A) != 0) {
        return false;
    }
    /* Other reserved bits are checked before. */
    as_small.pages_1g = true;
    if ((entry & mmu_reserved_bits(&as_small, entry & ~MMU_PS, outcome->level)) != 0) {
        return false;
    }
    outcome->after.entries[outcome->level - 1] |= MMU_A;
    return true;
}

static bool reserved_bit_without_p(struct mmu_control *control,
                                   const struct performance *performance,
                                   struct mmu_outcome *outcome)
{
    (void)control;
    (void)performance;
    if ((outcome->error_code & MMU_ERROR_RSVD) == 0) {
        return false;
    }
    outcome->error_code &= ~(uint32_t)MMU_ERROR_P;
    return true;
}

#define TCG "TCGTCGTCGTCG"

const struct deviation deviations[] = {
    {
        .name = "pages_1g_without_cpuid",
        .rule = "SDM volume 3, 4.5.4: PS of a level-3 entry is reserved when CPUID does not tell "
                "of 1 GiB pages",
        .seen_in = "QEMU 7.2",
        .emulator = TCG,
        .without_pages_1g = true,
        .apply = pages_1g_without_cpuid,
    },
    {
        .name = "modify_reads_first",
        .rule = "SDM volume 3, 4.7: W/R is set when the access is a write, which a locked "
                "instruction is",
        .seen_in = "QEMU 7.2 with one virtual CPU",
        .emulator = TCG,
        .apply = modify_reads_first,
    },
    {
        .name = "accessed_in_reserved_1g_leaf",
        .rule = "SDM volume 3, 4.8: A is set in entries that a translation uses, and one with a "
                "reserved bit is not used",
        .seen_in = "QEMU 7.2",
        .emulator = TCG,
        .apply = accessed_in_reserved_1g_leaf,
    },
    {
        .name = "reserved_bit_without_p",
        .rule = "SDM volume 3, 4.7: RSVD is set only if P is, as entries that are not present "
                "have no reserved bits",
        .seen_in = "QEMU 7.2",
        .emulator = TCG,
        .apply = reserved_bit_without_p,
    },
};
const unsigned deviation_count = sizeof deviations / sizeof deviations[0];
struct deviation_count deviation_counts[sizeof deviations / sizeof deviations[0]];

void deviations_reset(void)
{
    memset(deviation_counts, 0, sizeof deviation_counts);
    memset(signature, 0, sizeof signature);
    if ((cpuid_read(LEAF_FEATURES, 0).ecx & HAS_HYPERVISOR) != 0) {
        struct cpuid leaf = cpuid_read(LEAF_HYPERVISOR, 0);

        memcpy(signature, &leaf.ebx, 4);
        memcpy(signature + 4, &leaf.ecx, 4);
        memcpy(signature + 8, &leaf.edx, 4);
    }
}

bool deviation_is_of_this_machine(const struct deviation *deviation)
{
    return memcmp(deviation->emulator, signature, SIGNATURE_BYTES) == 0 &&
           !(deviation->without_pages_1g && stage_machine()->pages_1g);
}

unsigned deviations_apply(struct mmu_control control, const struct performance *performance,
                          struct mmu_outcome *outcome)
{
    unsigned applied = 0;

    for (unsigned i = 0; i < deviation_count; i++) {
        if (deviation_is_of_this_machine(&deviations[i]) &&
            deviations[i].apply(&control, performance, outcome)) {
            applied |= 1u << i;
        }
    }
    return applied;
}

void deviations_note(unsigned applied, bool deviated)
{
    for (unsigned i = 0; i < deviation_count; i++) {
        if ((applied >> i & 1) != 0) {
            *(deviated ? &deviation_counts[i].deviated : &deviation_counts[i].conformed) += 1;
        }
    }
}
