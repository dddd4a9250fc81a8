"""One entry of a page table in words, and the walk of one address: as the CPU reads them.

    63 62     52 51                12 11  9  8  7  6  5   4   3  2  1  0
    |NX|  soft  |  frame address     | soft | G|PS| D| A|PCD|PWT| U| W| P|

Knows nothing of the kernel or of the debugger: who calls brings the function that reads memory.
Source: Intel SDM volume 3, 4.5 "4-Level Paging and 5-Level Paging", tables 4-15 to 4-20.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.pages.dump import (
    ALL_RIGHTS,
    ENTRIES,
    FRAME_MASK,
    HUGE,
    NO_EXECUTE,
    PAT_HUGE,
    PRESENT,
    USER,
    WRITABLE,
    canonical,
    flag_names,
    is_leaf,
    narrowed,
    shift,
    target,
)

# The bytes at a physical address: (address, how many).
ReadPhysical = Callable[[int, int], bytes]

ENTRY_BYTES = 8
TABLE_BYTES = ENTRIES * ENTRY_BYTES
ADDRESS_MASK = (1 << 64) - 1
# What the CPU leaves to the kernel in every entry, and what only a leaf has.
SOFTWARE_BITS = (9, 10, 11, *range(52, 59))
PROTECTION_KEY_SHIFT, PROTECTION_KEY_MASK = 59, 0xF
PAGE_NAMES = {1: "4 KiB", 2: "2 MiB", 3: "1 GiB"}


def table_index(address: int, level: int) -> int:
    """Which entry of its table at `level` an address goes through."""
    return address >> shift(level) & ENTRIES - 1


def is_canonical(address: int, levels: int) -> bool:
    """Whether the bits above those that `levels` tables translate repeat the highest of these."""
    bits = shift(levels) + 8
    return address >> bits in (0, ADDRESS_MASK >> bits)


@dataclass(frozen=True)
class Entry:
    """An entry and the level of the table that it stands in: only both have a meaning."""

    bits: int
    level: int

    @property
    def present(self) -> bool:
        return bool(self.bits & PRESENT)

    @property
    def leaf(self) -> bool:
        """Whether it maps memory, if it is present."""
        return is_leaf(self.bits, self.level)

    @property
    def target(self) -> int:
        """The physical address in it: of the page, or of the next table."""
        return target(self.bits, self.level)

    @property
    def reserved(self) -> int:
        """Bits that must be 0 and are not, whatever the CPU: using the entry faults."""
        if not self.present:
            return 0
        if self.level >= 4:
            return self.bits & HUGE
        below = FRAME_MASK & (1 << shift(self.level)) - 1 & ~PAT_HUGE
        return self.bits & below if self.leaf and self.level > 1 else 0

    @property
    def flags(self) -> str:
        """The names of the flags that are set."""
        names = [flag_names(self.bits, self.level)]
        names += [f"soft{bit}" for bit in SOFTWARE_BITS if self.bits >> bit & 1]
        key = self.bits >> PROTECTION_KEY_SHIFT & PROTECTION_KEY_MASK
        names += [f"key{key}"] if self.leaf and key else []
        return " ".join(names)


def rights_text(rights: int) -> str:
    """What the levels that an address goes through permit, in words."""
    write = "writable" if rights & WRITABLE else "read-only"
    execute = "executable" if rights & NO_EXECUTE else "no-execute"
    return f"{write}, {execute}, {'user and kernel' if rights & USER else 'kernel only'}"


@dataclass(frozen=True)
class Step:
    """One level of a walk: an entry, where it is, and what rights the levels down to it leave."""

    table: int
    index: int
    entry: Entry
    rights: int

    def __str__(self) -> str:
        entry = self.entry
        if not entry.present:
            what = "not present"
        elif entry.reserved:
            what = f"reserved bits are set: {entry.reserved:#x}"
        else:
            what = f"-> {'page' if entry.leaf else 'table'} {entry.target:#x} {entry.flags}"
        place = f"level {entry.level} [{self.index:3}] of {self.table:#x}"
        return f"{place}: {entry.bits:#018x} {what}"


@dataclass(frozen=True)
class Walk:
    """All that translating one address reads. steps: one or more, from the root down."""

    address: int
    steps: tuple[Step, ...]

    @property
    def last(self) -> Step:
        return self.steps[-1]

    @property
    def physical(self) -> int | None:
        """Where the address is in physical memory, or None if it is not mapped."""
        entry = self.last.entry
        if not entry.present or entry.reserved:
            return None
        return entry.target | self.address & (1 << shift(entry.level)) - 1

    @property
    def result(self) -> str:
        """The outcome in a line."""
        step, physical = self.last, self.physical
        if physical is not None:
            page = PAGE_NAMES[step.entry.level]
            return f"{self.address:#x} -> {physical:#x}, {page} page, {rights_text(step.rights)}"
        why = "has reserved bits set" if step.entry.present else "is not present"
        return f"{self.address:#x} is not mapped: the level-{step.entry.level} entry {why}"


def read_table(read: ReadPhysical, table: int) -> list[int]:
    """The entries of the table at a physical address."""
    return list(struct.unpack(f"<{ENTRIES}Q", read(table, TABLE_BYTES)))


def walk(read: ReadPhysical, root: int, levels: int, address: int) -> Walk:
    """Translates one canonical address. ValueError for another."""
    if not is_canonical(address, levels):
        raise ValueError(f"{address:#x} is not canonical with {levels} levels")
    return Walk(address, tuple(_steps(read, root, levels, address)))


def _steps(read: ReadPhysical, table: int, level: int, address: int) -> Iterator[Step]:
    rights = ALL_RIGHTS
    while True:
        index = table_index(address, level)
        bits, = struct.unpack("<Q", read(table + index * ENTRY_BYTES, ENTRY_BYTES))
        entry = Entry(bits, level)
        rights = narrowed(rights, bits)
        yield Step(table, index, entry, rights)
        if not entry.present or entry.reserved or entry.leaf:
            return
        table, level = entry.target, level - 1


@dataclass(frozen=True)
class Table:
    """A table in use: where it is, the first address that it translates, and what is in it."""

    frame: int
    level: int
    start: int
    tables: int
    pages: int
    repeats: bool = False

    def __str__(self) -> str:
        indent = "  " * (5 - self.level)
        where = f"level {self.level} at {self.frame:#x}"
        if self.repeats:
            return f"{indent}{where} again, for {self.start:#x} on: recursive"
        counts = [(self.tables, "table"), (self.pages, "page")]
        used = [f"{count} {noun}{'s' if count > 1 else ''}" for count, noun in counts if count]
        return f"{indent}{where}, for {self.start:#x} on: {', '.join(used) or 'empty'}"


def tables(read: ReadPhysical, root: int, levels: int) -> Iterator[Table]:
    """Each table from the root down, in the order of addresses. One that an entry below it names
    again is told, and not entered a second time on that way."""
    return _tables(read, root, levels, levels, 0, ())


def _tables(
    read: ReadPhysical, frame: int, level: int, levels: int, start: int, above: tuple[int, ...]
) -> Iterator[Table]:
    place = canonical(start, levels)
    if frame in above:
        yield Table(frame, level, place, 0, 0, repeats=True)
        return
    entries = [Entry(bits, level) for bits in read_table(read, frame)]
    used = [(index, entry) for index, entry in enumerate(entries) if entry.present]
    lower = [(index, entry) for index, entry in used if not entry.leaf and not entry.reserved]
    yield Table(frame, level, place, len(lower), sum(entry.leaf for _, entry in used))
    for index, entry in lower:
        address = start | index << shift(level)
        yield from _tables(read, entry.target, level - 1, levels, address, (*above, frame))
