/* Does operations on page tables that are read from standard input, and prints what each says and
 * what the tables hold in the end: to compare implementations. `pt_trace --help` tells the rest. */
#include "mm/page_tree.h"
#include "tests/host/world.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WORDS_MAX = 8,
    DEFAULT_FRAMES = 65536,
    FRAMES_MAX = 1 << 22,
    WINDOW_PAGES = 65536,
    EXIT_MALFORMED = 2,
    RECURSIVE_SLOT = 510,
};

static const char usage[] =
    "usage: pt_trace [--frames N] [--levels 4|5] [--access linear|temporary|recursive]\n"
    "\n"
    "Reads operations, one a line; numbers are hexadecimal without 0x:\n"
    "  map VA PA SIZE FLAGS   unmap VA SIZE   upd VA SIZE FLAGS   tr VA   cleanup\n"
    "SIZE is 4k, 2m or 1g. FLAGS are raw bits of the leaf; upd replaces them. Blank lines and "
    "lines\n"
    "that begin with # are skipped.\n"
    "\n"
    "Prints a line for each: ok; ok PA for unmap; ok N for cleanup, the number of tables freed;\n"
    "PA SIZE FLAGS for tr; or what is wrong. At the end: tables N, without the root, and\n"
    "leaf VA PA SIZE FLAGS for each mapping.\n"
    "\n"
    "--frames N  frames for tables below the root (default 65536, decimal)\n"
    "\n"
    "Exits with 2 when a line or an argument is malformed.\n";

/* The words of a line. */
struct words {
    unsigned count;
    const char *word[WORDS_MAX];
};

struct trace_tool {
    struct world *world;
    unsigned long line;
};

__attribute__((noreturn)) static void malformed(const struct trace_tool *tool, const char *word,
                                                const char *fault)
{
    fflush(stdout);
    fprintf(stderr, "pt_trace: line %lu: \"%s\" %s\n", tool->line, word, fault);
    exit(EXIT_MALFORMED);
}

static const char *size_name(unsigned level)
{
    static const char *const names[] = {"", "4k", "2m", "1g"};

    return names[level];
}

static uint64_t parse_hex(const struct trace_tool *tool, const char *word)
{
    size_t length = strspn(word, "0123456789abcdefABCDEF");
    const char *digits = word + strspn(word, "0");

    if (length == 0 || word[length] != '\0' || strlen(digits) > 16) {
        malformed(tool, word, "is no hexadecimal number of 64 bits");
    }
    return strtoull(word, NULL, 16);
}

static enum page_size parse_size(const struct trace_tool *tool, const char *word)
{
    for (unsigned level = PAGE_4K; level <= PAGE_1G; level++) {
        if (strcmp(word, size_name(level)) == 0) {
            return (enum page_size)level;
        }
    }
    malformed(tool, word, "is none of the sizes 4k, 2m and 1g");
}

/* The address of an operation. What the access needs for itself gets out of its way. */
static virt_addr parse_page(const struct trace_tool *tool, const char *word)
{
    virt_addr page = virt_addr_of(parse_hex(tool, word));

    if (virt_addr_is_canonical(page, tool->world->table.levels) &&
        !world_make_way(tool->world, page)) {
        fflush(stdout);
        fprintf(stderr,
                "pt_trace: line %lu: the root has no entry left for recursive access itself\n",
                tool->line);
        exit(EXIT_FAILURE);
    }
    return page;
}

static void print_result(const char *const *names, unsigned result)
{
    puts(result == 0 ? "ok" : names[result]);
}

static void do_map(struct trace_tool *tool, const struct words *words)
{
    static const char *const names[] = {
        [MAP_ALREADY_MAPPED] = "already_mapped", [MAP_INSIDE_HUGE_PAGE] = "inside_huge_page",
        [MAP_OVER_TABLE] = "over_table",         [MAP_NO_FRAME] = "no_frame",
        [MAP_FRAME_UNREACHABLE] = "no_frame",    [MAP_MISALIGNED] = "misaligned",
        [MAP_NOT_CANONICAL] = "not_canonical",   [MAP_BAD_ADDRESS] = "bad_address",
        [MAP_BAD_FLAGS] = "bad_flags",           [MAP_BAD_SIZE] = "misaligned",
        [MAP_FEATURE_ABSENT] = "feature_absent",
    };
    virt_addr page = parse_page(tool, words->word[1]);
    phys_addr frame = phys_addr_of(parse_hex(tool, words->word[2]));
    enum page_size size = parse_size(tool, words->word[3]);
    page_flags flags = page_flags_of(parse_hex(tool, words->word[4]));

    print_result(names, tlb_flush_now(page_table_map_to(&tool->world->table, page, frame, size,
                                                        flags, &tool->world->frames.source)));
}

