/* Times the operations of mm/ on page tables against limits that are measured in the same run.
 *
 * Exits 0 even if an operation is over its limit: this is a benchmark and no test. It exits 1 if
 * an operation does not do what it is timed for.
 */
#include "tests/bench/bench_tables.h"
#include "tests/bench/measure.h"

#include <stdio.h>

int main(void)
{
    struct bench_tables tables;

    if (!measure_pin()) {
        fprintf(stderr, "page_table_bench: cannot stay on one core; the figures may vary\n");
    }
    bench_tables_init(&tables);
    report_head();
    bench_translate(&tables);
    bench_page(&tables);
    printf("  for comparison: another library, on such a machine, took 2.9 ns to update_flags"
           " and 2.6 ns to unmap\n");
    bench_range_operations(&tables);
    report_end();
    return 0;
}
