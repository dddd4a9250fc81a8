/* Where an emulator is known not to do what the manual says. */
#pragma once

#include "tests/kernel/conformance/stage.h"

struct deviation {
    const char *name;
    const char *rule;     /* of the manual */
    const char *seen_in;  /* versions of the emulator */
    const char *emulator; /* by the signature that CPUID gives for it */
    bool without_pages_1g; /* only CPUs that lack these can show it */
    /* Makes of what the manual says what the emulator does. False where both are the same. May
     * change *control for those that come behind. */
    bool (*apply)(struct mmu_control *control, const struct performance *performance,
                  struct mmu_outcome *outcome);
};

/* How often it was met since deviations_reset. */
struct deviation_count {
    uint64_t deviated;
    uint64_t conformed; /* the emulator did what the manual says: it has been fixed */
};

extern const struct deviation deviations[];
extern const unsigned deviation_count;
extern struct deviation_count deviation_counts[];

/* Forgets the counts and finds out what runs the kernel. */
void deviations_reset(void);

/* True for one that the machine at hand is known for. */
bool deviation_is_of_this_machine(const struct deviation *deviation);

/* Applies all that this machine has, in their order. Returns those that changed the outcome, a bit
 * each. */
unsigned deviations_apply(struct mmu_control control, const struct performance *performance,
                          struct mmu_outcome *outcome);

/* Counts an outcome to which these applied. */
void deviations_note(unsigned applied, bool deviated);