static void do_unmap(struct trace_tool *tool, const struct words *words)
{
    static const char *const names[] = {
        [PAGE_NOT_MAPPED] = "not_mapped",       [PAGE_INSIDE_HUGE_PAGE] = "inside_huge_page",
        [PAGE_OVER_TABLE] = "over_table",       [PAGE_MISALIGNED] = "misaligned",
        [PAGE_NOT_CANONICAL] = "not_canonical", [PAGE_BAD_SIZE] = "misaligned",
    };
    virt_addr page = parse_page(tool, words->word[1]);
    struct unmap_outcome outcome =
        page_table_unmap(&tool->world->table, page, parse_size(tool, words->word[2]));
    enum page_result result = tlb_flush_now(outcome);

    if (result == PAGE_OK) {
        printf("ok %llx\n", (unsigned long long)outcome.frame.value);
    } else {
        print_result(names, result);
    }
}

static void do_update(struct trace_tool *tool, const struct words *words)
{
    static const char *const names[] = {
        [UPDATE_NOT_MAPPED] = "not_mapped",       [UPDATE_INSIDE_HUGE_PAGE] = "inside_huge_page",
        [UPDATE_OVER_TABLE] = "over_table",       [UPDATE_MISALIGNED] = "misaligned",
        [UPDATE_NOT_CANONICAL] = "not_canonical", [UPDATE_BAD_FLAGS] = "bad_flags",
        [UPDATE_BAD_SIZE] = "misaligned",         [UPDATE_FEATURE_ABSENT] = "feature_absent",
    };
    virt_addr page = parse_page(tool, words->word[1]);
    enum page_size size = parse_size(tool, words->word[2]);
    page_flags flags = page_flags_of(parse_hex(tool, words->word[3]));

    print_result(names, tlb_flush_now(page_table_update_flags(&tool->world->table, page, size,
                                                              flags, ACCESSED_DIRTY_REPLACE)));
}

static void do_translate(struct trace_tool *tool, const struct words *words)
{
    struct translation found =
        page_table_translate(&tool->world->table, parse_page(tool, words->word[1]));

    if (found.result == TRANSLATE_OK) {
        printf("%llx %s %llx\n", (unsigned long long)found.address.value, size_name(found.level),
               (unsigned long long)found.flags.bits);
    } else {
        puts(found.result == TRANSLATE_NOT_MAPPED ? "not_mapped" : "not_canonical");
    }
}

static uint64_t clean_up(struct world *world, struct page_range range)
{
    struct range_outcome outcome = page_table_clean_up(&world->table, range, &world->frames.source);

    return tlb_flush_now(outcome) == RANGE_OK ? outcome.leaf_count : 0;
}

static void do_clean_up(struct trace_tool *tool, const struct words *words)
{
    struct world *world = tool->world;
    uint64_t count = clean_up(world, page_range_lower_half(world->table.levels));

    (void)words;
    count += clean_up(world, page_range_upper_half(world->table.levels));
    printf("ok %llx\n", (unsigned long long)count);
}

/* Does what one line says. */
static void do_line(struct trace_tool *tool, const struct words *words)
{
    static const struct {
        const char *name;
        unsigned word_count;
        void (*run)(struct trace_tool *tool, const struct words *words);
    } operations[] = {
        {"map", 5, do_map},      {"unmap", 3, do_unmap},      {"upd", 4, do_update},
        {"tr", 2, do_translate}, {"cleanup", 1, do_clean_up},
    };

    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        if (strcmp(words->word[0], operations[i].name) == 0) {
            if (words->count != operations[i].word_count) {
                malformed(tool, words->word[0], "takes another number of words");
            }
            operations[i].run(tool, words);
            return;
        }
    }
    malformed(tool, words->word[0], "is no operation");
}

static struct words split_words(char *line)
{
    struct words words = {.count = 0};

