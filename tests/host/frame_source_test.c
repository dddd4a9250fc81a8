/* The sources that need no memory of their own: what they take back. */
#include "mm/frame_source.h"

#include "testing/test.h"

#include <string.h>

static const struct frame_range ranges[] = {
    {{0x1000}, 2}, {{0x5000}, 0}, {{0x8000}, 3}, {{0xb000}, 0}};
enum { RANGE_COUNT = sizeof ranges / sizeof ranges[0], FRAME_COUNT = 5 };
static const uint64_t frames[FRAME_COUNT] = {0x1000, 0x2000, 0x8000, 0x9000, 0xa000};

static uint64_t next_of(struct test *test, struct range_source *source)
{
    phys_addr frame = phys_addr_of(UINT64_MAX);

    REQUIRE(frame_source_allocate(&source->source, 0, &frame));
    return frame.value;
}

static enum frame_free_result free_at(struct range_source *source, uint64_t address)
{
    return frame_source_free(&source->source, 0, phys_addr_of(address));
}

TEST(range_source, takes_back_what_it_gave_in_reverse_order)
{
    /* After each number of frames, and after it has said that there are no more. */
    for (unsigned count = 0; count <= FRAME_COUNT + 1; count++) {
        struct range_source source;
        unsigned given = count < FRAME_COUNT ? count : FRAME_COUNT;

        range_source_init(&source, ranges, RANGE_COUNT);
        for (unsigned i = 0; i < given; i++) {
            CHECK_EQUAL(next_of(test, &source), frames[i]);
        }
        if (count > FRAME_COUNT) {
            phys_addr none = phys_addr_of(0x77);

            CHECK(!frame_source_allocate(&source.source, 0, &none));
            CHECK_EQUAL(none.value, 0x77);
        }
        for (unsigned i = given; i-- > 0;) {
            CHECK_EQUAL(free_at(&source, frames[i]), FRAME_FREE_OK);
            CHECK(range_source_position(&source).value <= frames[i]);
            CHECK(i == 0 || range_source_position(&source).value > frames[i - 1]);
        }
        for (unsigned i = 0; i < FRAME_COUNT; i++) {
            CHECK_EQUAL(next_of(test, &source), frames[i]);
        }
    }
}

TEST(range_source, loses_a_frame_that_was_not_the_last)
{
    struct range_source source;

    range_source_init(&source, ranges, RANGE_COUNT);
    for (unsigned i = 0; i < 3; i++) {
        next_of(test, &source);
    }
    CHECK_EQUAL(free_at(&source, 0x1000), FRAME_FREE_OK);
    CHECK_EQUAL(next_of(test, &source), 0x9000);
}

TEST(range_source, says_what_is_wrong_with_a_free)
{
    static const struct {
        uint64_t address;
        unsigned order;
        enum frame_free_result expected;
    } cases[] = {
        {0x9000, 0, FRAME_FREE_DOUBLE},      {0xa000, 0, FRAME_FREE_DOUBLE},
        {0, 0, FRAME_FREE_FOREIGN},          {0x3000, 0, FRAME_FREE_FOREIGN},
        {0x5000, 0, FRAME_FREE_FOREIGN},     {0xb000, 0, FRAME_FREE_FOREIGN},
        {0x8001, 0, FRAME_FREE_MISALIGNED},  {0x2800, 0, FRAME_FREE_MISALIGNED},
        {0x8000, 1, FRAME_FREE_WRONG_ORDER}, {0x1000, 18, FRAME_FREE_WRONG_ORDER},
    };
    struct range_source source;
    struct range_source nothing;

    range_source_init(&source, ranges, RANGE_COUNT);
    for (unsigned i = 0; i < 3; i++) {
        next_of(test, &source);
    }
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_EQUAL(
            frame_source_free(&source.source, cases[i].order, phys_addr_of(cases[i].address)),
            cases[i].expected);
    }
    CHECK_EQUAL(next_of(test, &source), 0x9000);
    range_source_init(&nothing, NULL, 0);
    CHECK_EQUAL(free_at(&nothing, 0), FRAME_FREE_FOREIGN);
}

TEST(empty_source, knows_no_frame)
{
    CHECK_EQUAL(frame_source_free(frame_source_empty(), 0, phys_addr_of(0)), FRAME_FREE_FOREIGN);
}

TEST(limited_source, counts_only_what_was_taken_back)
{
    struct range_source source;
    struct limited_source limited;
    phys_addr frame;
    phys_addr other;

    range_source_init(&source, ranges, RANGE_COUNT);
    limited_source_init(&limited, &source.source, 1);
    REQUIRE(frame_source_allocate(&limited.source, 0, &frame));
    CHECK_EQUAL(frame_source_free(&limited.source, 0, phys_addr_of(0x3000)), FRAME_FREE_FOREIGN);
    CHECK(!frame_source_allocate(&limited.source, 0, &other));
    CHECK_EQUAL(frame_source_free(&limited.source, 0, frame), FRAME_FREE_OK);
    CHECK(frame_source_allocate(&limited.source, 0, &other));
    CHECK_EQUAL(other.value, frame.value);
}

TEST(frame_free_result, has_a_text_for_each_value)
{
    for (unsigned i = FRAME_FREE_OK; i <= FRAME_FREE_WRONG_ORDER; i++) {
        for (unsigned k = 0; k < i; k++) {
            CHECK(strcmp(frame_free_result_text(i), frame_free_result_text(k)) != 0);
        }
        CHECK(strcmp(frame_free_result_text(i), frame_free_result_text(99)) != 0);
    }
}
