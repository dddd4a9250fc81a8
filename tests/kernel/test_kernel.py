"""The tests inside the test image: each in its own boot, and the whole suite on each machine."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from assay.machines import PROFILES
from assay.project import TEST_IMAGE
from harness.image.test_records import KernelTest
from harness.machine.profile import KVM, Profile
from harness.qemu.boot import boot
from harness.qemu.command_line import command_line, image_to_boot
from harness.suite.kernel_tests import boot_tests, find_kvm_fault, read_test_image
from harness.verdict.ktap import Kind, parse_list
from harness.verdict.verdict import EXIT_PASS, Verdict
from seed import run_seed


def demand_kvm_if_needed(profile: Profile) -> None:
    """Skips, with the reason, where the machine needs a KVM that this host does not have."""
    fault = find_kvm_fault() if profile.runs_on == KVM else None
    if fault:
        pytest.skip(fault)


def demand_green(verdict: Verdict) -> None:
    if not verdict.green:
        pytest.fail(verdict.message, pytrace=False)


def test(kernel_test: KernelTest) -> None:
    assert kernel_test.profile is not None
    demand_kvm_if_needed(kernel_test.profile)
    words = f"seed={run_seed()}" if "random" in kernel_test.tags else ""
    verdict = boot_tests([kernel_test], kernel_test.profile, kernel_test.name, words)
    demand_green(verdict)
    if verdict.results[0].skipped:
        pytest.skip(verdict.results[0].line)


def test_suite(suite_profile: Profile, record_property: Callable[[str, object], None]) -> None:
    demand_kvm_if_needed(suite_profile)
    verdict = boot_tests(read_test_image(), suite_profile, "*", f"seed={run_seed()}")
    for result in verdict.results:
        record_property("result", result.line)
    demand_green(verdict)


def test_the_kernel_lists_the_tests_that_its_image_contains() -> None:
    profile = PROFILES["fast"]
    demand_kvm_if_needed(profile)
    command = command_line(profile, image_to_boot(profile, TEST_IMAGE), "list")
    outcome = boot(command, profile.boot_limit_s)
    assert outcome.status == EXIT_PASS, outcome
    assert parse_list(outcome.serial) == tuple(item.name for item in read_test_image())


def test_a_name_that_no_test_has_is_a_bad_request() -> None:
    demand_kvm_if_needed(PROFILES["fast"])
    verdict = boot_tests([], PROFILES["fast"], "no_such_suite.no_such_test", evidence=False)
    assert verdict.kind is Kind.BAD_REQUEST, verdict.message
