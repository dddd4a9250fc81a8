"""The runner's command `run`: the terminal it gives the kernel, and what it tells of the end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect  # type: ignore[import]
import pytest

import qemu_runner
from assay.tree import ROOT
from harness.machine.project import build_directory
from harness.terminal.escape_keys import LEAVE_HINT
from monitor_session import LIMIT_S, PROMPT, expect_end, expect_prompt, spawn

RUNNER = [sys.executable, qemu_runner.__file__, "run", "--boot", "pvh"]
# The same with an image that is not made of these sources, and with less patience.
UNCHECKED = [sys.executable, "-c", f"""
import sys
sys.path.insert(0, {str(ROOT / "scripts")!r})
import qemu_runner
from harness.commands import run
run.require = lambda *_: None
qemu_runner.PROJECT.prompt.limits_s["pvh"] = 2.0
sys.exit(qemu_runner.main())
""", "run", "--boot", "pvh"]
HANGING_KERNEL = ROOT / "tests" / "kernel" / "hanging_kernel.asm"
LEAVE = "\x14x"
LFLAG = 3
COOKED = termios.ICANON | termios.ECHO | termios.ISIG
# More than QEMU, its pipe and the runner hold together is dropped; this much is held.
UNREAD_BYTES = 300_000


@contextmanager
def session(*arguments: str, command: list[str] = RUNNER) -> Iterator[pexpect.spawn]:
    child = spawn([*command, *arguments])
    try:
        yield child
    finally:
        child.close(force=True)


def modes(child: pexpect.spawn) -> int:
    """Of the terminal's local modes, those that a shell has on and a guest's terminal has off."""
    return int(termios.tcgetattr(child.child_fd)[LFLAG]) & COOKED


def wait_for_modes(child: pexpect.spawn, wanted: int) -> None:
    deadline = time.monotonic() + LIMIT_S
    while modes(child) != wanted:
        assert time.monotonic() < deadline, f"{modes(child):#x} is not {wanted:#x}"
        time.sleep(0.01)


def type_at_once(child: pexpect.spawn, text: bytes) -> None:
    """As fast as the runner takes it, which must not be long in coming."""
    deadline = time.monotonic() + LIMIT_S
    os.set_blocking(child.child_fd, False)
    while text:
        assert time.monotonic() < deadline, f"{len(text)} bytes are not taken"
        try:
            text = text[os.write(child.child_fd, text[:1000]) :]
        except BlockingIOError:
            time.sleep(0.01)
    os.set_blocking(child.child_fd, True)


@pytest.fixture
def misbehaving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the normal image's place one that goes wrong as it is asked to."""
    (tmp_path / "assay.elf").symlink_to(build_directory() / "assay-misbehave.elf")
    monkeypatch.setenv("ASSAY_BUILD", str(tmp_path))


@pytest.fixture
def hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In its place one that shows a prompt and hangs with interrupts off."""
    compiled = tmp_path / "hanging_kernel.o"
    subprocess.run(["nasm", "-f", "elf64", HANGING_KERNEL, "-o", compiled], check=True)
    link = ["ld", "-nostdlib", "-z", "noexecstack", "-Ttext-segment=0x100000"]
    subprocess.run([*link, "-e", "start", compiled, "-o", tmp_path / "assay.elf"], check=True)
    monkeypatch.setenv("ASSAY_BUILD", str(tmp_path))


TRIPLE_FAULT = r"""triple fault: the CPU shut down after [\d.]+ s, at 0xffffffff8\w+ \(triple_fault\+0x\w+\), (?P<place>\S+)
  BREAKPOINT \(vector 3\), error code 0x0, CR2 0x0
  while that was delivered: GENERAL PROTECTION FAULT \(vector 13\), error code 0x\w+, CR2 0x0
  while that was delivered: DOUBLE FAULT \(vector 8\), error code 0x0, CR2 0x0
  while that was delivered: GENERAL PROTECTION FAULT \(vector 13\)
