"""docs/claims.md has a row for every statement and names tests that exist; a run that skips one fails."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import claims
from assay.tree import ROOT

DOCUMENT = ROOT / "docs" / "claims.md"
COUNTS = {"R": 2, "T": 1}

GOOD = (
    "| ID | statement | tests |",
    "|---|---|---|",
    "| R1 | One. | `tests/test_some.py::test_one`, `tests/test_some.py::test_cases` |",
    "| R2 | Two. | `tests/test_some.py::test_cases[a b]` |",
    "| T1 | Three. | `tests/test_some.py::test_three` |",
)

# A project of its own, with the check in it.
CONFTEST = """
import claims, pathlib
def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        check = claims.RunCheck(config, pathlib.Path("claims.md"), pathlib.Path("tests"), %r)
        config.pluginmanager.register(check)
"""
TESTS = """
import pytest
def test_one():
    pass
@pytest.mark.parametrize("case", ["a b", "c"])
def test_cases(case):
    pass
def test_three():
    pass
"""


def write_document(directory: Path, rows: Sequence[str]) -> Path:
    document = directory / "claims.md"
    document.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return document


def without(text: str) -> list[str]:
    return [row for row in GOOD if text not in row]


def test_every_claim_has_a_row_and_each_test_that_it_names_exists() -> None:
    command = [sys.executable, "-m", "pytest", "-c", "tests/pytest.ini", "--rootdir=.", "-q",
               "--collect-only", "tests"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert listed.returncode == 0, listed.stdout + listed.stderr
    items = listed.stdout.splitlines()
    missing = [
        f"{claim.identifier}: {test}"
        for claim in claims.read_claims(DOCUMENT, claims.COUNTS)
        for test in claim.tests
        if not claims.items_of(test, items)
    ]
    assert not missing, "no such tests:\n" + "\n".join(missing)


def test_a_good_document_is_read_row_by_row(tmp_path: Path) -> None:
    found = claims.read_claims(write_document(tmp_path, GOOD), COUNTS)
    assert [(claim.identifier, claim.statement, len(claim.tests)) for claim in found] == [
        ("R1", "One.", 2), ("R2", "Two.", 1), ("T1", "Three.", 1),
    ]


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        (without("R2"), "R2 has no row"),
        ([*without("T1"), "| T1 | Three. |  |"], "T1 has no test"),
        ([*without("T1"), "| T1 | Three. | to be written |"], "T1 has no test"),
        ([*GOOD, "| T2 | Four. | `a.b` |"], "T2 is not known"),
        ([*GOOD, "| T1 | Three. | `a.b` |"], "T1 has two rows"),
        ([*without("T1"), "| T1 | Three. | `test_three` |"], "'test_three' is no name of a test"),
        ([], "R1 has no row"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_with_a_document_is_named(
    tmp_path: Path, rows: list[str], fault: str
) -> None:
    document = write_document(tmp_path, rows)
    with pytest.raises(claims.ClaimsFault) as raised:
        claims.read_claims(document, COUNTS)
    assert f"{document}: " in str(raised.value)
    assert fault in str(raised.value)


def test_a_document_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(claims.ClaimsFault, match="none.md cannot be read: No such file"):
        claims.read_claims(tmp_path / "none.md", COUNTS)


def test_names_stand_for_the_items_of_pytest() -> None:
    items = {
        "tests/kernel/test_kernel.py::test[fast-map_to.works]",
        "tests/kernel/test_kernel.py::test[fast-map_to.works_twice]",
        "tests/kernel/test_kernel.py::test[fast-remap_to.works]",
        "tests/host/test_unit.py::test[map_to.works]",
        "tests/host/test_a.py::test_b[1]",
        "tests/host/test_a.py::test_b[2]",
        "tests/host/test_a.py::test_bc",
    }
    expected = {
        "map_to.works": {"tests/kernel/test_kernel.py::test[fast-map_to.works]"},
        "unit:map_to.works": {"tests/host/test_unit.py::test[map_to.works]"},
        "tests/host/test_a.py::test_b": {
            "tests/host/test_a.py::test_b[1]", "tests/host/test_a.py::test_b[2]",
        },
        "tests/host/test_a.py::test_b[2]": {"tests/host/test_a.py::test_b[2]"},
        "tests/host/test_a.py::test_bc": {"tests/host/test_a.py::test_bc"},
        "map_to.wor": set(),
        "unit:map_to.works_twice": set(),
    }
    assert {name: claims.items_of(name, items) for name in expected} == expected


def run_project(
    directory: Path, *arguments: str, rows: Sequence[str] = GOOD, tests: str = TESTS,
    accelerator: str = "tcg",
) -> tuple[int, str]:
    """pytest over a project in which the check is active: its exit status and what it says."""
    write_document(directory, rows)
    (directory / "tests").mkdir()
    (directory / "tests" / "conftest.py").write_text(CONFTEST % COUNTS)
    (directory / "tests" / "test_some.py").write_text(tests)
    path = os.pathsep.join((str(ROOT / "tests"), str(ROOT / "scripts")))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--rootdir=.", "-p", "no:cacheprovider", *arguments],
        cwd=directory, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": path, "ACCEL": accelerator},
    )
    return done.returncode, done.stdout + done.stderr


HEADING = "statements that this run did not show"


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_full_run_that_shows_all_passes(tmp_path: Path, workers: str) -> None:
    status, said = run_project(tmp_path, "-n", workers, "tests")
    assert (status, HEADING in said) == (0, False), said


@pytest.mark.parametrize(
    ("rows", "tests", "line"),
    [
        (GOOD, TESTS.replace("test_three", "test_3"),
         "T1: tests/test_some.py::test_three did not run"),
        (GOOD, TESTS.replace("def test_three", "@pytest.mark.skip('why')\ndef test_three"),
         "T1: tests/test_some.py::test_three did not pass"),
        (GOOD, TESTS.replace("(case):\n", "(case):\n    if case == 'c': pytest.skip('why')\n"),
         "R1: tests/test_some.py::test_cases did not pass"),
        (GOOD, TESTS.replace("def test_three", "@pytest.mark.xfail\ndef test_three").replace(
            "def test_three():\n    pass", "def test_three():\n    assert False"),
         "T1: tests/test_some.py::test_three did not pass"),
        (without("R2"), TESTS, "R2 has no row"),
    ],
    ids=["missing", "skipped", "one case skipped", "failure that was expected", "no row"],
)
def test_a_full_run_that_does_not_show_a_claim_fails(
    tmp_path: Path, rows: list[str], tests: str, line: str
) -> None:
    status, said = run_project(tmp_path, "-n", "2", "tests", rows=rows, tests=tests)
    assert status == 1, said
    assert HEADING in said and line in said, said


@pytest.mark.parametrize(
    "arguments",
    [("-k", "one", "tests"), ("tests/test_some.py::test_one",), ("tests/test_some.py",),
     ("--deselect", "tests/test_some.py::test_three", "tests"), ("-m", "not slow", "tests")],
    ids=" ".join,
)
def test_a_selection_need_not_show_all(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    tests = TESTS.replace("test_three", "test_3")
    status, said = run_project(tmp_path, *arguments, tests=tests)
    assert (status, HEADING in said) == (0, False), said


def test_another_accelerator_need_not_show_all(tmp_path: Path) -> None:
    tests = TESTS.replace("def test_three", "@pytest.mark.skip('why')\ndef test_three")
    status, said = run_project(tmp_path, "tests", tests=tests, accelerator="kvm")
    assert (status, HEADING in said) == (0, False), said


def test_a_failure_stays_a_failure(tmp_path: Path) -> None:
    tests = TESTS.replace("def test_one():\n    pass", "def test_one():\n    assert False")
    status, said = run_project(tmp_path, "tests", tests=tests)
    assert status == 1
    assert "1 failed, 3 passed" in said
