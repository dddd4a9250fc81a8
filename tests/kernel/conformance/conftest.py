"""Progress and sums of the full conformance run, in the process that gathers all reports."""

from __future__ import annotations

import time
from collections import Counter

import pytest

# What the full run is to have at least. A run of fewer parts, by K=, has no such bound.
COMBINATIONS_MIN = 40_000_000
# Families of which each candidate counts, so that the sum can be had by hand: 16 accesses, 16
# settings of the control registers, and per size of page the free flags.
COUNTS = {
    # W, U, NX and A of every level, and D: 17, 13 and 9 flags.
    "fast-rights_and_accessed_flags_of_four_levels": (1 << 8) * (1 << 17 | 1 << 13 | 1 << 9),
    # W, U and NX of every level: 15, 12 and 9 flags.
    "la57-rights_of_five_levels": (1 << 8) * (1 << 15 | 1 << 12 | 1 << 9),
    # 16 addresses, and P, W and U of the leaf.
    "fast-addresses_that_are_not_canonical": (1 << 8) * (1 << 7),
}


class Sums:
    """What the parts that have finished add up to."""

    def __init__(self) -> None:
        self.start = time.monotonic()
        self.parts = 0
        self.parts_in_all = 0
        self.by_family: Counter[str] = Counter()
        self.deviations: Counter[str] = Counter()

    @property
    def combinations(self) -> int:
        return sum(self.by_family.values())

    def add(self, report: pytest.TestReport) -> None:
        family = report.nodeid.split("[")[1].rsplit("-", 3)[0]
        self.parts += 1
        for name, value in report.user_properties:
            if name == "combinations":
                self.by_family[family] += int(str(value))
            else:
                self.deviations[name] += int(str(value))

    def progress(self) -> str:
        seconds = time.monotonic() - self.start
        left = seconds / self.parts * (self.parts_in_all - self.parts)
        return (
            f"{self.parts} of {self.parts_in_all} parts, {self.combinations:,} combinations, "
            f"{self.combinations / seconds:,.0f}/s, {left // 60:.0f} min {left % 60:.0f} s left"
        )

    def faults(self) -> list[str]:
        """What a complete run has that it should not have."""
        found = [
            f"{family}: {self.by_family[family]:,} combinations, by hand {count:,}"
            for family, count in COUNTS.items()
            if self.by_family[family] != count
        ]
        if self.combinations < COMBINATIONS_MIN:
            found.append(f"{self.combinations:,} combinations, fewer than {COMBINATIONS_MIN:,}")
        return found


SUMS = pytest.StashKey[Sums]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SUMS] = Sums()


def pytest_collection_finish(session: pytest.Session) -> None:
    session.config.stash[SUMS].parts_in_all = len(session.items)


def pytest_xdist_node_collection_finished(node: object, ids: list[str]) -> None:
    config: pytest.Config = getattr(node, "config")
    config.stash[SUMS].parts_in_all = len(ids)


class Gatherer:
    """Hears each report once, in the process that talks to the user."""

    def __init__(self, config: pytest.Config) -> None:
        self.sums = config.stash[SUMS]
        self.terminal = config.pluginmanager.get_plugin("terminalreporter")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self.sums.add(report)
            self.terminal.write_line(self.sums.progress())

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """No letter for a part that passed: its line of progress says as much."""
        return ("passed", "", "") if report.when == "call" and report.passed else None

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.sums.parts == self.sums.parts_in_all and not session.config.getoption("keyword"):
            faults = self.sums.faults()
            if faults:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("conformance")
        for family, count in sorted(self.sums.by_family.items()):
            terminalreporter.write_line(f"{count:>12,}  {family}")
        terminalreporter.write_line(f"{self.sums.combinations:>12,}  in all")
        for name, count in sorted(self.sums.deviations.items()):
            terminalreporter.write_line(f"{count:>12,}  {name}")
        complete = self.sums.parts == self.sums.parts_in_all
        if complete and not terminalreporter.config.getoption("keyword"):
            for fault in self.sums.faults():
                terminalreporter.write_line(f"FAILED {fault}", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    # Workers of xdist have an input; they report to the process that has none.
    if not hasattr(session.config, "workerinput"):
        session.config.pluginmanager.register(Gatherer(session.config))
