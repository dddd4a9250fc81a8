#include "kernel/arguments/argument_kind.h"

#include "kernel/arguments/argument.h"
#include "kernel/lib/string.h"

#define OTHER_ADDRESSES "and functions (type a letter first), numbers such as 0x1000, and sums"

const struct argument_kind_words argument_kinds[ARGUMENT_KIND_COUNT] = {
    [ARGUMENT_COMMAND] = {.shown = "COMMAND"},
    [ARGUMENT_ADDRESS] = {.shown = "ADDR", .others = OTHER_ADDRESSES},
    [ARGUMENT_PAGE] = {.shown = "VA", .others = OTHER_ADDRESSES},
    [ARGUMENT_FRAME] = {.shown = "PA"},
    [ARGUMENT_FRAME_OR_NEW] = {.shown = "PA|new", .words = {"new"}},
    [ARGUMENT_VALUE] = {.shown = "VALUE"},
    [ARGUMENT_STRATEGY] = {.shown = "STRATEGY"},
    [ARGUMENT_CLAIM] = {.shown = "ID|all"},
    [ARGUMENT_GLOB] = {.shown = "GLOB"},
    [ARGUMENT_CODE] = {.shown = "CODE"},
    [ARGUMENT_SIZE] = {"SIZE", {"4K", "2M", "1G"}, NULL},
    [ARGUMENT_BLOCK] = {"SIZE", {"4K", "2M", "1G"}, NULL},
    [ARGUMENT_HUGE] = {"2M|1G", {"2M", "1G"}, NULL},
    [ARGUMENT_BYTES] = {.shown = "BYTES"},
    [ARGUMENT_WIDTH] = {"1|2|4|8", {"1", "2", "4", "8"}, NULL},
    [ARGUMENT_FLAGS] = {"FLAGS", {"r", "rw", "rx", "rwx", "rwu", "pcd", "pwt"}, NULL},
    [ARGUMENT_PAGES] = {"pages=4K|2M|1G", {"pages=4K", "pages=2M", "pages=1G"}, NULL},
    [ARGUMENT_FORCE] = {"force", {"force"}, NULL},
};

static bool starts_number(const char *word)
{
    return (word[0] >= '0' && word[0] <= '9') || word[0] == '-' || word[0] == '+';
}

/* Whether it is one, be it a capital. */
static bool is_letter_of_permissions(char character)
{
    const char *letter = "rwxugRWXUG";

    while (*letter != '\0' && *letter != character) {
        letter++;
    }
    return *letter != '\0';
}

/* Letters that permissions are made of, be they right or not: a wrong one is told as such. */
static bool looks_like_permissions(const char *word)
{
    page_flags flags;
    size_t i = 0;

    while (is_letter_of_permissions(word[i])) {
        i++;
    }
    return word[i] == '\0' || argument_permissions(word, &flags);
}

bool argument_is_of_kind(enum argument_kind kind, const char *word)
{
    switch (kind) {
    case ARGUMENT_FORCE:
        return strcmp(word, "force") == 0;
    case ARGUMENT_PAGES:
        return strncmp(word, "pages=", strlen("pages=")) == 0;
    case ARGUMENT_FLAGS:
        return looks_like_permissions(word);
    default:
        return starts_number(word);
    }
}
