"""What one may type for Assay: lines of the runner's `--help`, by command."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, ...]] = {
    "run": (
        "run",
        "run --boot pvh --append 'once provoke=overflow'",
        "run --boot uefi --display window --memory 1G",
    ),
    "test": (
        "test",
        "test 'map_to.*' --jobs 4",
        "test --profile small",
        "test 'range.*' --repeat 100 --seed 1",
    ),
    "list": (
        "list",
        "list '*huge*'",
    ),
    "debug": (
        "debug",
        "debug map_to.refuses_a_page_that_is_mapped",
        "debug translate.finds_code_where_it_was_loaded --profile la57",
        "debug tests/kernel/map_to_test.c:120 --listen 1234",
    ),
    "map": (
        "map",
        "map --append 'access=recursive' --profile la57",
        "map map_to.maps_a_page --at page_table_unmap",
    ),
    "matrix": (
        "matrix --sample 100",
        "matrix --sample 50 --list",
        "test --profile matrix-7",
        "debug --profile matrix-7",
    ),
    "": (
        "run --boot uefi --display window",
        "test 'map_to.*' --jobs 2",
        "test --profile la57 --seed 7 --repeat 10",
        "debug map_to.refuses_a_page_that_is_mapped",
        "COMMAND --help",
    ),
}
