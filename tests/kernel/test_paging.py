"""What the normal image says of memory and of its tables, against what QEMU finds in the machine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from assay.machines import ACCESS_WAYS, PROFILES
from assay.second_opinion import asker
from harness.machine.profile import Profile
from harness.pages.dump import FRAME_MASK, HUGE, NO_EXECUTE, PRESENT, USER, WRITABLE, shift
from harness.pages.snapshot import parse_words, registers_of
from harness.qemu.boot import boot
from harness.qemu.command_line import command_line, image_to_boot
from harness.qemu.connection import monitor_arguments
from harness.qemu.monitor import Monitor
from harness.qemu.process import Qemu
from harness.verdict.verdict import EXIT_PASS

DEMONSTRATION_ENDS = "It did not crash!"
# PVH, and GRUB on both kinds of firmware.
BOOT_PATHS = ("pvh", "bios", "uefi")
PHYSICAL_MEMORY = 0xFFFF_8000_0000_0000
RECURSIVE_SLOT = 510
# The page that the demonstration maps after it has shown the tables.
FAR_PAGE = 0xDEAD_BEAF_000
SHOWN_LEVEL_LAST = 3

REGION = re.compile(r"  ([0-9a-f]{12}) - ([0-9a-f]{12})  (\S.*?)\s+\d+ [KMGT]iB")
ENTRY = re.compile(r" +L(\d)\[(\d+)(?:\.\.(\d+))?\] 0x([0-9a-f]{16}) -> (\w+) 0x([0-9a-f]+)(.*)")
READS = re.compile(r" *(\d+) reads +(\d+\.\d) +(\d+\.\d)")
RAM = re.compile(r"  ([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d+, ram\): pc\.ram\b", re.M)


@dataclass(frozen=True)
class Region:
    """end: exclusive."""

    start: int
    end: int
    type: str


@dataclass(frozen=True)
class Entry:
    """An entry of a table. flags: by the names that the kernel prints; what the CPU sets is left
    out, since it goes on while the tables are looked at."""

    level: int
    start: int
    kind: str
    target: int
    flags: frozenset[str]


class Machine:
    """A kernel that has shown its demonstration and goes no further."""

    def __init__(self, lines: list[str], monitor: Monitor) -> None:
        self.lines = lines
        self.human: Callable[[str], str] = monitor.human
        self.translate = asker(monitor)

    @property
    def regions(self) -> list[Region]:
        """The memory map as printed."""
        found = (REGION.fullmatch(line) for line in self.lines)
        return [Region(int(m[1], 16), int(m[2], 16) + 1, m[3]) for m in found if m]

    @property
    def printed(self) -> list[Entry]:
        """The table entries as printed, each run of leaves as its single entries."""
        return [entry for line in self.lines for entry in entries_of(line)]

    def table(self, frame: int) -> list[int]:
        """The table at a physical address, as QEMU reads it."""
        return parse_words(self.human(f"xp /512gx {frame:#x}"))

    def ram(self) -> list[tuple[int, int]]:
        """QEMU's memory that can be written, as start and end."""
        views = self.human("info mtree -f").split("FlatView")
        system = next(view for view in views if "Root memory region: system" in view)
        return [(int(m[1], 16), int(m[2], 16) + 1) for m in RAM.finditer(system)]


@contextmanager
def machine(profile: Profile, words: str, directory: Path) -> Iterator[Machine]:
    socket = directory / "monitor"
    socket.unlink(missing_ok=True)
    extra = monitor_arguments(socket)
    command = command_line(profile, image_to_boot(profile, "assay"), words, extra=extra)
    with Qemu(command) as qemu:
        ended = qemu.read_until(DEMONSTRATION_ENDS, profile.boot_limit_s)
        lines = bytes(qemu.serial).decode("ascii", errors="backslashreplace").splitlines()
        assert ended, qemu.progress()
        with Monitor(socket) as monitor:
            yield Machine(lines, monitor)


