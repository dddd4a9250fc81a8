/* Runs the host tests. Takes words of the test kernel's command line, and reports as it does. */
#include "testing/registry.h"
#include "testing/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, DEFAULT_SEED = 1 };

static const char usage[] =
    "usage: %s [PATTERN] [tag=TAG] [without=TAG] [seed=N] | --list | --help\n"
    "  PATTERN   run the tests whose name matches, with * and ? (default: *)\n"
    "  tag=TAG   of these only those with the tag\n"
    "  without=TAG\n"
    "            of these only those without it\n"
    "  seed=N    run them in the order that N gives; also the seed of what tests choose at random\n"
    "            (default: 1; decimal, or hexadecimal after 0x)\n"
    "  --list    print the names of all tests\n"
    "Exit code: 0 if all passed, 1 if one failed, 2 for wrong use or if no test matches.\n";

/* What the arguments ask for. */
struct options {
    const char *glob; /* NULL: not given */
    const char *tag;  /* NULL: not given */
    const char *without_tag;
    uint64_t seed;
    bool list;
    bool help;
};

static void write_to_stdout(void *context, const char *text, size_t length)
{
    (void)context;
    fwrite(text, 1, length, stdout);
}

/* A whole number without a sign, in 64 bits. Octal is not offered: 010 is ten. */
static bool read_seed(const char *text, uint64_t *seed)
{
    bool hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = hexadecimal ? text + 2 : text;
    size_t length = strspn(digits, hexadecimal ? "0123456789abcdefABCDEF" : "0123456789");

    errno = 0;
    *seed = strtoull(digits, NULL, hexadecimal ? 16 : 10);
    return length > 0 && digits[length] == '\0' && errno == 0;
}

/* Returns what is wrong with the word, or NULL. */
static const char *read_word(struct options *options, const char *word)
{
    if (strcmp(word, "--help") == 0) {
        options->help = true;
    } else if (strcmp(word, "--list") == 0) {
        options->list = true;
    } else if (strncmp(word, "seed=", 5) == 0) {
        return read_seed(word + 5, &options->seed) ? NULL : "the seed is no number of 64 bits";
    } else if (strncmp(word, "tag=", 4) == 0) {
        options->tag = word + 4;
        return *options->tag != '\0' ? NULL : "the tag is empty";
    } else if (strncmp(word, "without=", 8) == 0) {
        options->without_tag = word + 8;
        return *options->without_tag != '\0' ? NULL : "the tag is empty";
    } else if (*word == '-' || *word == '\0' || strchr(word, '=') != NULL) {
        return "neither an option nor a pattern";
    } else if (options->glob != NULL) {
        return "a second pattern";
    } else {
        options->glob = word;
    }
    return NULL;
}

static int run_tests(const struct options *options)
{
    const struct test_run run = {
        .output = {.write = write_to_stdout},
        .cases = test_cases_start,
        .case_count = (size_t)(test_cases_end - test_cases_start),
        .glob = options->glob != NULL ? options->glob : "*",
        .tag = options->tag,
        .without_tag = options->without_tag,
        .shuffled = true,
        .seed = options->seed,
        .provides = UINT64_MAX,
    };

    if (options->list) {
        test_list(&run);
        return EXIT_SUCCESS;
    }
    switch (test_run(&run)) {
    case TEST_RUN_PASSED:
        return EXIT_SUCCESS;
    case TEST_RUN_FAILED:
        return EXIT_FAILED;
    case TEST_RUN_NONE_SELECTED:
        fprintf(stderr, "no test matches \"%s\"%s%s\n", run.glob,
                run.tag != NULL ? " and has the tag " : "", run.tag != NULL ? run.tag : "");
    }
    return EXIT_USAGE;
}

int main(int argument_count, char **arguments)
{
    struct options options = {.seed = DEFAULT_SEED};

    for (int i = 1; i < argument_count; i++) {
        const char *fault = read_word(&options, arguments[i]);

        if (fault != NULL) {
            fprintf(stderr, "\"%s\": %s; --help explains\n", arguments[i], fault);
            return EXIT_USAGE;
        }
    }
    if (options.help) {
        printf(usage, arguments[0]);
        return EXIT_SUCCESS;
    }
    if (options.list && argument_count > 2) {
        fprintf(stderr, "--list names all tests: nothing else goes with it\n");
        return EXIT_USAGE;
    }
    return run_tests(&options);
}
