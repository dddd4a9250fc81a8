"""What is left of a boot that failed, and that its keeping never hides the failure."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from assay.machines import PROFILES
from assay.tree import ROOT
from harness.evidence import artifacts
from harness.evidence.artifacts import directory_of
from harness.machine.profile import Profile
from harness.machine.project import build_directory
from harness.pages.model import page_map
from harness.pages.snapshot import load
from harness.suite.kernel_tests import boot_tests, matching, read_test_image
from harness.verdict.ktap import Kind
from harness.verdict.verdict import Verdict

IMAGE = "assay-misbehave"
RUNNER = ROOT / "scripts" / "qemu_runner.py"
ALWAYS = {"serial.log", "verdict.txt", "command.txt"}
OF_THE_SECOND_BOOT = {
    "repeat.txt", "repeat-serial.log", "registers.txt", "mem.txt", "tlb.txt", "page-tables.txt",
    "page-tables.json", "page-tables.svg", "page-tables.html",
}
PNG_MAGIC, ELF_MAGIC = b"\x89PNG", b"\x7fELF"


@pytest.fixture(autouse=True)
def own_build_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build directory with the image and no artefacts, in which every test may have evidence."""
    (tmp_path / f"{IMAGE}.elf").symlink_to(build_directory() / f"{IMAGE}.elf")
    monkeypatch.setenv("ASSAY_BUILD", str(tmp_path))
    monkeypatch.setattr(artifacts, "REPEATS_MAX", sys.maxsize)
    return tmp_path


def fail(glob: str, profile: Profile = PROFILES["fast"], words: str = "") -> tuple[Verdict, Path]:
    """The verdict and the artefact directory."""
    tests = matching(read_test_image(IMAGE), glob)
    verdict = boot_tests(tests, profile, glob, words, image=IMAGE)
    return verdict, directory_of(f"{profile.name}-{glob}")


def test_everything_is_kept_of_a_panic_on_a_machine_with_a_screen() -> None:
    verdict, kept = fail("bad.panics", PROFILES["pvh"])
    assert verdict.kind is Kind.PANICKED
    names = {path.name for path in kept.iterdir()}
    assert names == ALWAYS | OF_THE_SECOND_BOOT | {"backtrace.txt", "screen.png", "guest.core"}, verdict.message
    assert (kept / "serial.log").read_bytes() == verdict.outcome.serial
    assert (kept / "command.txt").read_text().startswith("qemu-system-x86_64 ")
    assert "PANIC: in a test" in (kept / "repeat-serial.log").read_text()
    assert "verdict does not count" in (kept / "repeat.txt").read_text()
    assert "CR3=" in (kept / "registers.txt").read_text()
    assert "-rw" in (kept / "mem.txt").read_text()
    assert (kept / "screen.png").read_bytes().startswith(PNG_MAGIC)
    tables = (kept / "page-tables.txt").read_text()
    assert re.search(r"^ffffffff802[0-9a-f]+-ffffffff802[0-9a-f]+ +4K x \d+ .* r-x-$", tables, re.M)
    with (kept / "guest.core").open("rb") as core:
        assert core.read(4) == ELF_MAGIC
    stat = (kept / "guest.core").stat()
    assert stat.st_blocks * 512 < stat.st_size / 4, "zeros take room"
    for text in ("artefacts: ", "again: ", "under gdb: ", "gdb: gdb "):
        assert text in verdict.message


@pytest.mark.parametrize(
    ("name", "function", "code"),
    [
        ("bad.panics", "bad_panics", "panics"),
        ("bad.hangs_with_interrupts_off", "hang_with_interrupts_off", "cpu_halt();"),
        ("bad.overflows_the_stack", "use_stack", "use_stack("),
    ],
)
def test_calls_are_told_with_their_place_in_the_source(
    name: str, function: str, code: str
) -> None:
    verdict, kept = fail(name)
    located = rf"{function}[\w.]*\+0x\w+  .*tests/kernel/misbehave/(\w+\.c):(\d+)"
    found = re.findall(located, verdict.message)
    assert found, verdict.message
    assert set(found) == set(re.findall(located, (kept / "backtrace.txt").read_text()))
    file, line = found[-1]  # of a recursion the outermost call, which is no first instruction
    source = (ROOT / "tests" / "kernel" / "misbehave" / file).read_text().splitlines()
    assert code in source[int(line) - 1]
    assert not re.search(located, (kept / "serial.log").read_text())


