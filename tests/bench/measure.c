#define _GNU_SOURCE

#include "tests/bench/measure.h"

#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static unsigned rows_with_limit;
static unsigned rows_over;

bool measure_pin(void)
{
    cpu_set_t set;
    int core = sched_getcpu();

    if (core < 0) {
        return false;
    }
    CPU_ZERO(&set);
    CPU_SET((size_t)core, &set);
    return sched_setaffinity(0, sizeof set, &set) == 0;
}

static double now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* What reading the clock adds to a time. */
static double clock_ns(void)
{
    double least = 1e9;

    for (unsigned i = 0; i < 1000; i++) {
        double start = now_ns();
        double passed = now_ns() - start;
        least = passed < least ? passed : least;
    }
    return least;
}

static double time_once(struct timed timed, void *context)
{
    if (timed.run == NULL) {
        return 0;
    }
    if (timed.prepare != NULL) {
        timed.prepare(context);
    }
    double start = now_ns();
    timed.run(context);
    return now_ns() - start;
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
}

static double median(double *values, unsigned count)
{
    qsort(values, count, sizeof *values, compare_doubles);
    return values[count / 2];
}

struct measured measure(struct timed subject, struct timed limit, unsigned turns, void *context)
{
    static double times[MEASURE_TURNS_MAX];
    static double limit_times[MEASURE_TURNS_MAX];
    static double ratios[MEASURE_TURNS_MAX];
    double clock = clock_ns();

    for (unsigned turn = 0; turn < turns; turn++) {
        /* Each comes first in every other turn: neither always finds the cache as the other left it. */
        if (turn % 2 == 0) {
            times[turn] = time_once(subject, context) - clock;
            limit_times[turn] = time_once(limit, context) - clock;
        } else {
            limit_times[turn] = time_once(limit, context) - clock;
            times[turn] = time_once(subject, context) - clock;
        }
        ratios[turn] = times[turn] / limit_times[turn];
    }
    struct measured measured = {.ns = median(times, turns)};
    if (limit.run != NULL) {
        measured.limit_ns = median(limit_times, turns);
        measured.ratio = median(ratios, turns);
    }
    return measured;
}

void report_head(void)
{
    printf("%-42s %8s %-8s %8s %7s %8s  %-5s %s\n", "operation", "time", "unit", "limit", "ratio",
           "allowed", "", "the limit");
}

void report_row(const struct row *row, struct measured measured)
{
    double time = measured.ns * row->units_per_ns;

    if (measured.limit_ns <= 0) {
        printf("%-42s %8.2f %-8s\n", row->operation, time, row->unit);
        return;
    }
    bool over = measured.ratio > row->ratio_allowed;
    rows_with_limit++;
    rows_over += over ? 1 : 0;
    printf("%-42s %8.2f %-8s %8.2f %7.2f %8.2f  %-5s %s\n", row->operation, time, row->unit,
           measured.limit_ns * row->units_per_ns, measured.ratio, row->ratio_allowed,
           over ? "OVER" : "ok", row->limit);
}

void report_end(void)
{
    printf("%u of %u rows with a limit are OVER\n", rows_over, rows_with_limit);
}
