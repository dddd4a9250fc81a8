"""The tests inside the test image: each in its own boot, and the whole suite on each machine."""

from __future__ import annotations

import pytest

from kernel_tests import TEST_IMAGE, KernelTest, boot_tests, read_test_image
from ktap import Kind, parse_list
from machines import PROFILES, Profile, command_line, image_path
from qemu_process import boot
from verdict import EXIT_PASS, Verdict


def demand_green(verdict: Verdict, again: str) -> None:
    """Fails with the verdict's own message and the command that repeats the boot."""
    if not verdict.green:
        command = f"./scripts/qemu_runner.py test {again}"
        pytest.fail(f"{verdict.message}\nagain: {command}", pytrace=False)


def test(kernel_test: KernelTest) -> None:
    assert kernel_test.profile is not None
    verdict = boot_tests([kernel_test], kernel_test.profile, kernel_test.name)
    demand_green(verdict, kernel_test.name)


def test_suite(suite_profile: Profile) -> None:
    verdict = boot_tests(read_test_image(), suite_profile, "*")
    demand_green(verdict, f"--profile {suite_profile.name}")


def test_the_kernel_lists_the_tests_that_its_image_contains() -> None:
    profile = PROFILES["fast"]
    command = command_line(profile, image_path(profile, TEST_IMAGE), "list")
    outcome = boot(command, profile.boot_limit_s)
    assert outcome.status == EXIT_PASS, outcome
    assert parse_list(outcome.serial) == tuple(item.name for item in read_test_image())


def test_a_name_that_no_test_has_is_a_bad_request() -> None:
    verdict = boot_tests([], PROFILES["fast"], "no_such_suite.no_such_test")
    assert verdict.kind is Kind.BAD_REQUEST, verdict.message
