/* Comparing the time of one piece of code with that of another, on a machine that does other things
 * too: both run in turns, many times and shortly, so that most turns are not disturbed. What counts
 * is the median of their ratio. */
#pragma once

#include <stdbool.h>

/* Keeps the program on the core that it is on. Says whether it could. */
bool measure_pin(void);

/* Something to be timed. `prepare`, if any, comes before each run and is not timed. */
struct timed {
    void (*prepare)(void *context);
    void (*run)(void *context);
};

struct measured {
    double ns;       /* median time of one run */
    double limit_ns; /* of the limit; 0 without one */
    double ratio;    /* median over the turns; 0 without a limit */
};

enum { MEASURE_TURNS_MAX = 5000 };

/* Times `subject` and `limit`, whose run is a null pointer if there is none, `turns` times
 * (2..MEASURE_TURNS_MAX) each. */
struct measured measure(struct timed subject, struct timed limit, unsigned turns, void *context);

/* Prints the head of the table of results. */
void report_head(void);

/* One row of it. */
struct row {
    const char *operation;
    const char *limit;      /* what the limit is; "" if there is none */
    const char *unit;       /* of both times */
    double units_per_ns;    /* of `unit` for one ns of a run */
    double ratio_allowed;
};

void report_row(const struct row *row, struct measured measured);

/* Prints the last line, with how many rows were over. */
void report_end(void);
