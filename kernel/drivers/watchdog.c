#include "kernel/drivers/watchdog.h"

#include "kernel/drivers/nmi_timer.h"

#include <stddef.h>

/* Shared with the NMI: volatile; `ticks_left` is the last to be set and the first to be cleared. */
static volatile uint32_t ticks_left; /* 0: not set */
static bool timer_is_there;
static void (*volatile on_expiry)(void *context, const struct exception_frame *frame);
static void *volatile on_expiry_context;

/* An NMI that is no tick is let pass: where the machine was held up for long between an NMI and its
 * acknowledgement, one acknowledgement stands for two. */
static bool handle_nmi(const struct exception_frame *frame)
{
    if (nmi_timer_acknowledge() && ticks_left > 0) {
        ticks_left = ticks_left - 1;
        if (ticks_left == 0) {
            on_expiry(on_expiry_context, frame);
        }
    }
    return true;
}

bool watchdog_init(volatile uint8_t *apic)
{
    exceptions_on_nmi(handle_nmi);
    timer_is_there = nmi_timer_start(apic);
    if (!timer_is_there) {
        exceptions_on_nmi(NULL);
    }
    return timer_is_there;
}

bool watchdog_is_there(void)
{
    return timer_is_there;
}

void watchdog_start(uint32_t limit_ms,
                    void (*expired)(void *context, const struct exception_frame *frame),
                    void *context)
{
    ticks_left = 0;
    on_expiry = expired;
    on_expiry_context = context;
    /* The first tick can come at once: it does not count. */
    ticks_left = limit_ms / NMI_TIMER_TICK_MS + 2;
}

void watchdog_stop(void)
{
    ticks_left = 0;
}
