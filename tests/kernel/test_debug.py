"""gdb's command `assay`, on stopped machines and on cores, against what QEMU and the kernel say."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pexpect  # type: ignore[import]
import pytest

import qemu_runner
from assay.machines import PROFILES
from assay.project import PROJECT
from assay.tree import ROOT
from harness.evidence import artifacts
from harness.evidence.artifacts import directory_of
from harness.machine.project import build_directory
from harness.pages.dump import LEAVES
from harness.qemu.command_line import command_line, image_to_boot
from harness.qemu.connection import gdb_arguments
from harness.qemu.outcome import Stop
from harness.qemu.process import Qemu
from harness.suite.kernel_tests import boot_tests, matching, read_test_image

TEST = "map_to.refuses_a_page_that_is_mapped"
FUNCTION = TEST.replace(".", "_")
DEMONSTRATION_ENDS = "debug_exit"
SOON_S = 30.0
# Mapped, not mapped and not canonical; in every part of the kernel's address space.
PLACES = (
    "0", "0x1000", "0xb8123", "0x1fffff", "0x200000", "test_run", "&'start.c'::kernel", "$rsp",
    "0xffff800000000000", "0xffff8000ffffffff", "0xffff800100000000", "0xffffd08000000000",
    "0xffffd0000003bfff", "0xffffffffffffffff",
)
RUN = re.compile(r"([0-9a-f]{16})-([0-9a-f]{16})  (\w+) x (\d+) +-> ([0-9a-f]{16}) (\S+)(?:  .+)?")


@dataclass(frozen=True)
class Debugger:
    """gdb on an image, with what it connects to."""

    image: str
    target: tuple[str, ...]
    serial: Path | None = None

    def ask(self, *commands: str) -> list[str]:
        """What each command says, in order; gdb's own words are left out."""
        line = ["gdb", "-q", "-nx", "-batch", str(build_directory() / f"{self.image}.elf")]
        line += ["-x", str(ROOT / PROJECT.gdb_commands), *self.target]
        for command in commands:
            line += ["-ex", r"echo \n<ask>\n", "-ex", command]
        line += ["-ex", r"echo \n<ask>\n"]
        result = subprocess.run(
            line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SOON_S,
            check=False,
        )
        # Around the answers is what gdb says on its way to the machine and when it leaves.
        _, *answers, _ = result.stdout.split("\n<ask>\n")
        assert len(answers) == len(commands), result.stdout
        return [answer.strip("\n") for answer in answers]


@contextmanager
def stopped(
    directory: Path, profile: str, words: str, stop_at: str, image: str = "assay-test"
) -> Iterator[Debugger]:
    """A machine that stands at a function once gdb has connected to it."""
    stub, serial = directory / "gdb", directory / "serial"
    extra = ("-S", *gdb_arguments(stub))
    path = image_to_boot(PROFILES[profile], image)
    command = command_line(PROFILES[profile], path, words, serial=f"file:{serial}", extra=extra)
    with Qemu(command) as qemu:
        while not stub.exists():
            assert qemu.listen(0.02, 0.02) is not Stop.EXITED, qemu.last_words()
        go = ("-ex", f"target remote {stub}", "-ex", f"hbreak {stop_at}", "-ex", "continue")
        yield Debugger(image, go, serial)


