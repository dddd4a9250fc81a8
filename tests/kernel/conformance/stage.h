/* The stage: real page tables, registers and accesses for combinations. */
#pragma once

#include "kernel/state/kernel.h"
#include "tests/kernel/conformance/combination.h"

/* What an access did. */
struct observation {
    uint64_t vector;      /* VECTOR_SOFTWARE: the access went through */
    uint64_t error_code;  /* 0 for VECTOR_SOFTWARE */
    uint64_t cr2;         /* of a page fault */
    uint64_t value;       /* that a read yielded */
    uint64_t memory;      /* what is in the page of data afterwards */
    struct mmu_path after;
};

/* What went before: the arguments of the access, in plain numbers. */
struct performance {
    struct mmu_path path;
    struct mmu_access access;
    uint64_t physical;       /* that the path leads to */
    uint64_t operand;        /* what is written, or added */
    uint64_t memory;         /* what is in the page of data */
};

/* Builds the stage and enters it: its own copy of the kernel's tables, without XD, which is
 * reserved while EFER.NXE is 0. *Needs:* interrupts off; one stage at a time. */
void stage_enter(struct kernel *kernel);

/* Puts the registers and the kernel's tables back. */
void stage_leave(void);

const struct combination_machine *stage_machine(void);

/* Performs a possible combination. *performance tells what was set up, *observation what came of
 * it. */
void stage_perform(uint64_t word, struct performance *performance, struct observation *observation);
