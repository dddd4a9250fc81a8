/* What the CPU can do that the kernel makes use of. */
#pragma once

#include "mm/page_table.h"

struct cpu_features {
    unsigned physical_bits; /* MAXPHYADDR */
    bool no_execute;
    bool pages_1g;
    bool global_pages;
    bool system_calls; /* SYSCALL and SYSRET */
    bool smep;
    bool smap;
    bool umip;
    bool la57;
    bool user_keys;       /* protection keys; the kernel itself uses none */
    bool supervisor_keys;
    bool pcid;
    bool invpcid;
    bool page_attributes; /* the PAT: memory types that pages choose from */
};

/* Source: Intel SDM volume 2, CPUID; volume 3, 4.1.4 "Enumeration of Paging Features by CPUID". */
struct cpu_features cpu_features_detect(void);

/* Turns on what protects the kernel from itself: no-execute, write protection of read-only pages
 * in supervisor mode, SMEP, SMAP, UMIP, each if the CPU has it. Entry 4 of the PAT becomes write
 * combining. Needs: no page has the flag PAT, so that no memory changes its type. */
void cpu_features_enable(const struct cpu_features *features);

/* The memory type of a framebuffer in 4 KiB pages: write combining, so that pixels that follow each
 * other leave the CPU together; uncached on a CPU without the PAT. An MTRR that says uncached, as
 * firmware's do for devices, does not undo it.
 * Source: Intel SDM volume 3, 11.5.2.2 "Selecting Memory Types for Pentium III and More Recent
 * Processor Families", 11.12 "Page Attribute Table (PAT)". */
page_flags cpu_features_framebuffer_type(const struct cpu_features *features);

/* The memory type of other devices: uncached, whatever an MTRR says, with and without the PAT, in
 * which it is entry 3. */
static inline page_flags cpu_features_device_type(void)
{
    return page_flags_of(PAGE_CACHE_DISABLE | PAGE_WRITE_THROUGH);
}

/* The part of the features that page tables depend on. */
struct paging_features cpu_features_of_paging(const struct cpu_features *features);