    while (words.count < WORDS_MAX) {
        while (isspace((unsigned char)*line)) {
            line++;
        }
        if (*line == '\0') {
            break;
        }
        words.word[words.count++] = line;
        while (*line != '\0' && !isspace((unsigned char)*line)) {
            line++;
        }
        if (*line != '\0') {
            *line++ = '\0';
        }
    }
    return words;
}

static void do_lines(struct trace_tool *tool)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length;

    while ((length = getline(&line, &room, stdin)) >= 0) {
        struct words words;

        tool->line++;
        if (strlen(line) != (size_t)length) {
            malformed(tool, line, "is followed by a zero byte");
        }
        words = split_words(line);
        if (words.count > 0 && words.word[0][0] != '#') {
            do_line(tool, &words);
            if (tool->world->memory.page_count > tool->world->memory.page_room / 2) {
                host_memory_clear_window(&tool->world->memory);
            }
        }
    }
    free(line);
}

/* What the tables hold, without what the access itself needs. */
struct listing {
    const struct world *world;
    uint64_t table_count;
    bool leaves; /* print them */
};

static bool list_entry(void *context, const struct visited_entry *entry)
{
    struct listing *listing = context;
    unsigned levels = listing->world->table.levels;

    if (entry->recursive || listing->world->hidden[virt_addr_index(entry->start, levels)]) {
        return false;
    }
    listing->table_count += entry->leaf ? 0 : 1;
    if (entry->leaf && listing->leaves) {
        printf("leaf %llx %llx %s %llx\n", (unsigned long long)entry->start.value,
               (unsigned long long)page_leaf_address(entry->entry, entry->level).value,
               size_name(entry->level),
               (unsigned long long)page_leaf_flags(entry->entry, entry->level).bits);
    }
    return true;
}

static void print_tables(const struct world *world)
{
    struct listing listing = {.world = world};

    page_table_visit(&world->table, list_entry, &listing);
    printf("tables %llx\n", (unsigned long long)listing.table_count);
    listing.leaves = true;
    page_table_visit(&world->table, list_entry, &listing);
}

__attribute__((noreturn)) static void bad_argument(const char *argument)
{
    fprintf(stderr, "pt_trace: \"%s\" cannot be understood; try --help\n", argument);
    exit(EXIT_MALFORMED);
}

static uint64_t parse_frames(const char *text)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0 || value > FRAMES_MAX) {
        bad_argument(text);
    }
    return value;
}

static enum access_kind parse_access(const char *text)
{
    if (strcmp(text, "linear") == 0) {
        return ACCESS_LINEAR;
    }
    if (strcmp(text, "temporary") == 0) {
        return ACCESS_TEMPORARY;
    }
    if (strcmp(text, "recursive") != 0) {
        bad_argument(text);
    }
    return ACCESS_RECURSIVE;
}

/* Sets *frame_limit and returns the rest. */
static struct world_shape parse_arguments(int count, char **arguments, uint64_t *frame_limit)
{
    struct world_shape shape = {
        .kind = ACCESS_LINEAR,
        .levels = 4,
        .recursive_slot = RECURSIVE_SLOT,
        .own_window = true,
        .window_pages = WINDOW_PAGES,
    };

    for (int i = 1; i < count; i += 2) {
        const char *value = i + 1 < count ? arguments[i + 1] : "";

        if (strcmp(arguments[i], "--help") == 0) {
            fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        } else if (strcmp(arguments[i], "--frames") == 0) {
            *frame_limit = parse_frames(value);
        } else if (strcmp(arguments[i], "--levels") == 0 &&
                   (strcmp(value, "4") == 0 || strcmp(value, "5") == 0)) {
            shape.levels = (unsigned)(value[0] - '0');
        } else if (strcmp(arguments[i], "--access") == 0) {
            shape.kind = parse_access(value);
        } else {
            bad_argument(arguments[i]);
        }
    }
    shape.frame_count = *frame_limit + WORLD_RESERVED_FRAMES + 1;
    return shape;
}

int main(int count, char **arguments)
{
    uint64_t frame_limit = DEFAULT_FRAMES;
    struct world_shape shape = parse_arguments(count, arguments, &frame_limit);
    struct trace_tool tool = {.world = world_make(&shape)};

    tool.world->frames.limit = frame_limit;
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    do_lines(&tool);
    print_tables(tool.world);
    world_free(tool.world);
    return fflush(stdout) == 0 && ferror(stdout) == 0 && ferror(stdin) == 0 ? EXIT_SUCCESS
                                                                            : EXIT_FAILURE;
}
