/* Keys from both inputs: a terminal's bytes and a keyboard's scancodes. */
#include "kernel/console/scancode.h"
#include "kernel/console/terminal_keys.h"

#include "testing/test.h"

#include <string.h>

enum { KEYS_MAX = 64 };

/* The keys of all bytes, without KEY_NONE, ending with it. */
static size_t terminal_keys_of(const char *bytes, enum key *keys)
{
    struct terminal_keys state = {.parameter = 0};
    size_t count = 0;

    for (; *bytes != '\0'; bytes++) {
        enum key key = terminal_keys_next(&state, (uint8_t)*bytes);
        if (key != KEY_NONE) {
            keys[count++] = key;
        }
    }
    keys[count] = KEY_NONE;
    return count;
}

static size_t scancode_keys_of(const uint8_t *codes, size_t code_count, enum key *keys)
{
    struct scancode_state state = {.skipped = 0};
    size_t count = 0;

    for (size_t i = 0; i < code_count; i++) {
        enum key key = scancode_next(&state, codes[i]);
        if (key != KEY_NONE) {
            keys[count++] = key;
        }
    }
    keys[count] = KEY_NONE;
    return count;
}

#define SCANCODES(keys, ...)                                                                       \
    scancode_keys_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), keys)

TEST(terminal_keys, knows_the_sequences_of_common_terminals)
{
    static const struct {
        const char *bytes;
        enum key key;
    } cases[] = {
        {"a", (enum key)'a'},    {"~", (enum key)'~'},      {"\x01", KEY_CTRL('A')},
        {"\t", KEY_TAB},         {"\r", KEY_ENTER},         {"\n", KEY_ENTER},
        {"\r\n", KEY_ENTER},     {"\x7f", KEY_BACKSPACE},   {"\b", KEY_BACKSPACE},
        {"\x1b[A", KEY_UP},      {"\x1bOA", KEY_UP},        {"\x1b[B", KEY_DOWN},
        {"\x1b[C", KEY_RIGHT},   {"\x1b[D", KEY_LEFT},      {"\x1b[H", KEY_HOME},
        {"\x1bOH", KEY_HOME},    {"\x1b[1~", KEY_HOME},     {"\x1b[7~", KEY_HOME},
        {"\x1b[F", KEY_END},     {"\x1b[4~", KEY_END},      {"\x1b[8~", KEY_END},
        {"\x1b[3~", KEY_DELETE}, {"\x1b[3;5~", KEY_DELETE}, {"\x1b[1;5C", KEY_RIGHT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum key keys[KEYS_MAX];
        CHECK_EQUAL(terminal_keys_of(cases[i].bytes, keys), 1);
        CHECK_EQUAL(keys[0], cases[i].key);
    }
}

TEST(terminal_keys, swallows_what_means_nothing_and_goes_on)
{
    static const char *const nothing[] = {
        "\x1b[15~", "\x1b[200~", "\x1b[?1;2c", "\x1b[99999999999999999999~",
        "\x1bOP",   "\xa4",      "\x1b[I",
    };
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++) {
        enum key keys[KEYS_MAX];
        char bytes[40];

        strcpy(bytes, nothing[i]);
        strcat(bytes, "x");
        CHECK_EQUAL(terminal_keys_of(bytes, keys), 1);
        CHECK_EQUAL(keys[0], 'x');
    }
}

TEST(terminal_keys, a_character_that_is_not_ascii_is_one_key)
{
    enum key keys[KEYS_MAX];

    REQUIRE_EQUAL(terminal_keys_of("\xc3\xa4\xe6\x97\xa5\xf0\x9f\x98\x80x", keys), 4);
    CHECK_EQUAL(keys[0], KEY_OTHER);
    CHECK_EQUAL(keys[1], KEY_OTHER);
    CHECK_EQUAL(keys[2], KEY_OTHER);
    CHECK_EQUAL(keys[3], 'x');
}

TEST(terminal_keys, a_broken_sequence_costs_no_more_than_itself)
{
    enum key keys[KEYS_MAX];

    REQUIRE_EQUAL(terminal_keys_of("\x1b\x1b[A\x1b[1\r\r", keys), 3);
    CHECK_EQUAL(keys[0], KEY_UP);
    CHECK_EQUAL(keys[1], KEY_ENTER);
    CHECK_EQUAL(keys[2], KEY_ENTER);
}

