"""The runner's `test` on hosts whose KVM cannot run the kernel: all else runs, the rest is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.suite import kernel_tests
import qemu_runner
from harness.machine.profile import KVM
from harness.qemu.command_line import qemu_binary

# Some tests with a boot on KVM of their own, and some without.
GLOB = "*_all"
# What QEMU says and how it ends, where KVM is another architecture's, gives up, or lets it crash.
ENDS = {
    "another architecture's": ("-accel kvm: invalid accelerator kvm", "exit 1"),
    "not usable when nested": ("KVM internal error. Suberror: 1", "exec sleep 100"),
    "crashing": ("kvm_buf_set_msrs: Assertion failed", "kill -ABRT $$"),
}


def run_tests(directory: Path, end: tuple[str, str], *arguments: str) -> tuple[int, str, str]:
    """The runner with a QEMU that is itself but for KVM, where it says and does what `end` tells."""
    qemu = directory / "qemu"
    qemu.write_text(
        f"#!/bin/sh\ncase \" $* \" in *' -accel kvm '*) echo '{end[0]}' >&2; {end[1]};; esac\n"
        f"exec {qemu_binary()} \"$@\"\n"
    )
    qemu.chmod(0o755)
    done = subprocess.run(
        [sys.executable, qemu_runner.__file__, "test", *arguments],
        env={**os.environ, "QEMU": str(qemu)}, capture_output=True, text=True, check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_the_other_tests_run(tmp_path: Path, end: tuple[str, str]) -> None:
    tests = kernel_tests.matching(kernel_tests.read_test_image(), GLOB)
    for_kvm = [test.name for test in tests if test.profile and test.profile.name == KVM]
    assert 0 < len(for_kvm) < len(tests)
    status, stdout, stderr = run_tests(tmp_path, end, GLOB)
    assert (status, stderr) == (0, "")
    lines = stdout.splitlines()
    skips = [line for line in lines if line.startswith("skip  ")]
    assert [line.split()[1] for line in skips] == [f"{KVM}-{name}" for name in for_kvm]
    if kernel_tests.KVM_DEVICE.exists():
        assert all(end[0] in line for line in skips)
    rest = len(tests) - len(for_kvm)
    assert lines[-1].startswith(
        f"{rest} of {rest} boots green; {rest} tests passed, {len(for_kvm)} skipped"
    )


@pytest.mark.parametrize("arguments", ((GLOB, "--profile", KVM), ("pcid.*",)), ids=" ".join)
def test_to_ask_only_for_kvm_is_the_environments_fault(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    status, stdout, stderr = run_tests(tmp_path, ENDS["another architecture's"], *arguments)
    assert (status, stdout, len(stderr.splitlines())) == (3, "", 1)
    assert "kvm" in stderr.lower()


def test_a_device_that_cannot_be_opened_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = tmp_path / "kvm"
    monkeypatch.setattr(kernel_tests, "KVM_DEVICE", device)
    find_fault = kernel_tests.find_kvm_fault.__wrapped__
    assert find_fault() == f"there is no {device} on this host"
    device.touch()
    monkeypatch.setattr(os, "access", lambda path, mode: path != device)
    assert find_fault() == f"{device} may not be opened by this user (group kvm?)"
