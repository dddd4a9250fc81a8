/* What the CPU can do that the kernel makes use of. */
#pragma once

#include "mm/page_table.h"

struct cpu_features {
    unsigned physical_bits; /* MAXPHYADDR */
    bool no_execute;
    bool pages_1g;
    bool global_pages;
    bool smep;
    bool smap;
    bool umip;
    bool la57;
    bool user_keys;       /* protection keys; the kernel itself uses none */
    bool supervisor_keys;
    bool pcid;
    bool invpcid;
};

/* Source: Intel SDM volume 2, CPUID; volume 3, 4.1.4 "Enumeration of Paging Features by CPUID". */
struct cpu_features cpu_features_detect(void);

/* Turns on what protects the kernel from itself: no-execute, write protection of read-only pages
 * in supervisor mode, SMEP, SMAP, UMIP, each if the CPU has it. */
void cpu_features_enable(const struct cpu_features *features);

/* The part of the features that page tables depend on. */
struct paging_features cpu_features_of_paging(const struct cpu_features *features);
