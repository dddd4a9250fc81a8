/* Turns scancodes of set 1 from a keyboard with the US layout into keys. Pure: also built for the
 * host. */
#pragma once

#include "kernel/console/key.h"

#include <stdbool.h>
#include <stdint.h>

/* Which modifiers are held, and what the codes so far have begun. Initialised with zeros. */
struct scancode_state {
    bool left_shift;
    bool right_shift;
    bool left_ctrl;
    bool right_ctrl;
    bool caps_lock;
    bool extended;    /* 0xe0 came: the next code is of the other set of keys */
    unsigned skipped; /* codes of the Pause key that are still to come */
};

/* The key that is pressed by this code; KEY_NONE for a release, a modifier, the beginning of a
 * sequence, and keys without a meaning here.
 * Source: IBM Personal System/2 Hardware Interface Technical Reference, "Keyboards", scan code
 * set 1. */
enum key scancode_next(struct scancode_state *self, uint8_t code);
