#!/usr/bin/env python3
"""What the harness adds to QEMU: each test as a pytest item against the bare QEMU command.

Both run in turn in one process, so that what else the machine does falls on both. An item's time
is that of pytest's whole protocol for it, fixtures and reports included. Then 100 tests, each in a
boot of its own, run on two cores; pytest's start is measured alone and taken off. A figure over
its limit is reported as OVER and is no failure of this command; a test that fails is.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from assay.machines import PROFILES  # noqa: E402
from assay.project import PROJECT, TEST_IMAGE  # noqa: E402
from harness.host.fault import EnvironmentFault  # noqa: E402
from harness.host.script import run_script  # noqa: E402
from harness.image.test_records import KernelTest  # noqa: E402
from harness.machine.project import use  # noqa: E402
from harness.qemu.command_line import command_line, find_fault, image_path  # noqa: E402
from harness.suite.kernel_tests import read_test_image  # noqa: E402
from harness.verdict.verdict import EXIT_PASS  # noqa: E402

use(PROJECT)

PYTEST = ["-q", "-c", str(ROOT / "tests/pytest.ini"), f"--rootdir={ROOT}"]
ITEMS = "tests/kernel/test_kernel.py::test"
RATIO_LIMIT = 1.6
HUNDRED = 100
HUNDRED_LIMIT_S = 5.0
CORES = 2
BOOT_TIMEOUT_S = 60


class BenchError(Exception):
    """Something that the user can fix, in one line."""


def bare_seconds(test: KernelTest) -> float:
    """The time of QEMU alone for this test."""
    path = image_path(PROFILES["fast"], TEST_IMAGE)
    command = command_line(PROFILES["fast"], path, f"test={test.name}")
    start = time.perf_counter()
    result = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=BOOT_TIMEOUT_S, check=False
    )
    seconds = time.perf_counter() - start
    if result.returncode != EXIT_PASS:
        raise BenchError(f"{test.name}: QEMU ended with status {result.returncode}")
    return seconds


@dataclass(eq=False)
class Stopwatch:
    """A pytest plugin: times each item, and bare QEMU for the same test before or after it."""

    tests: dict[str, KernelTest]
    pairs: list[tuple[float, float]] = field(default_factory=list)

    @pytest.hookimpl(hookwrapper=True)  # type: ignore[misc]
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, None]:
        test = self.tests[item.name.partition("[")[2][len("fast-") : -1]]
        bare_first = len(self.pairs) % 2 == 0
        bare = bare_seconds(test) if bare_first else 0.0
        start = time.perf_counter()
        yield
        whole = time.perf_counter() - start
        self.pairs.append((whole, bare if bare_first else bare_seconds(test)))


def node(test: KernelTest) -> str:
    return f"{ITEMS}[fast-{test.name}]"


def measure_items(tests: list[KernelTest]) -> Stopwatch:
    """One job, each test once, after a boot that warms the caches."""
    bare_seconds(tests[0])
    stopwatch = Stopwatch({test.name: test for test in tests})
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        status = pytest.main([*PYTEST, *map(node, tests)], plugins=[stopwatch])
    if status != pytest.ExitCode.OK or len(stopwatch.pairs) != len(tests):
        raise BenchError(f"pytest ended with {status!r}: {said.getvalue()}")
    return stopwatch


def pytest_seconds(tests: list[KernelTest]) -> float:
    """Wall time of a pytest of its own with these tests, on two cores."""
    nodes = list(map(node, tests))
    command = [sys.executable, "-m", "pytest", *PYTEST, "-n", str(CORES), *nodes]
    start = time.perf_counter()
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if result.returncode or f"{len(tests)} passed" not in result.stdout:
        raise BenchError(f"pytest: {(result.stdout + result.stderr).strip().splitlines()[-1]}")
    return seconds


def within(value: float, limit: float) -> str:
    return "within" if value <= limit else "OVER"


def report_items(stopwatch: Stopwatch) -> None:
    wholes, bares = (statistics.median(column) * 1000 for column in zip(*stopwatch.pairs))
    ratio = statistics.median(whole / bare for whole, bare in stopwatch.pairs)
    count = len(stopwatch.pairs)
    print(f"{count} tests, fast, one job, median: pytest item {wholes:.1f} ms, QEMU {bares:.1f} ms")
    print(f"ratio {ratio:.2f}, {within(ratio, RATIO_LIMIT)} the limit of {RATIO_LIMIT}")


def report_hundred(tests: list[KernelTest]) -> None:
    """Starting pytest and its workers is what a run with two tests takes, but for the boots."""
    many = tests[:HUNDRED]
    few = many[:CORES]
    one_boot = statistics.median(bare_seconds(test) for test in few)
    start = min(pytest_seconds(few) for _ in range(3)) - one_boot
    total = pytest_seconds(many)
    boots = (total - start) * HUNDRED / len(many)
    scaled = "" if len(many) == HUNDRED else f" (of {len(many)}, scaled)"
    print(f"{HUNDRED} boots{scaled}, {CORES} cores: {boots:.1f} s, "
          f"{within(boots, HUNDRED_LIMIT_S)} the limit of {HUNDRED_LIMIT_S:.0f} s; "
          f"pytest's start {start:.1f} s, in all {total:.1f} s")


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    os.chdir(ROOT)  # names of items are relative to it
    profile = PROFILES["fast"]
    try:
        fault = find_fault(profile, image_path(profile, TEST_IMAGE))
        if fault:
            raise BenchError(fault)
        tests = [test for test in read_test_image() if test.profile is profile]
        report_items(measure_items(tests))
        report_hundred(tests)
    except (BenchError, EnvironmentFault) as error:
        print(f"harness_bench: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    run_script(main)
