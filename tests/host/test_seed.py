"""A run of all tests has a seed: it is new each time, said, and repeated by SEED=."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from assay.tree import ROOT
from seed import SEED_END, again, nth_seed, random_of, run_seed

# Where a test outside the tree finds what is in tests/conftest.py.
PLUGINS = os.pathsep.join(str(ROOT / name) for name in ("tests", "scripts", "ci"))
FAILING = """
import seed
def test_that_fails():
    assert False, seed.random_of("any").random()
"""


def pytest_of(test: str, cwd_seed: str | None, *words: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if k != "SEED" and not k.startswith("PYTEST_")}
    given = {} if cwd_seed is None else {"SEED": cwd_seed}
    command = [sys.executable, "-m", "pytest", "-c", "tests/pytest.ini", "--rootdir=."]
    return subprocess.run(
        [*command, *words, test], cwd=ROOT, env={**inherited, **given, "PYTHONPATH": PLUGINS},
        capture_output=True, text=True, timeout=120, check=False,
    )


def said_seeds(output: str) -> list[int]:
    return [int(n) for n in re.findall(r"^seed (\d+): `make test SEED=\1` repeats", output, re.M)]


@pytest.fixture
def failing(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("failing") / "test_failing.py"
    path.write_text(FAILING, encoding="ascii")
    return str(path)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_each_run_draws_a_seed_and_says_it_first_and_last(failing: str, workers: str) -> None:
    conftest = ("-p", "conftest", "-n", workers)
    first, second = (pytest_of(failing, None, *conftest).stdout for _ in range(2))
    (seed, last) = said_seeds(first)
    assert seed == last
    assert said_seeds(second)[0] != seed
    again_same = pytest_of(failing, str(seed), *conftest).stdout
    assert said_seeds(again_same) == [seed, seed]
    drawn = [re.findall(r"AssertionError: ([0-9.e-]+)", said)[0] for said in (first, again_same, second)]
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(("text", "value"), [("0x1F", 31), ("010", 10), (str(SEED_END - 1), SEED_END - 1)])
def test_a_seed_is_read_as_the_kernel_reads_it(
    monkeypatch: pytest.MonkeyPatch, text: str, value: int
) -> None:
    monkeypatch.setenv("SEED", text)
    assert run_seed() == value
    assert again() == f"make test SEED={value}"


def test_the_seed_behind_the_last_is_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEED", str(SEED_END - 1))
    assert [nth_seed(index) for index in range(3)] == [SEED_END - 1, 0, 1]
    assert random_of("a").random() != random_of("b").random()


@pytest.mark.parametrize("text", ["-1", "x", "1.5", "0x", str(SEED_END), "1 2", "٣"])
def test_a_wrong_seed_is_one_line(failing: str, text: str) -> None:
    done = pytest_of(failing, text, "-p", "conftest")
    assert done.returncode == 4
    assert f"SEED={text}: expected a number of 64 bits" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("3-2", "SEEDS=3-2: 2 is less than 3"),
        (f"1-{SEED_END}", "has more than 64 bits"),
        ("1-", "expected FIRST-LAST"),
        ("a-b", "expected FIRST-LAST"),
    ],
)
def test_wrong_seeds_are_one_line(monkeypatch: pytest.MonkeyPatch, text: str, said: str) -> None:
    monkeypatch.setenv("SEEDS", text)
    done = pytest_of("tests/seeds_run.py", "1")
    assert done.returncode == 2
    assert said in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_many_seeds_are_each_a_test_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEDS", "7-9")
    done = pytest_of("tests/seeds_run.py", "1", "--collect-only", "-q")
    assert re.findall(r"\[(\d+)\]", done.stdout) == ["7", "8", "9"]