"""
ENDINGS = [
    ("test=bad.triple_faults", TRIPLE_FAULT),
    ("test=bad.resets_the_machine", r"the kernel reset the machine after [\d.]+ s, which ends QEMU here\n"),
    ("test=bad.panics", r"panicked: PANIC: in a test, after [\d.]+ s\n"),
    ("test=bad.fails", r"failed: the kernel ended with a failure after [\d.]+ s\n"),
    ("test=no.such", r"bad request: the kernel refused its command line after [\d.]+ s\n"),
    ("test=bad.hangs_with_interrupts_off", r"hung: bad\.hangs_with_interrupts_off runs for more than "),
]


@pytest.mark.usefixtures("misbehaving")
@pytest.mark.parametrize(("words", "told"), ENDINGS, ids=[words for words, _ in ENDINGS])
def test_the_end_of_the_kernel_is_told_by_its_kind(words: str, told: str) -> None:
    result = subprocess.run(
        [*RUNNER, "--append", words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=60, check=False,
    )
    assert result.returncode == 1
    assert re.match(f"qemu_runner: {told}", result.stderr), result.stderr


@pytest.mark.usefixtures("misbehaving")
def test_a_triple_fault_on_a_terminal_is_told_with_its_place_in_the_source() -> None:
    with session("--append", "test=bad.triple_faults") as child:
        status = expect_end(child)
        assert status == 1
    told = re.search(TRIPLE_FAULT, child.before.replace("\r", ""))
    assert told, child.before
    file, _, line = told["place"].partition(":")
    assert "int3" in "".join((ROOT / file).read_text().splitlines()[int(line) - 5 : int(line) + 1])


def test_success_is_told_by_the_status_alone() -> None:
    result = subprocess.run(RUNNER, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert (result.returncode, result.stderr) == (0, b"")


@pytest.mark.parametrize("arguments", [("--cpu", "abacus"), ("--memory", "12X")])
def test_what_qemu_refuses_is_told_in_its_own_words(arguments: tuple[str, str]) -> None:
    result = subprocess.run(
        [*RUNNER, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert result.returncode == 3
    assert arguments[1] in result.stderr and len(result.stderr.splitlines()) == 1


@pytest.mark.usefixtures("hanging")
def test_a_kernel_that_hangs_is_left_by_the_escape_key_after_much_typing() -> None:
    with session(command=UNCHECKED) as child:
        child.expect(f"{re.escape(LEAVE_HINT)}\r+\n{PROMPT}")
        type_at_once(child, b"x" * UNREAD_BYTES + LEAVE.encode())
        assert expect_end(child) == 0
    # Without a terminal it is told where it stands.
    result = subprocess.run(
        UNCHECKED, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert re.fullmatch(
        r"qemu_runner: hung: time limit reached; killed after [\d.]+ s; "
        r"interrupts are off; the CPU is at 0x10[0-9a-f]{4} \(start\+0x\w+\)\n", result.stderr
    ), result.stderr


def test_output_that_nobody_reads_does_not_keep_the_user_from_leaving() -> None:
    with session() as child:
        expect_prompt(child)
        child.send("help\r" * 2000)
        time.sleep(1.0)  # the terminal is full by then
        child.send(LEAVE)
        deadline = time.monotonic() + LIMIT_S
        while child.isalive():  # and still nobody reads
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert child.exitstatus == 0


@pytest.mark.usefixtures("misbehaving")
def test_a_slow_terminal_shows_all_up_to_the_last_words() -> None:
    with session("--append", "test=good.*") as child:
        time.sleep(2.0)  # the kernel has ended before anything is read
        assert expect_end(child) == 0
        assert "# summary: planned=3 passed=3" in child.before


def test_the_runners_own_keys_are_not_typed_into_the_kernel() -> None:
    with session() as child:
        expect_prompt(child)
        child.send("\x14h")
        child.expect_exact("Ctrl-T Ctrl-T  types Ctrl-T")
        child.send("\x14cinfo satus\x7f\x7f\x7f\x7ftatus\r")
        child.expect_exact("VM status: running")
        child.send("\x14q")
        child.expect_exact("\a")
        child.send("\x14\x14")  # one Ctrl-T for the kernel, which takes no notice of it
        child.send("translate 0xb8000\r")
        assert expect_prompt(child)[-1].startswith("0xb8000 -> 0xb8000, ")
        child.send("\x14cquit\r")
        assert expect_end(child) == 0


def test_a_long_paste_arrives_whole() -> None:
    lines = 300
    with session() as child:
        expect_prompt(child)
        child.send("".join(f"translate {0xb8000 + line:#x}\r" for line in range(lines)))
        for line in range(lines):
            assert expect_prompt(child)[-1].startswith(f"{0xb8000 + line:#x} -> ")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_the_terminal_is_as_before_after_a_signal(number: int) -> None:
    with session() as child:
        assert modes(child) == COOKED
        expect_prompt(child)
        assert modes(child) == 0
        child.kill(number)
        child.expect_exact(pexpect.EOF)
        assert modes(child) == COOKED
        assert expect_end(child) == 130


def test_the_terminal_is_as_before_while_the_runner_is_stopped() -> None:
    with session() as child:
        expect_prompt(child)
        child.kill(signal.SIGTSTP)
        wait_for_modes(child, COOKED)
        child.kill(signal.SIGCONT)
        wait_for_modes(child, 0)
        child.send("translate 0xb8000\r")
        assert expect_prompt(child)[-1].startswith("0xb8000 -> 0xb8000, ")
        child.setwinsize(10, 40)
        child.send("exit\r")
        assert expect_end(child) == 0


def test_a_terminal_that_is_gone_takes_qemu_along(tmp_path: Path) -> None:
    child = spawn(RUNNER)
    expect_prompt(child)
    (qemu,) = children(child.pid)
    child.close(force=False)
    deadline = time.monotonic() + LIMIT_S
    while is_running(qemu):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(word) for word in text.split()]


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_calls_in_a_report_have_their_place_in_the_source() -> None:
    """The instruction itself, and each call: the line before the address to return to."""
    result = subprocess.run(
        [*RUNNER, "--append", "provoke=null"], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False,
    )
    assert result.returncode == 1
    backtrace = result.stdout.replace("\r", "").partition("backtrace:\n")[2].partition("  walk")[0]
    calls = re.findall(r"^ +0x\w{16} (\w+)\+0x\w+ +(.+)$", backtrace, re.M)
    assert len(calls) == len(backtrace.splitlines()) >= 3, backtrace
    called = ""
    for function, place in calls[:3]:  # the next one up calls in assembly
        file, _, line = re.split(r", inlined at ", place)[-1].partition(":")
        source = (ROOT / file).read_text(encoding="utf-8").splitlines()
        assert called in source[int(line) - 1], (function, place, called)
        called = function
    innermost = calls[0][1].split(" ")[0]
    file, _, line = innermost.partition(":")
    assert "*" in (ROOT / file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
