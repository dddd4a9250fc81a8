/* What stage.asm has: one access, and the code that makes it. */
#pragma once

#include <stdint.h>

/* The arguments and results of an access; stage.asm has the same. */
struct stage_call {
    uint64_t rip, cs, flags, ss;
    uint64_t address, operand;
    uint64_t vector, error_code, cr2, value;
};
_Static_assert(__builtin_offsetof(struct stage_call, value) == 72, "as in stage.asm");

/* Goes to call->rip with the registers that *call has, and comes back through one of the three
 * handlers below. *Needs:* these to be set, interrupts off. */
void stage_access(struct stage_call *call);

extern const uint8_t stage_on_general_protection[], stage_on_page_fault[], stage_on_software[];

/* A page with the code of each access, which ends in `int VECTOR_SOFTWARE`. */
extern const uint8_t stage_stubs[];
extern const uint8_t stage_stub_read[], stage_stub_write[], stage_stub_modify[], stage_stub_fetch[];

/* That instruction alone: what an access that fetches is to find. */
extern const uint8_t stage_target_code[];
enum { STAGE_TARGET_CODE_BYTES = 2 };
