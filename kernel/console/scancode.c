#include "kernel/console/scancode.h"

enum {
    CODE_EXTENDED = 0xe0,
    CODE_PAUSE = 0xe1, /* two codes follow, as on press and again on release */
    PAUSE_CODES = 2,
    CODE_RELEASED = 0x80,

    CODE_BACKSPACE = 0x0e,
    CODE_TAB = 0x0f,
    CODE_ENTER = 0x1c,
    CODE_CTRL = 0x1d,
    CODE_LEFT_SHIFT = 0x2a,
    CODE_KEYPAD_SLASH = 0x35,
    CODE_RIGHT_SHIFT = 0x36,
    CODE_CAPS_LOCK = 0x3a,
    CODE_HOME = 0x47,
    CODE_UP = 0x48,
    CODE_LEFT = 0x4b,
    CODE_RIGHT = 0x4d,
    CODE_END = 0x4f,
    CODE_DOWN = 0x50,
    CODE_DELETE = 0x53,
};

/* What the codes from 0 on write, without and with Shift; 0: nothing. The keypad writes its
 * digits: the keys for the cursor have codes of their own. */
static const char plain[] = "\0\0"
                            "1234567890-=\0\0qwertyuiop[]\0\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 "
                            "\0\0\0\0\0\0\0\0\0\0\0\0\0"
                            "789-456+1230.";
static const char shifted[] = "\0\0"
                              "!@#$%^&*()_+\0\0QWERTYUIOP{}\0\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 "
                              "\0\0\0\0\0\0\0\0\0\0\0\0\0"
                              "789-456+1230.";
_Static_assert(sizeof plain == CODE_DELETE + 2 && sizeof shifted == sizeof plain,
               "both tables end with the keypad's last key");

static bool is_letter(char character)
{
    return character >= 'a' && character <= 'z';
}

static enum key extended_key(uint8_t code)
{
    switch (code) {
    case CODE_ENTER:
        return KEY_ENTER;
    case CODE_KEYPAD_SLASH:
        return (enum key)'/';
    case CODE_HOME:
        return KEY_HOME;
    case CODE_UP:
        return KEY_UP;
    case CODE_LEFT:
        return KEY_LEFT;
    case CODE_RIGHT:
        return KEY_RIGHT;
    case CODE_END:
        return KEY_END;
    case CODE_DOWN:
        return KEY_DOWN;
    case CODE_DELETE:
        return KEY_DELETE;
    default:
        return KEY_NONE;
    }
}

static enum key plain_key(const struct scancode_state *self, uint8_t code)
{
    if (code == CODE_ENTER || code == CODE_TAB || code == CODE_BACKSPACE) {
        return code == CODE_ENTER ? KEY_ENTER : code == CODE_TAB ? KEY_TAB : KEY_BACKSPACE;
    }
    if (code >= sizeof plain) {
        return KEY_NONE;
    }
    char character = plain[code];
    bool shift = self->left_shift || self->right_shift;
    if ((self->left_ctrl || self->right_ctrl) && is_letter(character)) {
        return KEY_CTRL(character);
    }
    if (is_letter(character) ? shift != self->caps_lock : shift) {
        character = shifted[code];
    }
    return (enum key)character;
}

/* Takes note of a modifier; says whether the code is that of one. */
static bool is_modifier(struct scancode_state *self, uint8_t code, bool pressed, bool extended)
{
    switch (code) {
    case CODE_CTRL:
        *(extended ? &self->right_ctrl : &self->left_ctrl) = pressed;
        return true;
    case CODE_LEFT_SHIFT:
        /* Extended, it is a shift that the keyboard makes up around keys of the cursor block. */
        self->left_shift = extended ? self->left_shift : pressed;
        return true;
    case CODE_RIGHT_SHIFT:
        self->right_shift = extended ? self->right_shift : pressed;
        return true;
    case CODE_CAPS_LOCK:
        self->caps_lock = self->caps_lock != pressed;
        return true;
    default:
        return false;
    }
}

enum key scancode_next(struct scancode_state *self, uint8_t code)
{
    bool extended = self->extended;

    if (self->skipped > 0) {
        self->skipped--;
        return KEY_NONE;
    }
    self->extended = code == CODE_EXTENDED;
    self->skipped = code == CODE_PAUSE ? PAUSE_CODES : 0;
    if (code == CODE_EXTENDED || code == CODE_PAUSE) {
        return KEY_NONE;
    }
    bool pressed = (code & CODE_RELEASED) == 0;
    code &= (uint8_t)~CODE_RELEASED;
    if (is_modifier(self, code, pressed, extended) || !pressed) {
        return KEY_NONE;
    }
    return extended ? extended_key(code) : plain_key(self, code);
}
