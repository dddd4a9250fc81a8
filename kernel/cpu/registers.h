/* Control registers, model-specific registers and the instructions that C has no word for. */
#pragma once

#include "mm/address.h"

#define CR0_WRITE_PROTECT (UINT64_C(1) << 16)
#define CR4_TIME_STAMP_DISABLE (UINT64_C(1) << 2)
#define CR4_PAGE_GLOBAL (UINT64_C(1) << 7)
#define CR4_UMIP (UINT64_C(1) << 11)
#define CR4_LA57 (UINT64_C(1) << 12)
#define CR4_XSAVE (UINT64_C(1) << 18) /* XCR0 may be read */
#define CR4_PCID (UINT64_C(1) << 17)
#define CR4_SMEP (UINT64_C(1) << 20)
#define CR4_SMAP (UINT64_C(1) << 21)
#define CR4_USER_KEYS (UINT64_C(1) << 22)
#define CR4_SUPERVISOR_KEYS (UINT64_C(1) << 24)

#define MSR_EFER UINT32_C(0xc0000080)
#define EFER_SYSTEM_CALLS (UINT64_C(1) << 0)
#define EFER_NO_EXECUTE (UINT64_C(1) << 11)

/* The page attribute table: eight memory types of a byte each. */
#define MSR_PAT UINT32_C(0x277)
#define PAT_WRITE_COMBINING UINT64_C(1)
#define PAT_INDEX_PAT 4 /* of a page with the flag PAT and without PCD and PWT */
#define MSR_PKRS UINT32_C(0x6e1)

#define MSR_APIC_BASE UINT32_C(0x1b)
#define MSR_SYSENTER_CS UINT32_C(0x174)
#define MSR_SYSENTER_ESP UINT32_C(0x175)
#define MSR_SYSENTER_EIP UINT32_C(0x176)
#define MSR_MTRR_DEFAULT_TYPE UINT32_C(0x2ff)
#define MSR_STAR UINT32_C(0xc0000081)
#define MSR_LSTAR UINT32_C(0xc0000082)
#define MSR_CSTAR UINT32_C(0xc0000083)
#define MSR_SFMASK UINT32_C(0xc0000084)
#define MSR_FS_BASE UINT32_C(0xc0000100)
#define MSR_GS_BASE UINT32_C(0xc0000101)
#define MSR_KERNEL_GS_BASE UINT32_C(0xc0000102)

#define RFLAGS_ALWAYS (UINT64_C(1) << 1)
#define RFLAGS_TRAP (UINT64_C(1) << 8)
#define RFLAGS_INTERRUPTS_ON (UINT64_C(1) << 9)
#define RFLAGS_DIRECTION (UINT64_C(1) << 10)
#define RFLAGS_IO_PRIVILEGE (UINT64_C(3) << 12)
#define RFLAGS_NESTED_TASK (UINT64_C(1) << 14)
#define RFLAGS_ALIGNMENT_CHECK (UINT64_C(1) << 18)

/* The frame number of CR3, without its flag bits. */
#define CR3_FRAME_MASK UINT64_C(0x000ffffffffff000)

/* Written to CR3 with CR4.PCIDE: what is cached under the new PCID stays. */
#define CR3_KEEP_CACHED (UINT64_C(1) << 63)

static inline uint64_t cr0_read(void)
{
    uint64_t value;
    __asm__ volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}

static inline void cr0_write(uint64_t value)
{
    __asm__ volatile("mov %0, %%cr0" : : "r"(value) : "memory");
}

/* The address whose access caused the last page fault. */
static inline virt_addr cr2_read(void)
{
    uint64_t value;
    __asm__ volatile("mov %%cr2, %0" : "=r"(value));
    return virt_addr_of(value);
}

static inline uint64_t cr3_read(void)
{
    uint64_t value;
    __asm__ volatile("mov %%cr3, %0" : "=r"(value));
    return value;
}

static inline void cr3_write(uint64_t value)
{
    __asm__ volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

static inline uint64_t cr4_read(void)
{
    uint64_t value;
    __asm__ volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}

static inline void cr4_write(uint64_t value)
{
    __asm__ volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

/* What INVPCID drops.
 * Source: Intel SDM volume 2, INVPCID. */
enum invpcid_type {
    INVPCID_ADDRESS = 0,        /* of one address under one PCID, global pages apart */
    INVPCID_CONTEXT = 1,        /* under one PCID, global pages apart */
    INVPCID_ALL = 2,            /* under all PCIDs, global pages too */
    INVPCID_ALL_NOT_GLOBAL = 3, /* under all PCIDs, global pages apart */
};

static inline void invpcid(uint64_t type, uint64_t pcid, virt_addr address)
{
    const struct {
        uint64_t pcid;
        uint64_t address;
    } descriptor = {pcid, address.value};
    __asm__ volatile("invpcid %0, %1" : : "m"(descriptor), "r"(type) : "memory");
}

static inline uint64_t msr_read(uint32_t number)
{
    uint32_t low;
    uint32_t high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
    return (uint64_t)high << 32 | low;
}

static inline void msr_write(uint32_t number, uint64_t value)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(number), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

/* Only while CR4_USER_KEYS is set. */
static inline void pkru_write(uint32_t value)
{
    __asm__ volatile("wrpkru" : : "a"(value), "c"(0), "d"(0) : "memory");
}

static inline uint64_t rflags_read(void)
{
    uint64_t flags;
    __asm__ volatile("pushfq; pop %0" : "=r"(flags));
    return flags;
}

static inline void rflags_write(uint64_t flags)
{
    __asm__ volatile("push %0; popfq" : : "r"(flags) : "memory", "cc");
}

static inline bool interrupts_are_on(void)
{
    return (rflags_read() & RFLAGS_INTERRUPTS_ON) != 0;
}

static inline void interrupts_on(void)
{
    __asm__ volatile("sti" : : : "memory");
}

static inline void interrupts_off(void)
{
    __asm__ volatile("cli" : : : "memory");
}

struct cpuid {
    uint32_t eax;
    uint32_t ebx;
    uint32_t ecx;
    uint32_t edx;
};

static inline struct cpuid cpuid_read(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid result;
    __asm__ volatile("cpuid"
                     : "=a"(result.eax), "=b"(result.ebx), "=c"(result.ecx), "=d"(result.edx)
                     : "a"(leaf), "c"(subleaf));
    return result;
}

/* Tells the CPU, and who emulates it, that this is a loop that waits. */
static inline void cpu_pause(void)
{
    __asm__ volatile("pause");
}

/* Stops until an NMI, or an interrupt if those are on. */
static inline void cpu_sleep(void)
{
    __asm__ volatile("hlt" : : : "memory");
}

static inline uint64_t cpu_cycles(void)
{
    uint32_t low;
    uint32_t high;
    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

/* Stops for ever: no interrupt wakes the CPU. */
_Noreturn static inline void cpu_halt(void)
{
    for (;;) {
        __asm__ volatile("cli; hlt");
    }
}
