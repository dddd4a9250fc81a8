"""The runner's commands as a user types them: exit codes, what is said, what is left behind."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import qemu_runner
from harness.machine.project import build_directory

IMAGE = "assay-misbehave"
RUNNER = [sys.executable, qemu_runner.__file__]
SOON_S = 20.0
# A shell's job in the background ignores SIGINT, and so do all that it starts.
HEEDING_INTERRUPTS = ("env", "--default-signal=INT")
COMMANDS = ("run", "test", "list", "debug", "profiles", "bench", "screenshot")


@pytest.fixture(autouse=True)
def own_build_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (IMAGE, "assay-test"):
        (tmp_path / f"{name}.elf").symlink_to(build_directory() / f"{name}.elf")
    monkeypatch.setenv("ASSAY_BUILD", str(tmp_path))
    return tmp_path


def start(*arguments: str, **settings: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*HEEDING_INTERRUPTS, *RUNNER, *arguments],
        env={**os.environ, **settings},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*arguments: str, **settings: str) -> tuple[int, str, str]:
    process = start(*arguments, **settings)
    stdout, stderr = process.communicate(timeout=60)
    return process.returncode, stdout, stderr


def processes_naming(text: str) -> Iterator[int]:
    """Those whose command line has `text` in it: a directory of this test's own."""
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            if text.encode() in (directory / "cmdline").read_bytes():
                yield int(directory.name)
        except OSError:
            continue


def wait_for(text: str, present: bool) -> bool:
    deadline = time.monotonic() + SOON_S
    while time.monotonic() < deadline:
        if any(processes_naming(text)) == present:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("command", ((), *((name,) for name in COMMANDS)))
def test_help_shows_the_way(command: tuple[str, ...]) -> None:
    status, stdout, stderr = run(*command, "--help")
    assert (status, stderr) == (0, "")
    assert "usage: qemu_runner.py" in stdout
    if command and command[0] in ("run", "test", "list", "debug"):
        assert f"examples:\n  qemu_runner.py {command[0]}" in stdout


def test_tests_that_pass_are_counted() -> None:
    status, stdout, stderr = run("test", "good.*", "--image", IMAGE, "--jobs", "2")
    assert (status, stderr) == (0, "")
    lines = stdout.splitlines()
    assert len(lines) == 4
    for line in lines[:3]:
        assert re.fullmatch(r"ok    fast-good\.\w+ \(1 passed, .* ms\)", line), line
    assert re.fullmatch(r"3 of 3 boots green; 3 tests passed, 0 skipped, in .* s", lines[3])


def test_a_failure_is_exit_code_1_and_hides_no_other_test() -> None:
    status, stdout, _ = run("test", "*.pa*", "--image", IMAGE)
    assert status == 1
    assert "FAIL  fast-bad.panics" in stdout
    assert "4 of 5 boots green; 4 tests passed" in stdout


def test_all_in_one_boot_is_one_verdict() -> None:
    status, stdout, _ = run("test", "good.*", "--image", IMAGE, "--profile", "small")
    assert status == 0
    assert "1 of 1 boots green; 3 tests passed" in stdout


def test_repeats_count_the_seed_up() -> None:
    # What says the command line is a failure's message.
    words = ("--image", IMAGE, "--repeat", "2", "--seed", "0xffffffffffffffff", "--jobs", "1")
    status, stdout, _ = run("test", "bad.fails", *words)
    assert status == 1
    assert "FAIL  fast-bad.fails #1" in stdout and "FAIL  fast-bad.fails #2" in stdout
    for seed in (2**64 - 1, 0):
        assert f"'name=opt/assay/cmdline,string=test=bad.fails seed={seed} key=" in stdout
        assert f"--append seed={seed}" in stdout
    assert "0 of 2 boots green; 0 tests passed, 2 failed" in stdout


