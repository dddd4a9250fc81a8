"""The tests of what is pure, built for this machine with sanitizers: each in its own process."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from assay.tree import ROOT
from harness.image.test_records import KernelTest
from harness.machine.project import build_directory
from harness.suite.kernel_tests import read_unit_tests
from seed import run_seed

LIMIT_S = 120


def run(*words: str) -> subprocess.CompletedProcess[str]:
    binary = build_directory() / "host" / "unit_tests"
    return subprocess.run(
        [binary, *words], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )


def test(unit_test: KernelTest) -> None:
    seed = run_seed()
    done = run(unit_test.name, f"seed={seed}")
    binary = os.path.relpath(build_directory() / "host" / "unit_tests", ROOT)
    said = f"{done.stdout}{done.stderr}\nagain: {binary} {unit_test.name} seed={seed}"
    passed = re.search(rf"^ok 1 {re.escape(unit_test.name)}$", done.stdout, re.MULTILINE)
    if done.returncode != 0 or not passed or "planned=1 passed=1 " not in done.stdout:
        where = f"{unit_test.file}:{unit_test.line}"
        pytest.fail(f"{where}: exit {done.returncode}\n{said}", pytrace=False)


def results_of(stdout: str) -> list[str]:
    return re.findall(r"^ok \d+ (\S+)$", stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "seed"),
    [
        ((), 1), (("seed=0x10",), 16), (("seed=010",), 10),
        (("seed=18446744073709551615",), 2**64 - 1),
    ],
)
def test_the_seed_is_printed(words: tuple[str, ...], seed: int) -> None:
    done = run("order.*", *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"\n# seed {seed}\n" in done.stdout


def test_the_seed_decides_the_order_alone() -> None:
    orders = {seed: results_of(run("order.*", f"seed={seed}").stdout) for seed in range(6)}
    assert len({tuple(sorted(order)) for order in orders.values()}) == 1
    assert len({tuple(order) for order in orders.values()}) > 1
    assert results_of(run("seed=3", "order.*").stdout) == orders[3]


def test_a_tag_selects() -> None:
    names = {test.name for test in read_unit_tests() if "random" in test.tags}
    assert any(name.startswith("pool.") for name in names)
    wanted = {name for name in names if name.startswith("pool.")}
    assert set(results_of(run("pool.*", "tag=random").stdout)) == wanted
    done = run("tag=no_such_tag")
    assert done.returncode == 2
    assert done.stderr == 'no test matches "*" and has the tag no_such_tag\n'


def test_a_tag_leaves_out() -> None:
    pool = {test.name: test.tags for test in read_unit_tests() if test.name.startswith("pool.")}
    plain = {name for name, tags in pool.items() if "random" not in tags}
    assert plain and plain != set(pool)
    assert set(results_of(run("pool.*", "without=random").stdout)) == plain


def test_the_list_is_that_of_the_records() -> None:
    done = run("--list")
    assert done.returncode == 0
    names = re.findall(r"^# test (\S+)$", done.stdout, re.MULTILINE)
    assert names == [test.name for test in read_unit_tests()]


def test_help_shows_the_way() -> None:
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("PATTERN", "tag=TAG", "without=TAG", "seed=N", "--list", "Exit code"):
        assert word in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("glob.*", "seed="), '"seed=": the seed is no number'),
        (("glob.*", "seed=-1"), "the seed is no number"),
        (("glob.*", "seed=12x"), "the seed is no number"),
        (("glob.*", "seed=0x"), "the seed is no number"),
        (("glob.*", "seed=18446744073709551616"), "the seed is no number"),
        (("glob.*", "tag="), "the tag is empty"),
        (("glob.*", "without="), "the tag is empty"),
        (("a.*", "b.*"), '"b.*": a second pattern'),
        (("--lists",), '"--lists": neither an option nor a pattern'),
        (("sede=1",), "neither an option nor a pattern"),
        (("",), "neither an option nor a pattern"),
        (("--list", "seed=1"), "nothing else goes with it"),
        (("no.such",), 'no test matches "no.such"'),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(words: tuple[str, ...], said: str) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert said in done.stderr and len(done.stderr.splitlines()) == 1
