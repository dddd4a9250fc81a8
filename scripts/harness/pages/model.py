"""What a picture of page tables shows: a box for each table, with a row for each run of entries.

Nothing here knows how it is drawn. A table has one box, where it is first reached from above;
other entries that name it, as a recursive one does, say so.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.machine.named_range import NamedRange, innermost, outermost
from harness.pages.dump import (
    ALL_RIGHTS,
    ENTRIES,
    PRESENT,
    Run,
    canonical,
    is_leaf,
    joined,
    leaves,
    narrowed,
    page_bits,
    permissions,
    shift,
    target,
)
from harness.pages.snapshot import Snapshot

# What is still legible. More is told as a number.
ROWS_MAX = 28
BOXES_MAX = 96
NAMES_MAX = 2
UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


class Kind(enum.Enum):
    """What the entries of a row are."""

    PAGE = "page"
    TABLE = "table"
    AGAIN = "again"
    UNREADABLE = "unreadable"
    ABSENT = "absent"
    MORE = "more"


class Mark(enum.Enum):
    """What became of an entry between two snapshots."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


# By table and index.
Marks = Mapping[tuple[int, int], Mark]


@dataclass(frozen=True)
class Row:
    """`count` entries from `first` on. start: the first address that they translate; rights: the
    effective ones. frame: what the first names. For MORE, entry is 0 and `count` counts rows."""

    kind: Kind
    first: int
    count: int
    start: int = 0
    entry: int = 0
    frame: int = 0
    rights: int = 0
    name: str = ""
    mark: Mark | None = None

    @property
    def last(self) -> int:
        return self.first + self.count - 1

    def end(self, level: int) -> int:
        """Behind the last address, in a table of `level`."""
        return self.start + (self.count << shift(level))

    @property
    def permissions(self) -> str:
        return permissions(self.rights)


@dataclass
class Box:
    """A table as it is first reached. used: its entries that are not zero."""

    table: int
    level: int
    start: int
    rights: int
    used: int = 0
    rows: list[Row] = field(default_factory=list)
    children: dict[int, Box] = field(default_factory=dict)


@dataclass(frozen=True)
class PageMap:
    """boxes: level by level. undrawn: tables for which there is no box. pages: how many of each
    level are mapped; complete: False if there are more of them."""

    snapshot: Snapshot
    root: Box
    boxes: list[Box]
    undrawn: int
    tables: Counter[int]
    pages: Counter[int]
    runs: list[Run]
    complete: bool


def page_map(snapshot: Snapshot, marks: Marks | None = None) -> PageMap:
    """The boxes and counts of a snapshot. marks: entries that are to be pointed out."""
    runs, complete = _runs(snapshot)
    boxes = _Boxes(snapshot, marks or {}, _areas(snapshot.names, runs)).all()
    levels = table_levels(snapshot)
    pages: Counter[int] = Counter()
    for run in runs:
        pages[run.level] += run.count
    drawn = {box.table for box in boxes}
    return PageMap(
        snapshot, boxes[0], boxes, len(levels.keys() - drawn), Counter(levels.values()), pages,
        runs, complete and snapshot.complete,
    )


def table_levels(snapshot: Snapshot) -> dict[int, int]:
    """Each table that could be read and that the root leads to, at the highest of its levels."""
    levels: dict[int, int] = {}
    waiting = [(snapshot.root, snapshot.levels)]
    for table, level in waiting:
        if table in levels or table not in snapshot.tables:
            continue
        levels[table] = level
        waiting += [
            (target(entry, level), level - 1)
            for entry in snapshot.entries(table)
            if entry & PRESENT and not is_leaf(entry, level)
        ]
    return levels


def size_text(size_bytes: int) -> str:
    """In the largest unit of which it is a whole number; large ones with one digit behind it."""
    value, unit = float(size_bytes), 0
    while unit + 1 < len(UNITS) and (value >= 10 * 1024 or value >= 1024 and value % 1024 == 0):
        value, unit = value / 1024, unit + 1
    return f"{value:.1f}".removesuffix(".0") + f" {UNITS[unit]}"


def page_size_text(level: int) -> str:
    return size_text(1 << shift(level))