@pytest.mark.parametrize(
    "arguments",
    [
        (), ("nonsense",), ("test", "no.such"), ("debug", "no.such"),
        ("list", "no.such"), ("test", "--jobs", "0"), ("test", "--repeat", "-1"),
        ("test", "--seed", "x"), ("test", "--profile", "abacus"),
        ("debug", "--profile", "abacus"), ("test", "--seed", str(2**64)),
    ],
    ids=" ".join,
)
def test_wrong_use_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    status, stdout, stderr = run(*arguments)
    assert (status, stdout) == (2, "")
    assert stderr


def test_the_environments_fault_is_exit_code_3(own_build_directory: Path) -> None:
    for settings, said in (
        ({"QEMU": "/nowhere/qemu"}, "/nowhere/qemu is missing (Debian package qemu-system-x86;"),
        ({"ACCEL": "abacus"}, "QEMU refused to go on"),
    ):
        status, stdout, stderr = run("test", "good.passes", "--image", IMAGE, **settings)
        assert status == 3, stdout + stderr
        assert said in stdout + stderr
    status, _, stderr = run("test", "--image", "assay-none")
    assert (status, len(stderr.splitlines())) == (3, 1)
    assert "assay-none.elf is missing; `make` builds it" in stderr


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM))
def test_an_interrupt_in_mid_run_leaves_nothing_behind(
    number: signal.Signals, own_build_directory: Path
) -> None:
    image = str(own_build_directory / IMAGE)
    process = start("test", "*.*s*", "--image", IMAGE, "--jobs", "2")
    assert wait_for(image, present=True)
    time.sleep(0.5)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=SOON_S)
    assert process.returncode == 130, stdout + stderr
    assert re.fullmatch(
        r"qemu_runner: interrupted after \d+ of \d+ boots; no QEMU is left running\n", stderr
    )
    assert wait_for(image, present=False)
    kept = own_build_directory / "artifacts"
    assert not [path for path in kept.glob(".*")] if kept.exists() else True


def test_two_runs_at_once_do_not_disturb_each_other(own_build_directory: Path) -> None:
    runs = [start("test", "*.pa*", "--image", IMAGE, "--repeat", "2") for _ in range(2)]
    for process in runs:
        stdout, stderr = process.communicate(timeout=60)
        assert (process.returncode, stderr) == (1, ""), stdout
        assert "8 of 10 boots green; 8 tests passed" in stdout
        assert "could not be kept" not in stdout
    kept = own_build_directory / "artifacts"
    assert [path.name for path in kept.iterdir()] == ["fast-bad.panics"]
    assert (kept / "fast-bad.panics" / "registers.txt").exists()


def on_a_terminal(*arguments: str) -> tuple[int, str]:
    """Exit code and what the runner writes to a terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(RUNNER[0], [*RUNNER, *arguments])
    said = b""
    try:
        while chunk := os.read(terminal, 4096):
            said += chunk
    except OSError:  # the terminal's other end is closed
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode()


def test_a_terminal_has_a_status_line_and_the_failures() -> None:
    status, said = on_a_terminal("test", "*.pa*", "--image", IMAGE, "--jobs", "1")
    assert status == 1
    assert "\r\x1b[K[0/5] 0 red, 0 s: fast-" in said
    assert re.search(r"\[4/5\] 1 red|\[4/5\] 0 red", said)
    assert "FAIL  fast-bad.panics" in said
    assert "ok    " not in said
    assert "\r\x1b[K4 of 5 boots green" in said


def test_debug_without_a_terminal_tells_the_command_and_waits(own_build_directory: Path) -> None:
    if shutil.which("gdb") is None:
        pytest.skip("gdb is not installed")
    process = start("debug", "bad.panics", "--image", IMAGE)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(3)]
    assert lines[0].startswith("QEMU waits, stopped: qemu-system-x86_64 ")
    command = lines[1].partition(": ")[2].strip()
    script = f"{command} -nx -batch -ex continue -ex bt -ex kill"
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert re.search(r"#0 +bad_panics \(test=", said.stdout), said.stdout + said.stderr
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=SOON_S)
    assert wait_for(str(own_build_directory / IMAGE), present=False)