@pytest.fixture
def core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is kept of a test that panics: the directory with the core in it."""
    image = "assay-misbehave"
    (tmp_path / f"{image}.elf").symlink_to(build_directory() / f"{image}.elf")
    monkeypatch.setenv("ASSAY_BUILD", str(tmp_path))
    monkeypatch.setattr(artifacts, "REPEATS_MAX", sys.maxsize)
    tests = matching(read_test_image(image), "bad.panics")
    verdict = boot_tests(tests, PROFILES["fast"], "bad.panics", image=image)
    assert f"gdb -x scripts/assay_gdb.py {tmp_path}/" in verdict.message
    return directory_of("fast-bad.panics")


def debugger_of(core: Path) -> Debugger:
    return Debugger("assay-misbehave", ("-ex", f"core-file {core / 'guest.core'}"))


def runs(text: str) -> list[tuple[int, int, str]]:
    """Start, end and permissions of each range that `assay maps` shows."""
    found = [RUN.fullmatch(line) for line in text.splitlines()[1:]]
    assert found and all(found), text
    told = []
    for match in filter(None, found):
        start, last, size, count, _, permissions = match.groups()
        level = next(level for level, name in LEAVES.items() if name == size)
        assert int(last, 16) - int(start, 16) + 1 == int(count) << 12 + 9 * (level - 1)
        told.append((int(start, 16), int(last, 16) + 1, permissions))
    return told


def protected(text: str) -> list[tuple[int, int, bool, bool]]:
    """`info mem`: start, end, user and writable of each range."""
    found = re.findall(r"^([0-9a-f]{16})-([0-9a-f]{16}) [0-9a-f]{16} ([u-])r([w-])$", text, re.M)
    return [(int(start, 16), int(end, 16), u == "u", w == "w") for start, end, u, w in found]


def merged(ranges: list[tuple[int, int, str]]) -> list[tuple[int, int, bool, bool]]:
    """The same with what QEMU tells apart: it knows no frames, sizes and no-execute here."""
    whole: list[tuple[int, int, bool, bool]] = []
    for start, end, permissions in ranges:
        kind = "u" in permissions, "w" in permissions
        if whole and whole[-1][1:] == (start, *kind):
            start = whole.pop()[0]
        whole.append((start, end, *kind))
    return whole


@pytest.mark.parametrize("profile", ["fast", "nofeatures", "fixed"])
def test_qemu_knows_the_same_ranges(tmp_path: Path, profile: str) -> None:
    # Not with five levels: QEMU 7.2 then thinks for many seconds about `info mem`.
    with stopped(tmp_path, profile, f"test={TEST}", FUNCTION) as debugger:
        maps, memory = debugger.ask("assay maps", "monitor info mem")
    assert merged(runs(maps)) == protected(memory) != []
    areas = ("identity map", "physical memory", "kernel stack", "boot info", "temporary slots")
    for name in (*areas, "kernel text", "kernel rodata", "kernel data"):
        assert re.search(rf"^[0-9a-f]{{16}}-.* r\S+  .*\b{name}\b", maps, re.M), maps


@pytest.mark.parametrize("profile", ["fast", "la57", "nofeatures", "fixed"])
def test_qemus_own_walker_agrees(tmp_path: Path, profile: str) -> None:
    with stopped(tmp_path, profile, f"test={TEST}", FUNCTION) as debugger:
        questions = [
            question for place in PLACES
            for question in (
                f"assay translate {place}", f'eval "monitor gva2gpa %#lx", (long)({place})'
            )
        ]
        answers = debugger.ask(*questions)
    mapped = 0
    for place, told, says in zip(PLACES, answers[::2], answers[1::2]):
        found = re.search(r" -> (0x[0-9a-f]+), \d .iB page, ", told)
        assert bool(found) != (" is not mapped: the level-" in told), told
        physical = int(says.removeprefix("gpa: "), 16) if says != "Unmapped" else None
        assert physical == (int(found[1], 16) if found else None), (place, told)
        mapped += bool(found)
    assert 7 <= mapped < len(PLACES)


def test_physical_memory_is_read_where_no_page_shows_it(tmp_path: Path) -> None:
    image_start = 0x200000
    with stopped(tmp_path, "fast", f"test={TEST}", FUNCTION) as debugger:
        _, by_us, by_qemu, virtual = debugger.ask(
            "python from harness.debugger import stopped_machine",
            f"python print(stopped_machine.machine().read_physical({image_start}, 4)[::-1].hex())",
            f"monitor xp /1wx {image_start}",
            f"x/wx {image_start}",
        )
    assert int(by_us, 16) == int(by_qemu.partition(": ")[2], 16) != 0
    assert "Cannot access memory" in virtual, "the stub was left reading physical addresses"


def test_the_kernels_own_walk_and_memory_map_agree(tmp_path: Path) -> None:
    with stopped(tmp_path, "pvh", "once", DEMONSTRATION_ENDS, image="assay") as debugger:
        walk, frames, tables = debugger.ask(
            "assay walk 0xdeadbeaf000", "assay frames", "assay tables"
        )
        assert debugger.serial is not None
        said = debugger.serial.read_text(errors="replace").replace("\r", "")
    steps = re.findall(r"level (\d) \[ *(\d+)\] .*?(0x[0-9a-f]{16}) -> (\S.*)", walk)
    by_kernel = re.findall(r"^ +level (\d) \[ *(\d+)\] (0x[0-9a-f]{16}) -> (\S.*)$", said, re.M)
    assert len(steps) == 4 and steps == by_kernel[:4]
    region = re.compile(r"^ +(?:[0-9a-f]{12} - [0-9a-f]{12}  |in all: ).*$", re.M)
    assert sorted(region.findall(frames)) == sorted(region.findall(said)) != []
    usable = int(frames.partition("free of ")[2].split()[0])
    assert f"in all: usable, {usable * 4} KiB\n" in frames
    table_count = int(tables.splitlines()[-1].split()[0])
    built = int(re.findall(r"in all: page tables, (\d+) KiB", frames)[0]) // 4
    taken = int(re.findall(r"usable memory: (\d+) frames handed out", frames)[0])
    assert table_count == built + taken > built


def test_the_test_in_progress_is_named_with_its_place(tmp_path: Path) -> None:
    (test,) = matching(read_test_image(), TEST)
    with stopped(tmp_path, "fast", "test=map_to.*", FUNCTION) as debugger:
        running, count = debugger.ask("assay test", "assay cpu")
    name, place, state = running.splitlines()
    found = re.fullmatch(rf"{re.escape(TEST)}, (\d+) of (\d+)", name)
    assert found and 1 <= int(found[1]) <= int(found[2])
    assert int(found[2]) == len(matching(read_test_image(), "map_to.*"))
    assert place.strip() == f"{test.file}:{test.line}"
    assert state.strip().startswith("no check of it has failed; before it ")
    assert re.search(r"^CR0 +[0-9a-f]{16}  PE .*\bWP\b.*\bPG$", count, re.M)
    assert re.search(r"^EFER +[0-9a-f]{16}  LME LMA NXE$", count, re.M)


def test_a_test_inside_a_test_is_shown_below_it(tmp_path: Path) -> None:
    outer = "leftovers.of_frames_are_counted"
    with stopped(tmp_path, "fast", f"test={outer}", "leaks_a_frame") as debugger:
        (running,) = debugger.ask("assay test")
    lines = running.splitlines()
    assert (lines[0], lines[3]) == (f"{outer}, 1 of 1", "  inside it: inner.it, 1 of 1")


def test_before_there_are_tables_there_is_a_reason(tmp_path: Path) -> None:
    with stopped(tmp_path, "fast", f"test={TEST}", FUNCTION) as debugger:
        at_reset = Debugger(debugger.image, debugger.target[:2])
        commands = ("walk 0", "maps", "frames", "cpu", "test")
        answers = at_reset.ask(*(f"assay {command}" for command in commands))
    assert answers[0] == answers[1] == "paging is off (CR0.PG): each address is a physical one"
    assert answers[2].startswith("Memory map, 0 regions") or "not in reach" in answers[2]
    assert re.match(r"CR0 +0{8}60000010  ET NW CD\n", answers[3])
    assert answers[4] == "no test is running" or "not in reach" in answers[4]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("assay walk", "usage: assay walk ADDRESS [in TABLE]"),
        ("assay walk in kernel", "usage: assay walk ADDRESS [in TABLE]"),
        ("assay maps 1", "usage: assay maps [in TABLE]"),
        ("assay cpu in kernel", "usage: assay cpu"),
        ("assay walk nonsense", 'nonsense is no address: No symbol "nonsense"'),
        ("assay walk 1.5", "1.5 is no address"),
        ("assay walk 1", "no machine to look at: start `qemu_runner.py debug`"),
        ("assay cpu", "no machine to look at"),
        ("assay nonsense", "there is no command `assay nonsense`; `help assay` lists all"),
    ],
)
def test_what_cannot_be_answered_is_one_clear_line(command: str, said: str) -> None:
    (answer,) = Debugger("assay-test", ()).ask(command)
    assert said in answer and len(answer.splitlines()) == 1, answer


def test_tables_that_are_not_the_cpus_are_named(tmp_path: Path) -> None:
    """The test maps pages in tables of its own, which `table` names."""
    test = "split.changes_nothing_without_a_frame"
    with stopped(tmp_path, "fast", f"test={test}", "page_table_split") as debugger:
        walk, translate, maps, tables, active, wrong = debugger.ask(
            "assay walk 0x40000123 in table", "assay translate 0x40000123 in *table",
            "assay maps in table", "assay tables in table", "assay translate 0x40000123",
            "assay maps in frames",
        )
    result = "0x40000123 -> 0x80000123, 2 MiB page, read-only, executable, kernel only"
    assert walk.splitlines()[-1] == translate == result
    assert len(walk.splitlines()) == 4 and " -> page 0x80000000 P PS" in walk
    ranges = maps.splitlines()
    assert len(ranges) == 2 and "2M x 1" in ranges[1] and ranges[1].endswith(" r-x-")
    assert tables.splitlines()[-1] == "3 tables, 12 KiB"
    assert active.startswith("0x40000123 is not mapped")
    assert wrong.startswith("frames is no struct page_table: ")


def test_a_place_in_the_gap_of_addresses_is_refused(tmp_path: Path) -> None:
    with stopped(tmp_path, "fast", f"test={TEST}", FUNCTION) as debugger:
        answers = debugger.ask("assay walk 0x800000000000", "assay walk 0xffff7fffffffffff")
    for answer in answers:
        assert answer.endswith(" is not canonical with 4 levels")


def test_the_core_of_a_failed_test_answers_alike(core: Path) -> None:
    maps, cpu, test, walk, frames = debugger_of(core).ask(
        "assay maps", "assay cpu", "assay test", "assay walk 0xb8000", "assay frames"
    )
    kept = (core / "page-tables.txt").read_text().strip()
    assert runs(maps) == runs(kept)
    assert merged(runs(maps)) == protected((core / "mem.txt").read_text())
    registers = (core / "registers.txt").read_text()
    for name in ("CR0", "CR2", "CR3", "CR4"):
        by_qemu = re.search(rf"\b{name}=([0-9a-f]+)", registers)
        by_core = re.search(rf"^{name} +([0-9a-f]+)", cpu, re.M)
        assert by_qemu and by_core and int(by_qemu[1], 16) == int(by_core[1], 16)
    assert test.startswith("bad.panics, 1 of 1\n")
    assert "-> page 0xb8000 P W" in walk
    assert "0 frames handed out" in frames


def test_an_editors_debugger_connects_to_the_port(tmp_path: Path) -> None:
    """As the tasks of an editor do it: the test is named by a place in its file."""
    (test,) = matching(read_test_image(), TEST)
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = str(probe.getsockname()[1])
    runner = [sys.executable, qemu_runner.__file__, "debug", f"{test.file}:{test.line + 1}"]
    with subprocess.Popen(
        [*runner, "--listen", port], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as waiting:
        assert waiting.stdout is not None
        lines = [waiting.stdout.readline() for _ in range(3)]
        assert lines[2] == "Ctrl-C ends it.\n"
        connect = ("-ex", f"target remote localhost:{port}")
        go = Debugger("assay-test", (*connect, "-ex", f"hbreak {FUNCTION}", "-ex", "continue"))
        (answer,) = go.ask("assay test")
        assert answer.startswith(f"{TEST}, 1 of 1\n")
        # gdb has left, and taken QEMU with it: that is no fault.
        assert waiting.wait(SOON_S) == 0


@pytest.mark.parametrize(
    ("test", "place", "leave"), [(TEST, FUNCTION, "kill"), ("", "kernel_entry", "quit")]
)
def test_a_session_on_a_terminal(test: str, place: str, leave: str) -> None:
    """What a user does: `make debug`, look, leave. Nothing of it stays behind."""
    command = ["debug", f"TEST={test}", "WORDS=seed=7"]
    session = pexpect.spawn("make", command, cwd=ROOT, encoding="utf-8", timeout=SOON_S)
    prompt = r"\(gdb\) "
    session.expect(r"serial log: (\S+)\s")
    directory = str(Path(session.match[1]).parent)
    session.expect(prompt)
    assert processes_naming(directory)
    for say, hear in (
        ("continue", rf"Breakpoint 1, \S*{place}"),
        ("assay walk 0xb8000", "0xb8000 -> 0xb8000, 4 KiB page, writable"),
        ("p 'start.c'::kernel.options.seed", " = 7"),
    ):
        session.sendline(say)
        session.expect(hear)
        session.expect(prompt)
    session.sendline(leave)
    session.expect("y or n")
    session.sendline("y")
    if leave == "kill":
        session.expect(prompt)
        session.sendline("quit")
    session.expect(pexpect.EOF)
    session.close()
    assert session.exitstatus == 0
    assert not processes_naming(directory)


def processes_naming(text: str) -> list[str]:
    """The command lines that have `text` in them: QEMU's, with the socket of that session."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            words = (directory / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if text in " ".join(words) and "qemu-system" in words[0]:
            found.append(" ".join(words))
    return found