class _Boxes:
    """Makes the boxes, level by level, so that the upper levels are whole if not all is drawn."""

    def __init__(self, snapshot: Snapshot, marks: Marks, areas: list[NamedRange]) -> None:
        self.snapshot = snapshot
        self.marks = marks
        self.areas = areas
        self.seen = {snapshot.root}

    def all(self) -> list[Box]:
        boxes = [Box(self.snapshot.root, self.snapshot.levels, 0, ALL_RIGHTS)]
        for box in boxes:
            entries = self.snapshot.entries(box.table)
            box.used = sum(entry != 0 for entry in entries)
            box.rows = _shortened(list(self._rows(box, entries)))
            for row in box.rows:
                if row.kind is Kind.TABLE and len(boxes) < BOXES_MAX:
                    start = box.start + (row.first << shift(box.level))
                    box.children[row.first] = Box(row.frame, box.level - 1, start, row.rights)
                    boxes.append(box.children[row.first])
        return boxes

    def _rows(self, box: Box, entries: list[int]) -> Iterator[Row]:
        """A row for each entry that is in use or has a mark, neighbours made one."""
        last: Row | None = None
        for index in range(ENTRIES):
            mark = self.marks.get((box.table, index))
            if entries[index] == 0 and mark is None:
                continue
            row = self._row(box, index, entries[index], mark)
            if last is not None and _follows(last, row, box.level):
                row = replace(last, count=last.count + 1)
            elif last is not None:
                yield self._named(last, box.level)
            last = row
        if last is not None:
            yield self._named(last, box.level)

    def _row(self, box: Box, index: int, entry: int, mark: Mark | None) -> Row:
        start = canonical(box.start + (index << shift(box.level)), self.snapshot.levels)
        if not entry & PRESENT:
            return Row(Kind.ABSENT, index, 1, start, entry, mark=mark)
        rights, frame = narrowed(box.rights, entry), target(entry, box.level)
        kind = Kind.TABLE
        if is_leaf(entry, box.level):
            kind = Kind.PAGE
        elif frame not in self.snapshot.tables:
            kind = Kind.UNREADABLE
        elif frame in self.seen:
            kind = Kind.AGAIN
        if kind is Kind.TABLE:
            self.seen.add(frame)
        return Row(kind, index, 1, start, entry, frame, rights, mark=mark)

    def _named(self, row: Row, level: int) -> Row:
        """With what the addresses are for: exactly for pages, on the whole for tables."""
        choose = innermost if row.kind is Kind.PAGE else outermost
        # A recursive entry maps nothing but tables, so its area is not one of those in use.
        areas = self.snapshot.names if row.kind is Kind.AGAIN else self.areas
        names = [item.name for item in choose(areas, row.start, row.end(level))]
        more = ", …" if len(names) > NAMES_MAX else ""
        return replace(row, name=", ".join(names[:NAMES_MAX]) + more)


def _follows(last: Row, row: Row, level: int) -> bool:
    """Whether the two can be one row: pages of one stretch of memory, or entries not in use."""
    if (last.kind, last.mark, last.last + 1) != (row.kind, row.mark, row.first):
        return False
    if row.kind is Kind.ABSENT:
        return last.entry == row.entry
    return (
        row.kind is Kind.PAGE
        and page_bits(last.entry, level) == page_bits(row.entry, level)
        and last.frame + (last.count << shift(level)) == row.frame
    )


def _shortened(rows: list[Row]) -> list[Row]:
    """Without what would be too many. Rows with a mark stay before others."""
    if len(rows) <= ROWS_MAX:
        return rows
    wanted = [row for row in rows if row.mark] + [row for row in rows if not row.mark]
    kept = sorted(wanted[: ROWS_MAX - 1], key=lambda row: row.first)
    return [*kept, Row(Kind.MORE, ENTRIES, len(rows) - len(kept))]


def _areas(names: Sequence[NamedRange], runs: list[Run]) -> list[NamedRange]:
    """Those in which anything is mapped."""
    return [
        item for item in names
        if any(run.start < item.end and item.start < run.start + run.length for run in runs)
    ]


def _runs(snapshot: Snapshot) -> tuple[list[Run], bool]:
    """What is mapped, and whether that is all of it."""
    runs: list[Run] = []
    try:
        for run in joined(leaves(snapshot.entries, snapshot.root, snapshot.levels)):
            runs.append(run)
    except TimeoutError:
        return runs, False
    return runs, True
