"""docs/capacities.md has each fixed capacity of the kernel, as the sources have it."""

from __future__ import annotations

import re

import pytest

from assay.tree import ROOT

DOCUMENT = ROOT / "docs/capacities.md"
ROW = re.compile(r"^\| `(\w+)` \| `([\w/.]+)` \| (\d+) \| [^|]+ \| (?:`([\w/.]+)` )?\|$", re.MULTILINE)
CONSTANT = re.compile(r"\b([A-Z][A-Z0-9_]*_(?:MAX|CAPACITY|LINES)) = (\w+)")
# Not how much there is room for: the largest value that something can have or is asked for, and what
# follows from other rows.
NO_CAPACITY = {
    "ARGUMENTS_MAX", "ARGUMENT_WORDS_MAX", "BUFFERED_CODES_MAX", "BYTES_MAX", "CODE_MAX",
    "CPU_ITEMS_MAX", "DIGITS_MAX", "LEAF_EXTENDED_MAX", "LENGTH_MAX", "LOAN_ORDER_MAX",
    "PARAMETER_MAX", "POLLS_MAX",
}  # fmt: skip
ROWS = [match.groups() for match in ROW.finditer(DOCUMENT.read_text(encoding="utf-8"))]


def sources() -> str:
    files = sorted((ROOT / "kernel").rglob("*.[ch]"))
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def test_every_line_of_the_table_is_read() -> None:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    assert len(ROWS) == len([line for line in lines if line.startswith("| `")]) > 10


@pytest.mark.parametrize(("name", "file", "value", "shown_by"), ROWS, ids=[row[0] for row in ROWS])
def test_a_capacity_is_what_the_source_says(
    name: str, file: str, value: str, shown_by: str | None
) -> None:
    defined = re.search(rf"\b{name} = (\w+)", (ROOT / file).read_text(encoding="utf-8"))
    assert defined, f"{file} has no constant {name}"
    assert int(defined[1], 0) == int(value)
    if shown_by and "/" in shown_by:
        assert (ROOT / shown_by).is_file()
        assert name in (ROOT / shown_by).read_text(encoding="utf-8")
    elif shown_by:
        suite, sentence = shown_by.split(".")
        test = re.compile(rf"TEST(?:_EACH)?\({suite},\s*{sentence}\b")
        tests = (ROOT / "tests/host").glob("*_test.c")
        assert any(test.search(file.read_text(encoding="utf-8")) for file in tests), shown_by


def test_no_capacity_of_the_kernel_is_left_out() -> None:
    found = {match[1] for match in CONSTANT.finditer(sources())}
    named = {row[0] for row in ROWS} | NO_CAPACITY
    assert found - named == set(), "neither in docs/capacities.md nor in NO_CAPACITY"
    assert NO_CAPACITY - found == set(), "no such constant"
