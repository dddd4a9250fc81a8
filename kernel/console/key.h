/* Keys, as the console's two inputs tell them: a terminal on the serial port, and the keyboard. */
#pragma once

/* Printable characters are their ASCII codes; with Ctrl, a letter is KEY_CTRL('A') and so on. */
enum key {
    KEY_NONE = 0, /* nothing yet: in the middle of a sequence, or a key without a meaning */
    KEY_TAB = '\t',
    KEY_ENTER = '\n',
    KEY_BACKSPACE = 0x7f,
    KEY_UP = 0x100,
    KEY_DOWN,
    KEY_LEFT,
    KEY_RIGHT,
    KEY_HOME,
    KEY_END,
    KEY_DELETE,
    KEY_OTHER, /* a character that is not ASCII */
};

#define KEY_CTRL(letter) ((enum key)((letter)&0x1f))
