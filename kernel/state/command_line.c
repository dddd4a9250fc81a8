#include "kernel/state/command_line.h"

#include "kernel/lib/string.h"

/* A part of the command line. */
struct word {
    const char *start;
    size_t length;
};

static bool word_is(struct word word, const char *text)
{
    return word.length == strlen(text) && memcmp(word.start, text, word.length) == 0;
}

/* If the word is `key` followed by a value, stores the value. */
static bool word_value(struct word word, const char *key, struct word *value)
{
    size_t key_length = strlen(key);

    if (word.length < key_length || memcmp(word.start, key, key_length) != 0) {
        return false;
    }
    *value = (struct word){word.start + key_length, word.length - key_length};
    return true;
}

/* Copies the word, cut off where it does not fit; says whether it fitted. */
static bool word_copy(struct word word, char *text, size_t limit_bytes)
{
    size_t length = word.length < limit_bytes ? word.length : limit_bytes - 1;

    memcpy(text, word.start, length);
    text[length] = '\0';
    return length == word.length;
}

/* A decimal number, or a hexadecimal one after 0x. */
static bool word_number(struct word word, uint64_t *number)
{
    uint64_t base = 10;
    uint64_t result = 0;
    size_t at = 0;

    if (word.length > 2 && word.start[0] == '0' && word.start[1] == 'x') {
        base = 16;
        at = 2;
    }
    if (at == word.length) {
        return false;
    }
    for (; at < word.length; at++) {
        char character = word.start[at];
        uint64_t digit = character >= '0' && character <= '9'   ? (uint64_t)(character - '0')
                         : character >= 'a' && character <= 'f' ? (uint64_t)(character - 'a' + 10)
                         : character >= 'A' && character <= 'F' ? (uint64_t)(character - 'A' + 10)
                                                                : base;
        if (digit >= base || __builtin_mul_overflow(result, base, &result) ||
            __builtin_add_overflow(result, digit, &result)) {
            return false;
        }
    }
    *number = result;
    return true;
}

static bool parse_access(struct word value, enum access_strategy *access)
{
    for (enum access_strategy i = 0; i < STRATEGY_COUNT; i++) {
        if (word_is(value, access_strategy_name(i))) {
            *access = i;
            return true;
        }
    }
    return false;
}

static bool parse_provocation(struct word value, enum provocation *provoke)
{
    static const char *const names[] = {
        [PROVOKE_NULL] = "null",
        [PROVOKE_OVERFLOW] = "overflow",
        [PROVOKE_PANIC] = "panic",
    };
    for (enum provocation i = PROVOKE_NULL; i <= PROVOKE_PANIC; i++) {
        if (word_is(value, names[i])) {
            *provoke = i;
            return true;
        }
    }
    return false;
}

/* "I/N" with 1 <= I <= N. */
static bool parse_part(struct word value, struct command_line *options)
{
    struct word part = {value.start, 0};
    struct word count;
    uint64_t part_number;
    uint64_t count_number;

    while (part.length < value.length && value.start[part.length] != '/') {
        part.length++;
    }
    if (part.length == value.length) {
        return false;
    }
    count = (struct word){value.start + part.length + 1, value.length - part.length - 1};
    if (!word_number(part, &part_number) || !word_number(count, &count_number) ||
        part_number < 1 || part_number > count_number) {
        return false;
    }
    options->part = part_number;
    options->part_count = count_number;
    return true;
}

/* Returns false for a word that means nothing. */
static bool parse_word(struct word word, struct command_line *options)
{
    struct word value;

    if (word_is(word, "list")) {
        options->list = true;
        return true;
    }
    if (word_is(word, "once")) {
        options->once = true;
        return true;
    }
    if (word_is(word, "recursive")) {
        options->recursive = true;
        return true;
    }
    if (word_is(word, "physical=on") || word_is(word, "physical=off")) {
        options->without_physical_memory = word_is(word, "physical=off");
        return true;
    }
    if (word_is(word, "paging=4") || word_is(word, "paging=5")) {
        options->paging_levels = (unsigned)(word.start[word.length - 1] - '0');
        return true;
    }
    if (word_value(word, "test=", &value)) {
        return value.length > 0 && word_copy(value, options->test_glob, TEST_GLOB_BYTES);
    }
    if (word_value(word, "tag=", &value)) {
        return value.length > 0 && word_copy(value, options->test_tag, TEST_TAG_BYTES);
    }
    if (word_value(word, "seed=", &value)) {
        options->has_seed = word_number(value, &options->seed);
        return options->has_seed;
    }
    if (word_value(word, "part=", &value)) {
        return parse_part(value, options);
    }
    if (word_value(word, "combination=", &value)) {
        options->has_combination = word_number(value, &options->combination);
        return options->has_combination;
    }
    if (word_value(word, "access=", &value)) {
        return parse_access(value, &options->access);
    }
    if (word_value(word, "provoke=", &value)) {
        return parse_provocation(value, &options->provoke);
    }
    return false;
}

static bool is_blank(char character)
{
    return character == ' ' || character == '\t' || character == '\n' || character == '\r';
}

/* The first word of the text; without any, one that has no characters. */
static struct word first_word(const char *text)
{
    struct word word;

    while (is_blank(*text)) {
        text++;
    }
    word = (struct word){.start = text};
    while (*text != '\0' && !is_blank(*text)) {
        text++;
    }
    word.length = (size_t)(text - word.start);
    return word;
}

uint64_t command_line_take_key(char *text)
{
    uint64_t key = 0;

    for (struct word word = first_word(text); word.length > 0;
         word = first_word(word.start + word.length)) {
        struct word value;
        uint64_t number;

        if (word_value(word, "key=", &value) && word_number(value, &number) && number != 0) {
            key = number;
            memset(text + (word.start - text), ' ', word.length);
        }
    }
    return key;
}

struct command_line command_line_parse(const char *text)
{
    struct command_line options = {.test_glob = "*", .seed = 1, .part = 1, .part_count = 1,
                                   .paging_levels = 4};

    for (struct word word = first_word(text); word.length > 0;
         word = first_word(word.start + word.length)) {
        if (!parse_word(word, &options) && options.unknown_word[0] == '\0') {
            (void)word_copy(word, options.unknown_word, UNKNOWN_WORD_BYTES);
        }
    }
    return options;
}
