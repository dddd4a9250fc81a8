"""The runner's other half: finding tests in an image, building command lines, starting and ending QEMU.

QEMU is played by small shell scripts, so that each way of going wrong happens on demand.
"""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import kernel_tests
from kernel_tests import ImageFault, KernelTest, matching, read_tests
from ktap import Kind
from machines import PROFILES, EnvironmentFault, Feature, Profile, command_line, find_fault
from qemu_process import Qemu, boot
from verdict import EXIT_PASS, Stop, judge

RUNNER = Path(kernel_tests.__file__).with_name("qemu_runner.py")
SOON_S = 20.0

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
    assert judge(outcome, ["a.b"]).kind is Kind.HUNG
    assert wait_until_gone(int(outcome.serial))


def test_steady_output_is_no_silence_but_meets_the_limit(script: Script) -> None:
    outcome = boot(script("while :; do echo .; sleep 0.05; done"), 0.6, silence_s=0.5)
    assert outcome.stop is Stop.LIMIT


def test_a_flood_is_stopped(script: Script) -> None:
    outcome = boot(script("exec yes flood"), SOON_S)
    assert outcome.stop is Stop.FLOOD
    assert judge(outcome, ["a.b"]).kind is Kind.GARBLED


def test_death_by_signal_is_reported(script: Script) -> None:
    outcome = boot(script("kill -SEGV $$"), SOON_S)
    assert (outcome.stop, outcome.status) == (Stop.EXITED, -signal.SIGSEGV)
    assert judge(outcome, ["a.b"]).kind is Kind.QEMU_DIED


def test_a_missing_qemu_is_reported_with_its_package() -> None:
    verdict = judge(boot(["/nowhere/qemu"], SOON_S), ["a.b"])
    assert verdict.kind is Kind.QEMU_MISSING
    assert "qemu-system-x86" in verdict.reason


def test_awaited_text_is_found_across_pieces(script: Script) -> None:
    with Qemu(script("printf 'It did '; sleep 0.1; echo 'not crash!'; sleep 1000")) as qemu:
        assert qemu.read_until("It did not crash!", SOON_S)
    with Qemu(script("printf 'It did'; exit 0")) as qemu:
        assert not qemu.read_until("It did not crash!", SOON_S)


