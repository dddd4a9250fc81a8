/* Turns the bytes that a terminal sends into keys. Pure: also built for the host. */
#pragma once

#include "kernel/console/key.h"

#include <stdbool.h>
#include <stdint.h>

enum terminal_state {
    TERMINAL_GROUND,
    TERMINAL_RETURN,  /* after a carriage return, whose line feed does not count */
    TERMINAL_ESCAPE,  /* after ESC */
    TERMINAL_CONTROL, /* after ESC [: in the parameters of a control sequence */
    TERMINAL_SINGLE,  /* after ESC O: one letter follows */
};

/* Initialised with zeros. */
struct terminal_keys {
    enum terminal_state state;
    unsigned parameter; /* the first one of the control sequence */
    bool parameter_ended;
};

/* The key that ends with this byte, or KEY_NONE. Sequences that mean nothing here are swallowed;
 * what cannot be one is not. Keys of xterm, the Linux console and VT220 are known.
 * Source: ECMA-48, 5.4 "Control sequences". */
enum key terminal_keys_next(struct terminal_keys *self, uint8_t byte);
