"""The CPU's MMU against the model of the manual: a sample. `make conformance` runs all of it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from assay.machines import PROFILES
from harness.machine.profile import Feature, Profile
from harness.suite.kernel_tests import boot_tests, matching, read_test_image
from harness.verdict.ktap import Kind
from harness.verdict.verdict import Verdict
from seed import random_of, run_seed

IMAGE = "assay-conformance"
SAMPLE_MIN = 500_000
FAST = PROFILES["fast"]

# Machines that differ in what paging depends on.
MACHINES = {
    "max": FAST,
    "la57": PROFILES["la57"],
    "nofeatures": PROFILES["nofeatures"],
    "Haswell": replace(FAST, cpu="Haswell"),
    "no-reserved-address-bits": replace(FAST, cpu="max,phys-bits=52"),
    "no-supervisor-keys": replace(FAST, cpu="max,pks=off"),
}


def tallies(verdict: Verdict) -> list[int]:
    """How many combinations each test compared, none of which was another than the manual says."""
    log = "\n".join(verdict.outcome.lines)
    return [int(n) for n in re.findall(r"^# combinations (\d+) allowed \d+ failed 0$", log, re.M)]


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_a_sample_agrees_with_the_manual(machine: Profile) -> None:
    tests = matching(read_test_image(IMAGE), "sample.*")
    assert len(tests) == 3
    verdict = boot_tests(tests, machine, "sample.*", f"seed={run_seed()}", image=IMAGE)
    if not verdict.green:
        pytest.fail(verdict.message, pytrace=False)
    assert len(tallies(verdict)) == 3
    assert max(tallies(verdict)) >= SAMPLE_MIN


@pytest.mark.random
def test_random_combinations_agree_with_the_manual_on_a_drawn_machine() -> None:
    name = random_of("conformance").choice(list(MACHINES))
    tests = [test for test in read_test_image(IMAGE) if "random" in test.tags]
    assert len(tests) == 2
    words = f"tag=random seed={run_seed()}"
    verdict = boot_tests(tests, MACHINES[name], "*", words, image=IMAGE)
    if not verdict.green:
        pytest.fail(f"{name}: {verdict.message}", pytrace=False)
    assert len(tallies(verdict)) == 2
    assert max(tallies(verdict)) >= SAMPLE_MIN


def test_every_family_has_a_machine() -> None:
    families = matching(read_test_image(IMAGE), "family.*")
    assert families
    assert {test.requires for test in families} <= {Feature(0), Feature.LA57}


# A read from a 4 KiB page that all levels open to everyone, with all control bits off.
ALLOWED = 0x3870E07000
IMPOSSIBLE = ALLOWED | 1 << 55  # bit 0 of the level-1 entry as an extra bit: P is a flag


def test_a_single_combination_can_be_repeated() -> None:
    tests = matching(read_test_image(IMAGE), "one.*")
    verdict = boot_tests(tests, FAST, "one.*", f"combination={ALLOWED:#x}", image=IMAGE)
    assert verdict.green, verdict.message
    assert "# combinations 1 allowed 1 failed 0" in verdict.outcome.lines


@pytest.mark.parametrize("words", ("", f"combination={IMPOSSIBLE:#x}"))
def test_no_combination_or_an_impossible_one_fails(words: str) -> None:
    tests = matching(read_test_image(IMAGE), "one.*")
    verdict = boot_tests(tests, FAST, "one.*", words, image=IMAGE, evidence=False)
    assert verdict.kind is Kind.FAILED
    assert "does not hold" in verdict.message