def test_the_dump_of_the_page_tables_agrees_with_what_qemu_says_is_mapped() -> None:
    """`info mem` is QEMU's own walk: ranges by the permissions of user, reading and writing."""
    verdict, kept = fail("bad.panics", words="access=fixed")
    assert "the second boot's page tables: " in verdict.message
    snapshot = load(kept / "page-tables.json")
    assert (snapshot.levels, snapshot.complete) == (4, True)
    ranges: list[tuple[int, int, str]] = []
    for run in page_map(snapshot).runs:
        user, write = "u" in run.permissions, "w" in run.permissions
        letters = f"{'u' if user else '-'}r{'w' if write else '-'}"
        start = run.start
        if ranges and ranges[-1][1:] == (start, letters):
            start = ranges.pop()[0]
        ranges.append((start, run.start + run.length, letters))
    told = (kept / "mem.txt").read_text().split("\n")
    assert [line.strip() for line in told if line.strip()] == [
        f"{start:016x}-{end:016x} {end - start:016x} {letters}" for start, end, letters in ranges
    ]
    page = (kept / "page-tables.html").read_text()
    assert "kernel text" in page and "fast-bad.panics, at its end" in page


def test_everything_is_kept_of_a_machine_with_five_levels() -> None:
    verdict, kept = fail("bad.panics", PROFILES["la57"])
    names = {path.name for path in kept.iterdir()}
    assert names == ALWAYS | OF_THE_SECOND_BOOT | {"backtrace.txt", "guest.core"}, verdict.message
    assert "of no use with five levels" in (kept / "mem.txt").read_text()
    assert (kept / "page-tables.txt").read_text().startswith("root 0x1000, 5 levels\n")


def test_a_picture_that_cannot_be_drawn_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_jinja2(*_: object) -> None:
        raise ImportError("No module named 'jinja2'")

    monkeypatch.setattr(artifacts, "write_pictures", without_jinja2)
    verdict, kept = fail("bad.fails")
    assert verdict.kind is Kind.FAILED
    assert "the page tables are not drawn: No module named 'jinja2'" in verdict.message
    missing = {"page-tables.svg", "page-tables.html"}
    assert {path.name for path in kept.iterdir()} == (
        (ALWAYS | OF_THE_SECOND_BOOT | {"guest.core"}) - missing
    )


def test_gdb_shows_in_the_core_how_the_panic_was_reached() -> None:
    if shutil.which("gdb") is None:
        pytest.skip("gdb is not installed")
    _, kept = fail("bad.panics")
    image = build_directory() / f"{IMAGE}.elf"
    command = ["gdb", "-batch", "-nx", "-ex", "bt", str(image), str(kept / "guest.core")]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    for function in ("kernel_panic", "bad_panics", "run_kernel"):
        assert function in said, said


def test_the_second_boot_tells_a_triple_fault_from_another_reset() -> None:
    verdict, _ = fail("bad.triple_faults")
    assert re.search(r"a triple fault at 0xffffffff80\w+ \(triple_fault\+0x\w+\)", verdict.message)
    verdict, _ = fail("bad.resets_the_machine")
    assert "no triple fault; the guest itself asked for the reset" in verdict.message


def test_the_end_of_a_flood_is_no_core() -> None:
    verdict, kept = fail("good.*", words="misbehave=floods_in_the_report")
    assert verdict.kind is Kind.GARBLED
    assert "registers.txt" in {path.name for path in kept.iterdir()}
    assert not (kept / "guest.core").exists()


def test_the_last_failure_replaces_the_one_before() -> None:
    for _ in range(2):
        _, kept = fail("bad.fails")
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]


def test_a_file_in_place_of_the_directory_hides_no_failure(own_build_directory: Path) -> None:
    (own_build_directory / "artifacts").touch()
    verdict, _ = fail("bad.fails")
    assert verdict.kind is Kind.FAILED
    assert "artefacts could not be kept: Not a directory: " in verdict.message


def test_a_full_disk_hides_no_failure(own_build_directory: Path) -> None:
    """In a mount namespace of its own, where build/artifacts is 32 KiB large."""
    place = own_build_directory / "artifacts"
    place.mkdir()
    enter = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*enter, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this host lets no user make a mount namespace")
    script = 'mount -t tmpfs -o size=32k tmpfs "$1" && shift && "$@"; s=$?; ls -A "$P"; exit $s'
    runner = [sys.executable, str(RUNNER), "test", "bad.fails", "--image", IMAGE]
    command = [*enter, "sh", "-c", script, "sh", str(place), *runner]
    environment = {**os.environ, "P": str(place)}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "1 + 1 == 3 does not hold" in result.stdout
    assert "No space left on device" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("0 of 1 boots green"), "a draft was left"


def test_only_so_many_failures_have_a_second_boot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "REPEATS_MAX", 0)
    verdict, kept = fail("bad.fails")
    assert {path.name for path in kept.iterdir()} == ALWAYS
    assert "no second boot for more evidence" in verdict.message
