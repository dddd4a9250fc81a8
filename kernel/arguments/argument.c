#include "kernel/arguments/argument.h"

#include "kernel/cpu/registers.h"
#include "kernel/layout/symbols.h"
#include "kernel/lib/string.h"
#include "kernel/line/expression.h"
#include "kernel/line/suggestion.h"
#include "kernel/paging/region.h"

static const char *const register_names[] = {"cr2", "cr3", "rsp"};

static uint64_t register_value(size_t index)
{
    switch (index) {
    case 0:
        return cr2_read().value;
    case 1:
        return cr3_read() & CR3_FRAME_MASK;
    default:
        return (uint64_t)__builtin_frame_address(0);
    }
}

static bool is_name(const char *known, const char *name, size_t length)
{
    return known != NULL && strlen(known) == length && memcmp(known, name, length) == 0;
}

static bool look_up(void *context, const char *name, size_t length, uint64_t *value)
{
    const struct monitor *monitor = context;

    for (size_t i = 0; i < sizeof register_names / sizeof register_names[0]; i++) {
        if (is_name(register_names[i], name, length)) {
            *value = register_value(i);
            return true;
        }
    }
    for (size_t i = 0; i < region_count(); i++) {
        struct region region = region_at(i, monitor->kernel->page_table.levels);
        if (is_name(region.short_name, name, length)) {
            *value = region.start.value;
            return true;
        }
    }
    return symbol_address(name, length, value);
}

void argument_names(bool functions, void (*offer)(void *context, const char *word), void *context)
{
    const char *name;

    for (size_t i = 0; i < sizeof register_names / sizeof register_names[0]; i++) {
        offer(context, register_names[i]);
    }
    for (size_t i = 0; i < region_count(); i++) {
        struct region region = region_at(i, PAGING_LEVELS_MIN);
        if (region.short_name != NULL) {
            offer(context, region.short_name);
        }
    }
    for (uint64_t i = 0; functions && (name = symbol_name(i)) != NULL; i++) {
        offer(context, name);
    }
}

static void offer_suggestion(void *context, const char *word)
{
    suggestion_offer(context, word);
}

/* The most frequent slips with signs: a negative number, and a sum with blanks in it. */
static const char *sign_advice(const char *word)
{
    size_t length = strlen(word);
    bool ends_with_sign = length > 0 && (word[length - 1] == '+' || word[length - 1] == '-');

    return word[0] == '-' && length > 1       ? "a number cannot be negative; the greatest is "
                                                "0xffffffffffffffff"
           : word[0] == '+' || ends_with_sign ? "a number is missing beside the sign; write sums "
                                                "without blanks, such as text+8"
                                              : "a number is missing between two signs";
}

bool argument_number(struct monitor *monitor, const char *word, uint64_t *value)
{
    struct expression expression = expression_parse(word, look_up, monitor);

    if (expression.result == EXPRESSION_OK) {
        *value = expression.value;
        return true;
    }
    if (expression.result == EXPRESSION_EMPTY) {
        console_print(monitor->console, "\"%s\": %s\n", word, sign_advice(word));
        return false;
    }
    if (expression.result == EXPRESSION_TOO_LARGE) {
        console_print(monitor->console, "\"%s\": %s\n", word,
                      expression_result_text(expression.result));
        return false;
    }
    console_print(monitor->console, "\"%.*s\": %s", (int)expression.length, expression.at,
                  expression_result_text(expression.result));
    struct suggestion suggestion = suggestion_for(expression.at, expression.length);
    if (expression.result == EXPRESSION_UNKNOWN_NAME) {
        argument_names(true, offer_suggestion, &suggestion);
    }
    if (suggestion.best != NULL) {
        console_print(monitor->console, "; did you mean %s?", suggestion.best);
    } else if (expression_is_bare_hexadecimal(&expression)) {
        console_print(monitor->console, "; did you mean 0x%.*s?", (int)expression.length,
                      expression.at);
    }
    console_print(monitor->console, "\n");
    return false;
}

bool argument_is_memory_type(const char *word)
{
    return strcmp(word, "pcd") == 0 || strcmp(word, "pwt") == 0;
}

bool argument_permissions(const char *word, page_flags *flags)
{
    static const struct {
        char letter;
        uint64_t bit;
    } letters[] = {{'r', 0}, {'w', PAGE_WRITABLE}, {'x', 0}, {'u', PAGE_USER}, {'g', PAGE_GLOBAL}};
    enum { LETTERS = sizeof letters / sizeof letters[0] };
    bool seen[LETTERS] = {false};

    flags->bits = 0;
    if (argument_is_memory_type(word)) {
        flags->bits = word[1] == 'c' ? PAGE_CACHE_DISABLE : PAGE_WRITE_THROUGH;
        return true;
    }
    for (; *word != '\0'; word++) {
        size_t i = 0;
        while (i < LETTERS && letters[i].letter != *word) {
            i++;
        }
        if (i == LETTERS || seen[i]) {
            return false;
        }
        seen[i] = true;
        flags->bits |= letters[i].bit;
    }
    flags->bits |= seen[2] ? 0 : PAGE_NO_EXECUTE;
    return true;
}
