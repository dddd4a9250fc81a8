/* The first C function of the kernel. */
#pragma once

#include <stdint.h>

/* Called by entry.asm on the boot tables: `protocol` is an enum boot_protocol, `magic` what the
 * loader left in EAX, `info` the physical address of its information. */
_Noreturn void kernel_start(uint32_t protocol, uint32_t magic, uint32_t info);
