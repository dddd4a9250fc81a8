"""Starting and ending QEMU, which small shell scripts play, so that all that can go wrong does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.qemu import process as qemu_process
from harness.suite import kernel_tests
import qemu_runner
from assay.machines import PROFILES
from harness.image.test_records import KernelTest
from harness.machine.profile import Feature
from harness.qemu.boot import boot
from harness.qemu.outcome import Stop
from harness.qemu.process import Qemu
from harness.suite.kernel_tests import boot_tests
from harness.verdict.ktap import Kind, crc32_of, signed_crc32
from harness.verdict.verdict import EXIT_PASS, judge

RUNNER = Path(qemu_runner.__file__)
SOON_S = 20.0
KEY = 7
# A shell's job in the background ignores SIGINT, and so do all that it starts.
HEEDING_INTERRUPTS = ("env", "--default-signal=INT")

Script = Callable[[str], list[str]]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Makes the command that runs a shell script in QEMU's place."""

    def make(text: str) -> list[str]:
        path = tmp_path / "qemu"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return [str(path)]

    return make


def wait_until_gone(pid: int) -> bool:
    """True once no process has that id, or only one that has ended and waits to be reaped."""
    deadline = time.monotonic() + SOON_S
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.01)
    return False


def test_all_output_is_there_when_qemu_ends_at_once(script: Script) -> None:
    outcome = boot(script("head -c 60000 /dev/zero | tr '\\0' x; echo oops >&2; exit 33"), SOON_S)
    assert (outcome.stop, outcome.status) == (Stop.EXITED, EXIT_PASS)
    assert (outcome.serial, outcome.stderr) == (b"x" * 60000, "oops\n")


def test_silence_ends_qemu_and_its_children(script: Script) -> None:
    outcome = boot(script("sleep 1000 & echo $!; wait"), SOON_S, silence_s=0.2)
    assert (outcome.stop, outcome.status) == (Stop.SILENCE, None)
    assert judge(outcome, ["a.b"], key=KEY).kind is Kind.HUNG
    assert wait_until_gone(int(outcome.serial))


def test_steady_output_is_no_silence_but_meets_the_limit(script: Script) -> None:
    outcome = boot(script("while :; do echo .; sleep 0.05; done"), 0.6, silence_s=0.5)
    assert outcome.stop is Stop.LIMIT


def test_a_flood_is_stopped(script: Script) -> None:
    outcome = boot(script("exec yes flood"), SOON_S)
    assert outcome.stop is Stop.FLOOD
    assert judge(outcome, ["a.b"], key=KEY).kind is Kind.GARBLED


def test_death_by_signal_is_reported(script: Script) -> None:
    outcome = boot(script("kill -SEGV $$"), SOON_S)
    assert (outcome.stop, outcome.status) == (Stop.EXITED, -signal.SIGSEGV)
    assert judge(outcome, ["a.b"], key=KEY).kind is Kind.QEMU_DIED


def test_a_missing_qemu_is_reported_with_its_package() -> None:
    verdict = judge(boot(["/nowhere/qemu"], SOON_S), ["a.b"], key=KEY)
    assert verdict.kind is Kind.QEMU_MISSING
    assert "qemu-system-x86" in verdict.reason