def start_runner(script_text: str, script: Script, directory: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Starts `qemu_runner.py run`; the script must print its process id first. Returns the runner and that id."""
    (directory / "assay.iso").touch()
    environment = {**os.environ, "QEMU": script(script_text)[0], "ASSAY_BUILD": str(directory)}
    runner = subprocess.Popen([sys.executable, str(RUNNER), "run"], env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    assert runner.stdout is not None
    return runner, int(runner.stdout.readline())


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)])
def test_no_qemu_is_left_behind(script: Script, tmp_path: Path, number: signal.Signals, status: int) -> None:
    runner, pid = start_runner("echo $$; exec sleep 1000", script, tmp_path)
    runner.send_signal(number)
    _, stderr = runner.communicate(timeout=SOON_S)
    assert (runner.returncode, stderr) == (status, b"")
    assert wait_until_gone(pid)


@pytest.mark.parametrize("status, expected", [(33, 0), (0, 1), (35, 1), (37, 1), (1, 1)])
def test_run_succeeds_only_if_the_kernel_says_so(script: Script, tmp_path: Path, status: int, expected: int) -> None:
    runner, _ = start_runner(f"echo $$; echo hello; exit {status}", script, tmp_path)
    stdout, stderr = runner.communicate(timeout=SOON_S)
    assert (runner.returncode, stdout) == (expected, b"hello\n")
    assert len(stderr.splitlines()) == (expected != 0)


def test_a_missing_image_is_the_environments_fault(tmp_path: Path) -> None:
    environment = {**os.environ, "ASSAY_BUILD": str(tmp_path)}
    for arguments in (["run"], ["test"], ["list"], ["screenshot", str(tmp_path / "x.png")]):
        result = subprocess.run([sys.executable, str(RUNNER), *arguments], env=environment, capture_output=True,
                                check=False)
        assert result.returncode == 3
        assert b"is missing; `make` builds it" in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_commas_in_the_kernels_command_line_are_doubled() -> None:
    command = command_line(PROFILES["la57"], Path("x.elf"), "test=a,b")
    assert command[command.index("-fw_cfg") + 1] == "name=opt/assay/cmdline,string=paging=5 test=a,,b"
    assert "-fw_cfg" not in command_line(PROFILES["fast"], Path("x.elf"))


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_each_machine_is_described_and_has_its_medium(profile: Profile, tmp_path: Path) -> None:
    assert profile.sentence.endswith(".")
    assert (profile.firmware.suffix == ".iso") == (profile.name in ("bios", "uefi"))
    assert profile.vga or Feature.VGA_TEXT not in profile.provides
    assert "is missing" in (find_fault(profile, tmp_path / "none.elf") or "")


@pytest.mark.parametrize("feature, name", [
    (Feature(0), "fast"), (Feature.PAGE_1G | Feature.SMAP, "fast"), (Feature.LA57, "la57"),
    (Feature.ACCESSIBLE_4G, "big"), (Feature.VGA_TEXT, "pvh"),
])
def test_a_test_runs_on_the_first_machine_that_provides_all(feature: Feature, name: str) -> None:
    profile = KernelTest("a.b", "x.c", 1, 0, feature).profile
    assert profile is not None and profile.name == name


def test_a_glob_knows_the_star_and_the_question_mark_only() -> None:
    tests = [KernelTest(name, "x.c", 1, 0, Feature(0)) for name in ("map_to.maps", "map.maps", "a.[b]")]
    for glob, names in (("*", ["map_to.maps", "map.maps", "a.[b]"]), ("map?*", ["map_to.maps", "map.maps"]),
                        ("map.*", ["map.maps"]), ("a.[b]", ["a.[b]"]), ("map", [])):
        assert [test.name for test in matching(tests, glob)] == names


ADDRESS = 0xFFFF_FFFF_8010_0000
STRINGS = b"map_to\0refuses\0maps\0tests/kernel/map_to_test.c\0"
SUITE, REFUSES, MAPS, FILE = (ADDRESS + offset for offset in (0, 7, 15, 20))


def record(suite: int = SUITE, sentence: int = MAPS, run: int = 1, requires: int = 0, timeout_ms: int = 0) -> bytes:
    return struct.pack("<4Q2I3Q", suite, sentence, run, FILE, 12, timeout_ms, requires, 0, 0)


def image(directory: Path, records: bytes, section: bytes = b".test_cases") -> Path:
    """A minimal ELF64 with a section of strings at ADDRESS and one of records."""
    names = b"\0.rodata\0" + section + b"\0.shstrtab\0"
    bodies = [(b".rodata", 1, 2, ADDRESS, STRINGS), (section, 1, 2, ADDRESS + 0x1000, records), (b".shstrtab", 3, 0, 0, names)]
    content, headers = b"", bytes(64)
    for name, kind, flags, address, body in bodies:
        headers += struct.pack("<IIQQQQIIQQ", names.index(name + b"\0"), kind, flags, address, 64 + len(content), len(body),
                               0, 0, 1, 0)
        content += body
    start = b"\x7fELF\x02\x01\x01" + bytes(9)
    start += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 0, 64 + len(content), 0, 64, 0, 0, 64, len(bodies) + 1, len(bodies))
    path = directory / "image.elf"
    path.write_bytes(start + content + headers)
    return path


def test_records_are_read_from_the_image(tmp_path: Path) -> None:
    path = image(tmp_path, record(sentence=REFUSES, requires=0x22, timeout_ms=500) + record())
    assert read_tests(path) == (
        KernelTest("map_to.refuses", "tests/kernel/map_to_test.c", 12, 500, Feature.PAGE_1G | Feature.SMAP),
        KernelTest("map_to.maps", "tests/kernel/map_to_test.c", 12, 0, Feature(0)),
    )


@pytest.mark.parametrize("records, text", [
    (b"", "no whole number"), (record()[:-1], "no whole number"), (record() + record(), "two tests are called"),
    (record(suite=ADDRESS - 1), "no string"), (record(sentence=ADDRESS + len(STRINGS)), "no string"),
    (record(run=0), "no function"), (record(requires=1 << 8), "does not know"),
    (record(requires=Feature.LA57 | Feature.VGA_TEXT), "no machine provides"),
    (record(sentence=SUITE + 6), "no name"),
], ids=["empty", "cut", "one name twice", "pointer before", "pointer after", "no function", "unknown bit",
        "needs two machines", "empty name"])
def test_a_damaged_image_is_refused(tmp_path: Path, records: bytes, text: str) -> None:
    with pytest.raises(ImageFault, match=text):
        read_tests(image(tmp_path, records))


def test_an_image_without_tests_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageFault, match="no whole number"):
        read_tests(image(tmp_path, record(), section=b".other"))
    (tmp_path / "text").write_text("not an ELF file")
    with pytest.raises(EnvironmentFault, match="no ELF file"):
        read_tests(tmp_path / "text")
