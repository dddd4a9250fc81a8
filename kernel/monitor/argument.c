#include "kernel/monitor/argument.h"

#include "kernel/cpu/registers.h"
#include "kernel/cpu/symbols.h"
#include "kernel/monitor/expression.h"
#include "kernel/monitor/suggestion.h"
#include "kernel/paging/region.h"
#include "kernel/port/string.h"

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

void argument_names(void (*offer)(void *context, const char *word), void *context)
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
    for (uint64_t i = 0; (name = symbol_name(i)) != NULL; i++) {
        offer(context, name);
    }
}

static void offer_suggestion(void *context, const char *word)
{
    suggestion_offer(context, word);
}

bool argument_number(struct monitor *monitor, const char *word, uint64_t *value)
{
    struct expression expression = expression_parse(word, look_up, monitor);
    struct suggestion suggestion = suggestion_for(expression.at, expression.length);

    if (expression.result == EXPRESSION_OK) {
        *value = expression.value;
        return true;
    }
    console_print(monitor->console, "\"%.*s\": %s", (int)expression.length, expression.at,
                  expression_result_text(expression.result));
    if (expression.result == EXPRESSION_UNKNOWN_NAME) {
        argument_names(offer_suggestion, &suggestion);
    }
    if (suggestion.best != NULL) {
        console_print(monitor->console, "; did you mean %s?", suggestion.best);
    }
    console_print(monitor->console, "\n");
    return false;
}

bool argument_size(struct monitor *monitor, const char *word, uint64_t *bytes)
{
    if (!argument_number(monitor, word, bytes)) {
        return false;
    }
    if (*bytes == 0 || !is_aligned(*bytes, page_size_bytes(PAGE_4K))) {
        console_print(monitor->console, "\"%s\": a size is a multiple of 4K, and not 0\n", word);
        return false;
    }
    return true;
}

/* Permissions and other flags of a page: letters of rwxug, or pcd, pwt. */
static bool parse_flags(const char *word, struct change_options *options)
{
    uint64_t bits = PAGE_PRESENT | PAGE_NO_EXECUTE;

    if (strcmp(word, "pcd") == 0 || strcmp(word, "pwt") == 0) {
        options->flags.bits |= word[1] == 'c' ? PAGE_CACHE_DISABLE : PAGE_WRITE_THROUGH;
        return true;
    }
    for (; *word != '\0'; word++) {
        switch (*word) {
        case 'r': /* what is present can be read */
            break;
        case 'w':
            bits |= PAGE_WRITABLE;
            break;
        case 'x':
            bits &= ~PAGE_NO_EXECUTE;
            break;
        case 'u':
            bits |= PAGE_USER;
            break;
        case 'g':
            bits |= PAGE_GLOBAL;
            break;
        default:
            return false;
        }
    }
    options->flags.bits |= bits;
    options->has_flags = true;
    return true;
}

static bool parse_pages(const char *word, enum range_pages *pages)
{
    static const struct {
        const char *word;
        enum range_pages pages;
    } sizes[] = {
        {"pages=4K", RANGE_PAGES_4K}, {"pages=2M", RANGE_PAGES_2M}, {"pages=1G", RANGE_PAGES_1G}};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (strcmp(word, sizes[i].word) == 0) {
            *pages = sizes[i].pages;
            return true;
        }
    }
    return false;
}

bool argument_options(struct monitor *monitor, const struct words *words, size_t first,
                      struct change_options *options)
{
    *options = (struct change_options){.pages = RANGE_PAGES_LARGEST};
    for (size_t i = first; i < words->count; i++) {
        const char *word = words->word[i];

        if (strcmp(word, "force") == 0) {
            options->force = true;
        } else if (!options->has_size && word[0] >= '0' && word[0] <= '9') {
            if (!argument_size(monitor, word, &options->bytes)) {
                return false;
            }
            options->has_size = true;
        } else if (!parse_pages(word, &options->pages) && !parse_flags(word, options)) {
            console_print(monitor->console,
                          "\"%s\": expected a size such as 2M, letters of rwxug, pcd, pwt, "
                          "pages=4K, 2M or 1G, or force\n",
                          word);
            return false;
        }
    }
    if (!monitor->kernel->page_table.features.no_execute) {
        options->flags.bits &= ~PAGE_NO_EXECUTE;
    }
    return true;
}
