"""All combinations, in parts: `make conformance`. Not part of `make test`, which runs a sample."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from assay.machines import PROFILES
from harness.machine.profile import KVM
from harness.suite.kernel_tests import boot_tests, find_kvm_fault, matching, read_test_image

IMAGE = "assay-conformance"

# The families of each machine, and in how many parts each: of about a million combinations.
PARTS = {
    "fast": {
        "rights_and_accessed_flags_of_four_levels": 36,
        "present_and_reserved_bits_of_every_level": 1,
        "protection_keys": 4,
        "every_flag_of_the_leaf": 1,
        "every_other_bit_of_every_entry": 1,
        "addresses_that_are_not_canonical": 1,
    },
    "la57": {
        "rights_of_five_levels": 10,
        "accessed_flags_of_five_levels": 1,
        "present_and_reserved_bits_of_every_level": 3,
        "protection_keys": 4,
        "every_flag_of_the_leaf": 1,
        "every_other_bit_of_every_entry": 1,
        "addresses_that_are_not_canonical": 1,
    },
}
ITEMS = [
    pytest.param(profile, family, part, parts, id=f"{profile}-{family}-{part}-of-{parts}")
    for profile, families in PARTS.items()
    for family, parts in families.items()
    for part in range(1, parts + 1)
]


@pytest.mark.parametrize(("profile", "family", "part", "parts"), ITEMS)
def test_agrees_with_the_manual(
    profile: str,
    family: str,
    part: int,
    parts: int,
    record_property: Callable[[str, object], None],
) -> None:
    fault = find_kvm_fault() if PROFILES[profile].runs_on == KVM else None
    if fault:
        pytest.skip(fault)
    name = f"family.{family}"
    tests = matching(read_test_image(IMAGE), name)
    assert len(tests) == 1
    verdict = boot_tests(tests, PROFILES[profile], name, f"part={part}/{parts}", image=IMAGE)
    serial = verdict.outcome.serial.decode(errors="replace")
    for done in re.findall(r"^# combinations (\d+) ", serial, re.MULTILINE):
        record_property("combinations", int(done))
    for deviation, times in re.findall(r"^# deviation (\w+): (\d+) times", serial, re.MULTILINE):
        record_property(f"deviation {deviation}", int(times))
    if not verdict.green:
        pytest.fail(verdict.message, pytrace=False)
