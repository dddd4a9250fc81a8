"""docs/claims.md: which tests show which statement of the paging tutorial, and whether they ran.

A row of its tables is `| ID | statement | tests |`. A test is named in one of three ways:

    map_to.shows_one_frame_at_two_pages           a test in the kernel, on the machine it has its
                                                  own boot on
    unit:align.rounds_at_the_ends                 one of the tests on the host that are written in C
    tests/kernel/test_boot.py::test_five_levels   one of pytest's own; without [...], all its cases
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# How many statements there are of each kind, so that a row that is deleted is missed.
COUNTS = {"R": 2, "I": 3, "F": 3, "P": 3, "T": 5, "C": 6, "B": 6, "L": 2, "X": 6,
          "M": 11, "A": 4, "G": 12}

ROW = re.compile(r"\| ([A-Z]\d+) \| (.+) \| (.*) \|")
KERNEL_TEST = re.compile(r"\w+\.\w+")
UNIT_TEST = re.compile(r"unit:(\w+\.\w+)")
PYTEST_TEST = re.compile(r"[\w/]+\.py::\w+(\[.+\])?")


class ClaimsFault(Exception):
    """The document is not as it has to be. One line for each thing that is wrong."""


@dataclass(frozen=True)
class Claim:
    identifier: str
    statement: str
    tests: tuple[str, ...]


def read_claims(document: Path, counts: Mapping[str, int]) -> tuple[Claim, ...]:
    """The rows of the document. Raises ClaimsFault unless each statement has one, with a test."""
    try:
        lines = document.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ClaimsFault(f"{document} cannot be read: {error.strerror}") from None
    rows = [row for row in map(ROW.fullmatch, lines) if row]
    claims = tuple(Claim(row[1], row[2], tuple(re.findall(r"`([^`]+)`", row[3]))) for row in rows)
    wanted = [f"{letter}{number}" for letter, count in counts.items()
              for number in range(1, count + 1)]
    found = [claim.identifier for claim in claims]
    faults = [f"{name} has no row" for name in wanted if name not in found]
    faults += [f"{name} is not known" for name in found if name not in wanted]
    faults += [f"{name} has two rows" for name in sorted(set(found)) if found.count(name) > 1]
    faults += [f"{claim.identifier} has no test" for claim in claims if not claim.tests]
    faults += [f"{claim.identifier}: '{test}' is no name of a test" for claim in claims
               for test in claim.tests if not _is_name(test)]
    if faults:
        raise ClaimsFault("\n".join(f"{document}: {fault}" for fault in faults))
    return claims


def _is_name(test: str) -> bool:
    return any(kind.fullmatch(test) for kind in (KERNEL_TEST, UNIT_TEST, PYTEST_TEST))


def items_of(test: str, items: Iterable[str]) -> set[str]:
    """Those of pytest's items (node ids) that a name in the document stands for."""
    unit = UNIT_TEST.fullmatch(test)
    if unit:
        return {item for item in items if item == f"tests/host/test_unit.py::test[{unit[1]}]"}
    if KERNEL_TEST.fullmatch(test):
        start, end = "tests/kernel/test_kernel.py::test[", f"-{test}]"
        return {item for item in items if item.startswith(start) and item.endswith(end)}
    return {item for item in items if item == test or item.startswith(f"{test}[")}


class RunCheck:
    """Fails a full run of the tests in which a statement was not shown.

    Lives in the process that gathers the results of all workers. What a run with a selection leaves
    out is not missed, and neither is what another accelerator than QEMU's own cannot run.
    """

    def __init__(
        self, config: pytest.Config, document: Path, tests: Path, counts: Mapping[str, int]
    ) -> None:
        self._config = config
        self._document = document
        self._tests = tests
        self._counts = counts
        self._seen: set[str] = set()
        self._passed: set[str] = set()
        self._not_shown: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seen.add(report.nodeid)
        if report.when == "call" and report.passed:
            self._passed.add(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        ended = session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        if not ended or session.shouldstop or session.shouldfail or not self._is_full_run():
            return
        self._not_shown = self._find_not_shown()
        if self._not_shown:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._not_shown:
            terminalreporter.section("statements that this run did not show", red=True)
            for line in self._not_shown:
                terminalreporter.line(line, red=True)

    def _find_not_shown(self) -> list[str]:
        try:
            claims = read_claims(self._document, self._counts)
        except ClaimsFault as fault:
            return str(fault).splitlines()
        not_shown = []
        for claim in claims:
            for test in claim.tests:
                items = items_of(test, self._seen)
                if not items:
                    not_shown.append(f"{claim.identifier}: {test} did not run")
                elif items - self._passed:
                    not_shown.append(f"{claim.identifier}: {test} did not pass")
        return not_shown

    def _is_full_run(self) -> bool:
        """True if nothing was selected or left out, on the usual accelerator."""
        option = self._config.option
        selections = ("keyword", "markexpr", "collectonly", "deselect", "ignore", "ignore_glob",
                      "lf", "stepwise")
        if any(getattr(option, name, None) for name in selections):
            return False
        paths = [(self._config.invocation_params.dir / argument).resolve()
                 for argument in self._config.args]
        everything = {self._tests.resolve(), *self._tests.resolve().parents}
        return os.environ.get("ACCEL", "tcg") == "tcg" and any(path in everything for path in paths)