def entries_of(line: str) -> Iterator[Entry]:
    match = ENTRY.fullmatch(line)
    if match is None:
        return
    level, first, start, target = int(match[1]), int(match[2]), int(match[4], 16), int(match[6], 16)
    flags = frozenset(match[7].split()) - {"A", "D"}
    for index in range(int(match[3] or first) - first + 1):
        offset = index << shift(level)
        yield Entry(level, start + offset, match[5], target + offset, flags)


def flags_of(entry: int) -> frozenset[str]:
    bits = {"P": PRESENT, "W": WRITABLE, "U": USER, "PWT": 1 << 3, "PCD": 1 << 4, "NX": NO_EXECUTE}
    return frozenset(name for name, bit in bits.items() if entry & bit)


def entries_in_memory(read: Callable[[int], list[int]], root: int, levels: int) -> Iterator[Entry]:
    """The used entries of the root and, below each, of its tables down to level 3."""

    def walk(table: int, level: int, above: int) -> Iterator[Entry]:
        for index, bits in enumerate(read(table)):
            start = above + (index << shift(level))
            if level == levels and index >= 256:
                start += (1 << 64) - (1 << shift(levels + 1))
            target, flags = bits & FRAME_MASK, flags_of(bits)
            if not bits & PRESENT:
                continue
            if level <= SHOWN_LEVEL_LAST and bits & HUGE:
                yield Entry(level, start, "page", target, flags | {"PS"})
                continue
            yield Entry(level, start, "root" if target == root else "table", target, flags)
            if level > SHOWN_LEVEL_LAST and target != root:
                yield from walk(target, level - 1, start)

    return walk(root, levels, 0)


def made_by_the_demonstration(entry: Entry) -> bool:
    """Whether it leads to the page that is mapped after the tables were shown."""
    return entry.start == FAR_PAGE >> shift(entry.level) << shift(entry.level)


@pytest.mark.parametrize("words", ["paging=4", "paging=5", "recursive"])
def test_the_root_entries_and_those_below_are_printed_as_qemu_reads_them(
    words: str, tmp_path: Path
) -> None:
    with machine(PROFILES["la57"], words, tmp_path) as kernel:
        root, levels = registers_of(kernel.human("info registers"))
        assert f"Page tables, {levels} levels, CR3 {root:#x}:" in kernel.lines
        found = list(entries_in_memory(kernel.table, root, levels))
        # In the order of addresses, each table before what is in it.
        later = [e for e in found if made_by_the_demonstration(e) and e not in kernel.printed]
        assert kernel.printed == [entry for entry in found if entry not in later]
        used = sum(bits & PRESENT for bits in kernel.table(root))
        new = sum(entry.level == levels for entry in later)
        assert sum(entry.level == levels for entry in kernel.printed) == used - new
        assert [entry.level for entry in later] == [4, 3], "the far page takes one entry of each"


@pytest.mark.parametrize("path", BOOT_PATHS)
def test_boot_info_describes_the_memory_that_the_machine_has(path: str, tmp_path: Path) -> None:
    with machine(PROFILES[path], "", tmp_path) as kernel:
        regions, ram = kernel.regions, kernel.ram()
        assert all(a.end <= b.start for a, b in zip(regions, regions[1:])), regions
        assert all((a.start | a.end) % 4096 == 0 and a.start < a.end for a in regions), regions
        outside = [
            region for region in regions if region.type == "usable"
            and not any(start <= region.start and region.end <= end for start, end in ram)
        ]
        assert not outside, f"{outside} is not in {ram}"
        memory_end = max(end for start, end in ram if start <= 1 << 20 < end)
        at = 1 << 20
        for region in regions:
            if region.start <= at < region.end:
                at = region.end
        assert at >= memory_end, f"nothing is said of {at:#x}..{memory_end:#x}"
        for kind in ("kernel", "boot info", "page tables"):
            assert any(region.type == kind for region in regions), regions


@pytest.mark.parametrize("path", BOOT_PATHS)
def test_boot_info_names_the_offset_at_which_qemu_finds_the_ram(
    path: str, tmp_path: Path
) -> None:
    with machine(PROFILES[path], "", tmp_path) as kernel:
        line = next(line for line in kernel.lines if line.startswith("  physical memory offset"))
        offset = int(line.split()[3], 16)
        assert (offset, line.split()[5]) == (PHYSICAL_MEMORY, "0x0")
        for region in kernel.regions:
            is_ram = region.type not in ("reserved", "bad")
            for at in (region.start, region.end - 1):
                assert kernel.translate(offset + at) == (at if is_ram else None), region


