"""The random tests with each of SEEDS=FIRST-LAST: `make test-seeds`. Not part of `make test`."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from assay.tree import ROOT
from harness.machine.project import build_directory
from seed import SEED_END

# For a seed on a machine that is busy: no test may need luck to end.
LIMIT_S = 600


def seeds_of(text: str) -> range:
    """FIRST-LAST or a single number. Raises ValueError with what is wrong."""
    found = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    if found is None:
        raise ValueError(f"SEEDS={text}: expected FIRST-LAST, such as 1-300")
    first, last = int(found[1]), int(found[2] or found[1])
    if last < first:
        raise ValueError(f"SEEDS={text}: {last} is less than {first}")
    if last >= SEED_END:
        raise ValueError(f"SEEDS={text}: {last} has more than 64 bits")
    return range(first, last + 1)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        try:
            seeds = seeds_of(os.environ.get("SEEDS", "1-300"))
        except ValueError as error:
            pytest.fail(str(error), pytrace=False)
        metafunc.parametrize("seed", seeds)


def test_all_that_is_random_holds_with(seed: int) -> None:
    command = [sys.executable, "-m", "pytest", "-c", "tests/pytest.ini", "--rootdir=.", "-q"]
    # The variables of pytest's own are those of the run that this is a test of.
    inherited = {name: os.environ[name] for name in os.environ if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [*command, "-m", "random", "tests"], cwd=ROOT, env={**inherited, "SEED": str(seed)},
        capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        said = f"{done.stdout}{done.stderr}\nagain: make test-seeds SEEDS={seed}"
        # Pytest shows it when all seeds have run, hours later or, after Ctrl-C, never.
        log = build_directory() / "seeds" / f"{seed}.log"
        log.parent.mkdir(exist_ok=True)
        log.write_text(said, encoding="utf-8")
        pytest.fail(f"{log}: pytest ended with {done.returncode}\n{said}", pytrace=False)
