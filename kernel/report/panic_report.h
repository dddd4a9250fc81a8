/* What the kernel says of a panic that ends it. */
#pragma once

#include "kernel/console/console.h"
#include "kernel/panic/panic.h"

/* Prints where and why, and a backtrace. Inside exception_try it ends that call instead, and prints
 * nothing. A panic in the middle of this ends QEMU at once. */
void panic_report(struct console *console, struct panic *panic);
