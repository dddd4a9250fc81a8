"""What differs between two snapshots: in what is mapped, and entry by entry.

The bits `accessed` and `dirty`, which the CPU sets by itself, are not compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.pages.dump import ACCESSED, DIRTY, ENTRIES, Run, flag_names
from harness.pages.model import Mark, page_size_text
from harness.pages.snapshot import Snapshot

IGNORED = ACCESSED | DIRTY


@dataclass(frozen=True)
class Change:
    """What became of the addresses in [start, end), which are part of the runs before and after."""

    mark: Mark
    start: int
    end: int
    before: Run | None
    after: Run | None

    @property
    def before_text(self) -> str:
        return self._text(self.before)

    @property
    def after_text(self) -> str:
        return self._text(self.after)

    def _text(self, run: Run | None) -> str:
        if run is None:
            return "not mapped"
        frame = run.frame + self.start - run.start
        flags = flag_names(run.flags, run.level)
        return f"{page_size_text(run.level)} pages at {frame:#x}, {run.permissions}, {flags}"


def changes(before: Sequence[Run], after: Sequence[Run]) -> list[Change]:
    """The differences in what is mapped, in the order of addresses. Both are in that order."""
    borders = sorted({edge for run in (*before, *after) for edge in (run.start, _end(run))})
    found: list[Change] = []
    at = [0, 0]
    for start, end in zip(borders, borders[1:]):
        pair: list[Run | None] = []
        for side, runs in enumerate((before, after)):
            while at[side] < len(runs) and _end(runs[at[side]]) <= start:
                at[side] += 1
            run = runs[at[side]] if at[side] < len(runs) else None
            pair.append(run if run is not None and run.start <= start else None)
        mark = _mark(pair[0], pair[1])
        if mark is not None:
            found.append(Change(mark, start, end, pair[0], pair[1]))
    return found


def marks(before: Snapshot, after: Snapshot) -> dict[tuple[int, int], Mark]:
    """Which entries of which tables differ. A table that is not there has none."""
    found: dict[tuple[int, int], Mark] = {}
    for table in before.tables.keys() | after.tables.keys():
        pairs = zip(before.entries(table), after.entries(table))
        for index, (old, new) in zip(range(ENTRIES), pairs):
            if old == 0 and new:
                found[table, index] = Mark.ADDED
            elif old and new == 0:
                found[table, index] = Mark.REMOVED
            elif (old ^ new) & ~IGNORED:
                found[table, index] = Mark.CHANGED
    return found


def _mark(before: Run | None, after: Run | None) -> Mark | None:
    if before is None or after is None:
        return Mark.ADDED if after else Mark.REMOVED if before else None
    same = (
        (before.level, before.permissions, before.flags, before.frame - before.start)
        == (after.level, after.permissions, after.flags, after.frame - after.start)
    )
    return None if same else Mark.CHANGED


def _end(run: Run) -> int:
    return run.start + run.length