TEST(scancode, writes_letters_with_shift_and_caps_lock)
{
    enum key keys[KEYS_MAX];

    /* q; Shift down, q, 1, up; Caps Lock, q, 1; Shift down, q, up. */
    REQUIRE_EQUAL(SCANCODES(keys, 0x10, 0x90, 0x2a, 0x10, 0x90, 0x02, 0x82, 0xaa, 0x3a, 0xba, 0x10,
                            0x90, 0x02, 0x82, 0x36, 0x10, 0x90, 0xb6),
                  6);
    CHECK_EQUAL(keys[0], 'q');
    CHECK_EQUAL(keys[1], 'Q');
    CHECK_EQUAL(keys[2], '!');
    CHECK_EQUAL(keys[3], 'Q');
    CHECK_EQUAL(keys[4], '1');
    CHECK_EQUAL(keys[5], 'q');
}

TEST(scancode, writes_every_character_that_a_command_can_have)
{
    static const char characters[] = "abcdefghijklmnopqrstuvwxyz0123456789-=[];'`\\,./ "
                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ!@#$%^&*()_+{}:\"~|<>?";

    for (size_t i = 0; i < sizeof characters - 1; i++) {
        bool found = false;
        for (unsigned code = 0; code < 0x80 && !found; code++) {
            struct scancode_state plain = {.left_shift = false};
            struct scancode_state shifted = {.left_shift = true};
            found = scancode_next(&plain, (uint8_t)code) == (enum key)characters[i] ||
                    scancode_next(&shifted, (uint8_t)code) == (enum key)characters[i];
        }
        CHECK(found);
    }
}

TEST(scancode, knows_control_and_the_cursor_block)
{
    enum key keys[KEYS_MAX];

    /* Ctrl A; right Ctrl U; up, down, left, right, Home, End, Delete, the keypad's Enter and /. */
    REQUIRE_EQUAL(SCANCODES(keys, 0x1d, 0x1e, 0x9e, 0x9d, 0xe0, 0x1d, 0x16, 0x96, 0xe0, 0x9d, 0xe0,
                            0x48, 0xe0, 0xc8, 0xe0, 0x50, 0xe0, 0x4b, 0xe0, 0x4d, 0xe0, 0x47, 0xe0,
                            0x4f, 0xe0, 0x53, 0xe0, 0x1c, 0xe0, 0x35, 0x1e),
                  12);
    static const enum key expected[] = {
        KEY_CTRL('A'), KEY_CTRL('U'), KEY_UP,     KEY_DOWN,  KEY_LEFT,      KEY_RIGHT,
        KEY_HOME,      KEY_END,       KEY_DELETE, KEY_ENTER, (enum key)'/', (enum key)'a',
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        CHECK_EQUAL(keys[i], expected[i]);
    }
}

TEST(scancode, made_up_shifts_and_the_pause_key_leave_no_trace)
{
    enum key keys[KEYS_MAX];

    /* Delete between made-up shifts, with q pressed before the second; then Pause, then q. */
    REQUIRE_EQUAL(SCANCODES(keys, 0xe0, 0x2a, 0xe0, 0x53, 0x10, 0xe0, 0xd3, 0xe0, 0xaa, 0xe1, 0x1d,
                            0x45, 0xe1, 0x9d, 0xc5, 0x10),
                  3);
    CHECK_EQUAL(keys[0], KEY_DELETE);
    CHECK_EQUAL(keys[1], 'q');
    CHECK_EQUAL(keys[2], 'q');
}

TEST(scancode, no_code_reaches_outside_of_the_tables)
{
    struct scancode_state state = {.skipped = 0};

    for (unsigned i = 0; i < 0x10000; i++) {
        enum key first = scancode_next(&state, (uint8_t)(i >> 8));
        enum key second = scancode_next(&state, (uint8_t)i);
        CHECK_AT_MOST((unsigned)first, (unsigned)KEY_DELETE);
        CHECK_AT_MOST((unsigned)second, (unsigned)KEY_DELETE);
    }
}
