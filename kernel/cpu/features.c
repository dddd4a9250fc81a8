#include "kernel/cpu/features.h"

#include "kernel/cpu/registers.h"

enum {
    LEAF_BASIC = 0x1,
    LEAF_STRUCTURED = 0x7,
    LEAF_EXTENDED_MAX = 0x80000000,
    LEAF_EXTENDED = 0x80000001,
    LEAF_ADDRESS_SIZES = 0x80000008,
};

/* MAXPHYADDR of a CPU with long mode that does not tell. */
enum { PHYSICAL_BITS_DEFAULT = 36 };

static bool bit(uint32_t value, unsigned number)
{
    return (value >> number & 1) != 0;
}

struct cpu_features cpu_features_detect(void)
{
    struct cpuid basic = cpuid_read(LEAF_BASIC, 0);
    struct cpuid extended = cpuid_read(LEAF_EXTENDED, 0);
    struct cpuid structured = {0};
    unsigned physical_bits = PHYSICAL_BITS_DEFAULT;

    if (cpuid_read(0, 0).eax >= LEAF_STRUCTURED) {
        structured = cpuid_read(LEAF_STRUCTURED, 0);
    }
    if (cpuid_read(LEAF_EXTENDED_MAX, 0).eax >= LEAF_ADDRESS_SIZES) {
        physical_bits = cpuid_read(LEAF_ADDRESS_SIZES, 0).eax & 0xff;
    }
    return (struct cpu_features){
        .physical_bits =
            physical_bits < PHYS_ADDR_BITS_MAX ? physical_bits : PHYS_ADDR_BITS_MAX,
        .system_calls = bit(extended.edx, 11),
        .no_execute = bit(extended.edx, 20),
        .pages_1g = bit(extended.edx, 26),
        .global_pages = bit(basic.edx, 13),
        .smep = bit(structured.ebx, 7),
        .smap = bit(structured.ebx, 20),
        .umip = bit(structured.ecx, 2),
        .la57 = bit(structured.ecx, 16),
        .user_keys = bit(structured.ecx, 3),
        .supervisor_keys = bit(structured.ecx, 31),
        .pcid = bit(basic.ecx, 17),
        .invpcid = bit(structured.ebx, 10),
        .page_attributes = bit(basic.edx, 16),
    };
}

void cpu_features_enable(const struct cpu_features *features)
{
    uint64_t cr4 = cr4_read();

    if (features->no_execute) {
        msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_NO_EXECUTE);
    }
    if (features->page_attributes) {
        unsigned shift = PAT_INDEX_PAT * 8;
        msr_write(MSR_PAT, (msr_read(MSR_PAT) & ~(UINT64_C(0xff) << shift)) |
                               PAT_WRITE_COMBINING << shift);
    }
    cr0_write(cr0_read() | CR0_WRITE_PROTECT);
    cr4 |= features->smep ? CR4_SMEP : 0;
    cr4 |= features->smap ? CR4_SMAP : 0;
    cr4 |= features->umip ? CR4_UMIP : 0;
    cr4_write(cr4);
}

page_flags cpu_features_framebuffer_type(const struct cpu_features *features)
{
    return page_flags_of(features->page_attributes ? PAGE_PAT_4K : PAGE_CACHE_DISABLE);
}

struct paging_features cpu_features_of_paging(const struct cpu_features *features)
{
    return (struct paging_features){
        .physical_bits = features->physical_bits,
        .no_execute = features->no_execute,
        .pages_1g = features->pages_1g,
    };
}
