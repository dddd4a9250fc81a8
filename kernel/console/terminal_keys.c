#include "kernel/console/terminal_keys.h"

enum {
    ESCAPE = 0x1b,
    BACKSPACE = 0x08,
    PRINTABLE_FIRST = 0x20,
    PRINTABLE_END = 0x7f,
    FINAL_FIRST = 0x40, /* of the bytes that end a control sequence */
    PARAMETER_MAX = 100,
    UTF8_CHARACTER_FIRST = 0xc0, /* below, and not ASCII: a further byte of a character */
};

static enum key plain_key(struct terminal_keys *self, uint8_t byte)
{
    bool after_return = self->state == TERMINAL_RETURN;

    self->state = TERMINAL_GROUND;
    switch (byte) {
    case ESCAPE:
        self->state = TERMINAL_ESCAPE;
        return KEY_NONE;
    case '\r':
        self->state = TERMINAL_RETURN;
        return KEY_ENTER;
    case '\n':
        return after_return ? KEY_NONE : KEY_ENTER;
    case BACKSPACE:
        return KEY_BACKSPACE;
    default:
        /* Other characters than ASCII's are one key each, at their first byte. */
        return byte <= PRINTABLE_END          ? (enum key)byte
               : byte >= UTF8_CHARACTER_FIRST ? KEY_OTHER
                                              : KEY_NONE;
    }
}

/* A key whose sequence ends with a letter. */
static enum key lettered_key(uint8_t letter)
{
    switch (letter) {
    case 'A':
        return KEY_UP;
    case 'B':
        return KEY_DOWN;
    case 'C':
        return KEY_RIGHT;
    case 'D':
        return KEY_LEFT;
    case 'H':
        return KEY_HOME;
    case 'F':
        return KEY_END;
    default:
        return KEY_NONE;
    }
}

/* A key whose sequence is a number and a tilde. */
static enum key numbered_key(unsigned number)
{
    switch (number) {
    case 1:
    case 7:
        return KEY_HOME;
    case 3:
        return KEY_DELETE;
    case 4:
    case 8:
        return KEY_END;
    default:
        return KEY_NONE;
    }
}

static enum key control_key(struct terminal_keys *self, uint8_t byte)
{
    if (byte < PRINTABLE_FIRST || byte >= PRINTABLE_END) {
        return plain_key(self, byte);
    }
    if (byte >= FINAL_FIRST) {
        self->state = TERMINAL_GROUND;
        return byte == '~' ? numbered_key(self->parameter) : lettered_key(byte);
    }
    if (byte >= '0' && byte <= '9' && !self->parameter_ended) {
        self->parameter = self->parameter * 10 + (unsigned)(byte - '0');
        self->parameter = self->parameter < PARAMETER_MAX ? self->parameter : PARAMETER_MAX;
    } else {
        self->parameter_ended = true;
    }
    return KEY_NONE;
}

enum key terminal_keys_next(struct terminal_keys *self, uint8_t byte)
{
    switch (self->state) {
    case TERMINAL_ESCAPE:
        if (byte == '[' || byte == 'O') {
            *self = (struct terminal_keys){
                .state = byte == '[' ? TERMINAL_CONTROL : TERMINAL_SINGLE,
            };
            return KEY_NONE;
        }
        return plain_key(self, byte);
    case TERMINAL_CONTROL:
        return control_key(self, byte);
    case TERMINAL_SINGLE:
        self->state = TERMINAL_GROUND;
        return lettered_key(byte);
    default:
        return plain_key(self, byte);
    }
}
