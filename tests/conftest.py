"""Makes pytest items of what the test image contains: the tests in its ELF file, and the machines."""

from __future__ import annotations

import pytest

from kernel_tests import SUITE_PROFILES, KernelTest, read_test_image
from machines import PROFILES, EnvironmentFault


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`kernel_test`: each test of the image, named with its machine. `suite_profile`: each machine for a whole suite."""
    if "kernel_test" in metafunc.fixturenames:
        tests = _tests_or_fail()
        metafunc.parametrize("kernel_test", tests, ids=[_identifier(test) for test in tests])
    if "suite_profile" in metafunc.fixturenames:
        metafunc.parametrize("suite_profile", [PROFILES[name] for name in SUITE_PROFILES], ids=SUITE_PROFILES)


def _tests_or_fail() -> tuple[KernelTest, ...]:
    """No image, a damaged one, or a test that no machine can run: an error at collection, never an empty run."""
    try:
        return read_test_image()
    except EnvironmentFault as fault:
        return pytest.fail(str(fault), pytrace=False)


def _identifier(test: KernelTest) -> str:
    assert test.profile is not None
    return f"{test.profile.name}-{test.name}"
