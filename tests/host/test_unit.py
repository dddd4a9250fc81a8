"""The tests of what is pure, built for this machine with sanitizers: each in its own process."""

from __future__ import annotations

import re
import subprocess

import pytest

from kernel_tests import KernelTest, read_unit_tests
from machines import build_directory

LIMIT_S = 120


def test(unit_test: KernelTest) -> None:
    binary = build_directory() / "host" / "unit_tests"
    done = subprocess.run(
        [binary, unit_test.name], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    said = f"{done.stdout}{done.stderr}\nagain: {binary} {unit_test.name}"
    passed = re.search(rf"^ok 1 {re.escape(unit_test.name)}$", done.stdout, re.MULTILINE)
    if done.returncode != 0 or not passed or "planned=1 passed=1 " not in done.stdout:
        pytest.fail(f"{unit_test.file}:{unit_test.line}: exit {done.returncode}\n{said}", pytrace=False)