@pytest.mark.parametrize(
    "physical, recursive", [(True, False), (False, True)], ids=["physical", "recursive"]
)
@pytest.mark.parametrize("path", BOOT_PATHS)
def test_the_map_of_physical_memory_and_the_recursive_entry_are_options(
    path: str, physical: bool, recursive: bool, tmp_path: Path
) -> None:
    words = f"access=identity physical={'on' if physical else 'off'}"
    words += " recursive" if recursive else ""
    with machine(PROFILES[path], words, tmp_path) as kernel:
        root, _ = registers_of(kernel.human("info registers"))
        entry = kernel.table(root)[RECURSIVE_SLOT]
        assert kernel.translate(PHYSICAL_MEMORY) == (0 if physical else None)
        assert entry & FRAME_MASK == (root if recursive else 0)
        assert bool(entry & PRESENT) == recursive
        offset = "0xffff800000000000 -> 0x0" if physical else "none: physical=off"
        assert any(f"offset   {offset}" in line for line in kernel.lines), kernel.lines
        assert any(entry.kind == "root" for entry in kernel.printed) == recursive


def test_the_memory_map_stays_when_the_page_tables_change(tmp_path: Path) -> None:
    """Frames of tables are memory that would be usable without them; all else is the firmware's."""

    def memory(kernel: Machine) -> list[Region]:
        joined: list[Region] = []
        for region in kernel.regions:
            kind = "usable" if region.type == "page tables" else region.type
            last = joined[-1] if joined else None
            if last is not None and last.end == region.start and last.type == kind:
                joined[-1] = Region(last.start, region.end, kind)
            else:
                joined.append(Region(region.start, region.end, kind))
        return joined

    choices = ("", "paging=5", "recursive", "access=temporary physical=off")
    memories, tables = [], set()
    for words in choices:
        with machine(PROFILES["la57"], f"paging=4 {words}", tmp_path) as kernel:
            memories.append(memory(kernel))
            tables.add(tuple(kernel.printed))
    assert memories == memories[:1] * len(choices)
    assert len(tables) == len(choices), "each choice has other tables"


@pytest.mark.parametrize("levels", (4, 5))
@pytest.mark.parametrize("access", ("offset", *ACCESS_WAYS))
def test_each_access_takes_the_demonstration_from_the_first_look_to_new_tables(
    access: str, levels: int, tmp_path: Path
) -> None:
    with machine(PROFILES["la57"], f"access={access} paging={levels}", tmp_path) as kernel:
        log = "\n".join(kernel.lines)
        assert f"{levels} levels of page tables, access={access}\n" in log
        for said in (
            "  VGA text screen          0x00000000000b8000 -> 0xb8000 (4 KiB page)",
            "Map page 0x0 to frame 0xb8000, empty allocator:\n  ok",
            f"Map page {FAR_PAGE:#x} to frame 0xb8000, empty allocator:\n  frame allocation failed",
            f"Map page {FAR_PAGE:#x} to frame 0xb8000, boot-info allocator:\n  ok",
        ):
            assert said in log, log
        assert kernel.translate(FAR_PAGE) == 0xB8000
        assert kernel.translate(0) is None


def test_reads_in_small_and_in_huge_pages_are_measured_and_reported() -> None:
    """Which are faster is the CPU's affair: an emulator has no TLB like that of a CPU."""
    profile = PROFILES["fast"]
    outcome = boot(command_line(profile, image_to_boot(profile, "assay-bench")), profile.boot_limit_s)
    assert outcome.status == EXIT_PASS, outcome
    assert "            4 KiB pages 2 MiB pages" in outcome.lines
    rows = [match for match in map(READS.fullmatch, outcome.lines) if match]
    assert [int(row[1]) for row in rows] == [16, 64, 256, 1024, 4096], outcome.lines
    assert all(float(row[2]) > 0 and float(row[3]) > 0 for row in rows), outcome.lines
