/* A target for libFuzzer: bytes become a world and operations in it, about which the library and
 * the model must agree. What is found is printed as a trace. */
#include "tests/host/random_operation.h"

#include "tests/host/model_run.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    WORLD_BYTES = 24,     /* of the input: what the world is like */
    OPERATION_BYTES = 24, /* an operation begins at each multiple, so that one can be replaced */
    OPERATIONS_MAX = 150,
};

/* Called by libFuzzer, which declares it nowhere. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count);

static struct random reader_of(const uint8_t *bytes, size_t byte_count, size_t length)
{
    return (struct random){
        .state = 1,
        .bytes = bytes,
        .byte_count = byte_count < length ? byte_count : length,
    };
}

__attribute__((noreturn)) static void report(const struct model_run *run,
                                             const struct operation *operations, size_t count)
{
    char text[OPERATION_TEXT_BYTES];

    world_describe(run->world, text, sizeof text);
    fprintf(stderr, "%s\nin: %s\nafter:\n", run->failure, text);
    for (size_t i = 0; i < count; i++) {
        operation_print(&operations[i], text, sizeof text);
        fprintf(stderr, "  %s\n", text);
    }
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count)
{
    struct random reader = reader_of(bytes, byte_count, WORLD_BYTES);
    enum access_kind kind = (enum access_kind)random_below(&reader, 3);
    struct world_shape shape = random_shape(&reader, kind);
    struct random_places places = random_places_in(&reader, &shape);
    uint64_t frame_limit = random_below(&reader, 2) == 0 ? random_below(&reader, 16) : 500;
    struct operation operations[OPERATIONS_MAX];
    struct model_run run;
    bool good = true;
    size_t count = 0;

    model_run_begin(&run, &shape, frame_limit);
    for (size_t at = WORLD_BYTES; at < byte_count && count < OPERATIONS_MAX && good;
         at += OPERATION_BYTES) {
        reader = reader_of(bytes + at, byte_count - at, OPERATION_BYTES);
        operations[count] = random_operation(&reader, &places);
        good = model_run_step(&run, &operations[count]) && model_run_compare(&run);
        count++;
    }
    good = good && model_run_empty(&run);
    if (!good) {
        report(&run, operations, count);
    }
    model_run_end(&run);
    return 0;
}
