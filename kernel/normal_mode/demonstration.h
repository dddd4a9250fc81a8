/* The paging tutorial, run on the kernel's own tables: what is where, translations, and new
 * mappings. */
#pragma once

#include "kernel/state/kernel.h"

/* Prints it all. The mapping of page 0 is undone afterwards; that of 0xdeadbeaf000 stays. */
void demonstration_run(struct kernel *kernel);