def test_evidence_is_kept_of_a_red_boot_only(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = "KTAP version 1\\n1..1\\nok 1 a.b\\n"
    summary = "# summary: planned=1 passed=1 failed=0 skipped=0 crc32="
    crc = f"{signed_crc32(crc32_of(['ok 1 a.b']), KEY):08x}"
    monkeypatch.setattr(kernel_tests, "draw_key", lambda: KEY)
    monkeypatch.setenv("ASSAY_BUILD", str(tmp_path))
    for said, green in ((crc, True), ("00000000", False)):
        command = script(f"printf '{report}{summary}{said}\\n'; exit 33")
        monkeypatch.setenv("QEMU", command[0])
        test = KernelTest("a.b", "a_test.c", 1, 0, Feature(0))
        verdict = boot_tests([test], PROFILES["fast"], "a.b")
        assert verdict.green == green, verdict.message
        assert (tmp_path / "artifacts").exists() == (not green)
    kept = tmp_path / "artifacts" / "fast-a.b"
    assert (kept / "serial.log").read_bytes() == verdict.outcome.serial
    assert verdict.reason in (kept / "verdict.txt").read_text()
    assert "artefacts: " in verdict.message
    assert "./scripts/qemu_runner.py debug a.b --profile fast" in verdict.message
    assert [path.name for path in kept.parent.iterdir()] == [kept.name], "a draft was left behind"


def test_the_end_of_a_machine_that_kvm_gave_up_is_not_awaited(script: Script) -> None:
    outcome = boot(script("echo 'KVM internal error. Suberror: 1' >&2; sleep 1000"), SOON_S)
    assert outcome.stop is Stop.GAVE_UP
    verdict = judge(outcome, ["a.b"], key=KEY)
    assert verdict.kind is Kind.QEMU_DIED
    assert "KVM internal error. Suberror: 1" in verdict.reason


def test_the_limit_for_the_start_ends_with_the_start(script: Script) -> None:
    slow = script("sleep 0.5; echo ready; sleep 0.5; echo done; exit 33")
    outcome = boot(slow, SOON_S, silence_s=SOON_S, start=b"ready", start_s=SOON_S)
    assert (outcome.stop, outcome.status) == (Stop.EXITED, EXIT_PASS)
    outcome = boot(slow, SOON_S, start=b"ready", start_s=0.2)
    assert (outcome.stop, outcome.serial) == (Stop.SILENCE, b"")
    outcome = boot(slow, SOON_S, silence_s=0.2, start=b"ready", start_s=SOON_S)
    assert (outcome.stop, outcome.serial) == (Stop.SILENCE, b"ready\n")


def test_nothing_starts_after_everything_was_stopped(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qemu_process, "_stopping", True)
    with pytest.raises(qemu_process.Interrupted):
        boot(script("exit 33"), SOON_S)


def test_awaited_text_is_found_across_pieces(script: Script) -> None:
    with Qemu(script("printf 'It did '; sleep 0.1; echo 'not crash!'; sleep 1000")) as qemu:
        assert qemu.read_until("It did not crash!", SOON_S)
    with Qemu(script("printf 'It did'; exit 0")) as qemu:
        assert not qemu.read_until("It did not crash!", SOON_S)


def start_runner(command: list[str], directory: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Starts `qemu_runner.py run` with `command` as QEMU, which must print its process id first.

    *Returns:* the runner and that id.
    """
    (directory / "assay.iso").touch()
    runner = subprocess.Popen(
        [*HEEDING_INTERRUPTS, sys.executable, str(RUNNER), "run"],
        env={**os.environ, "QEMU": command[0], "ASSAY_BUILD": str(directory)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    )
    assert runner.stdout is not None
    return runner, int(runner.stdout.readline())


@pytest.mark.parametrize("name, status", [("SIGINT", 130), ("SIGTERM", 130), ("SIGKILL", -9)])
def test_no_qemu_is_left_behind(script: Script, tmp_path: Path, name: str, status: int) -> None:
    runner, pid = start_runner(script("echo $$; exec sleep 1000"), tmp_path)
    runner.send_signal(signal.Signals[name])
    _, stderr = runner.communicate(timeout=SOON_S)
    assert (runner.returncode, stderr) == (status, b"")
    assert wait_until_gone(pid)


@pytest.mark.parametrize("status, expected", [(33, 0), (0, 1), (35, 1), (37, 1), (1, 1)])
def test_run_succeeds_only_if_the_kernel_says_so(
    script: Script, tmp_path: Path, status: int, expected: int
) -> None:
    runner, _ = start_runner(script(f"echo $$; echo hello; exit {status}"), tmp_path)
    stdout, stderr = runner.communicate(timeout=SOON_S)
    assert (runner.returncode, stdout) == (expected, b"hello\n")
    assert len(stderr.splitlines()) == (expected != 0)


def test_a_missing_image_is_the_environments_fault(tmp_path: Path) -> None:
    environment = {**os.environ, "ASSAY_BUILD": str(tmp_path)}
    for arguments in (["run"], ["test"], ["list"], ["screenshot", str(tmp_path / "x.png")]):
        command = [sys.executable, str(RUNNER), *arguments]
        result = subprocess.run(command, env=environment, capture_output=True, check=False)
        assert result.returncode == 3
        assert b"is missing; `make` builds it" in result.stderr
        assert len(result.stderr.splitlines()) == 1
