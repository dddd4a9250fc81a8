/* Where entry.asm and the kernel's C code call each other. */
#pragma once

#include <stdint.h>

/* Called by entry.asm on the boot tables: `protocol` is an enum boot_protocol, `magic` what the
 * loader left in EAX, `info` the physical address of its information. */
_Noreturn void kernel_start(uint32_t protocol, uint32_t magic, uint32_t info);

/* In entry.asm: leaves 4-level paging for 5-level paging, on the boot tables. Needs: a CPU with LA57,
 * the boot tables active, interrupts off. The GDT must be loaded again afterwards. */
void five_levels_enter(void);
