"""The page tables of a machine at one moment: read through QEMU's monitor, kept as JSON.

Every table is kept once, however often it is reached, with all its entries that are not zero. The
format is described in docs/pictures.md.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.host.whole_file import write_whole
from harness.image.symbols import symbols_of
from harness.machine.named_range import NamedRange
from harness.machine.project import project
from harness.pages import dump as page_table_dump
from harness.pages.dump import ENTRIES, FRAME_MASK, LIMIT_S, PRESENT, ReadTable, is_leaf, target

FORMAT = "assay-page-tables"
VERSION = 1
CR0_PAGING = 1 << 31
CR4_LA57 = 1 << 12
# Entries that differ by this much from one to the next are kept as a run.
STEPS = (0, 1 << 12, 1 << 21, 1 << 30)
# More than any sound kernel has; what reads rubbish as tables ends here.
TABLES_MAX = 2048
WORD_END = 1 << 64
LEVEL_COUNTS = (4, 5)


class DumpError(ValueError):
    """What was given is no dump of page tables. One line says why."""


@dataclass(frozen=True)
class EntryRun:
    """`count` entries from `first` on: the value of the first, and what each adds to the last."""

    first: int
    count: int
    bits: int
    step: int

    def entry(self, index: int) -> int:
        return self.bits + (index - self.first) * self.step


@dataclass(frozen=True)
class Snapshot:
    """The tables by physical address. unreadable: those that no memory answers for.

    complete: False when reading had to stop. symbols: addresses of functions and variables.
    """

    title: str
    root: int
    levels: int
    tables: dict[int, tuple[EntryRun, ...]]
    unreadable: frozenset[int] = frozenset()
    complete: bool = True
    names: tuple[NamedRange, ...] = ()
    symbols: dict[str, int] = field(default_factory=dict)

    def entries(self, table: int) -> list[int]:
        """All 512 entries; zeros for a table that could not be read."""
        words = [0] * ENTRIES
        for run in self.tables.get(table, ()):
            for index in range(run.first, run.first + run.count):
                words[index] = run.entry(index)
        return words

    def ranges(self) -> str:
        """As text: see page_table_dump."""
        return page_table_dump.dump(self.entries, self.root, self.levels)


def registers_of(text: str) -> tuple[int, int]:
    """Root and number of levels, from the monitor's `info registers`. DumpError without."""
    found = re.findall(r"\b(CR[034])=([0-9a-f]+)", text)
    values = {name: int(value, 16) for name, value in found}
    if len(values) < 3:
        raise DumpError("no CR0, CR3 and CR4 among the registers")
    if not values["CR0"] & CR0_PAGING:
        raise DumpError("paging is off")
    return values["CR3"] & FRAME_MASK, 5 if values["CR4"] & CR4_LA57 else 4


def parse_words(text: str) -> list[int]:
    """The values in the answer to `xp /512gx ADDRESS`; none if no memory is there."""
    return [int(word, 16) for word in re.findall(r"0x([0-9a-f]{16})\b", text)]


def take(human: Callable[[str], str], title: str) -> Snapshot:
    """The tables of a stopped machine. human: asks QEMU's monitor. Raises DumpError."""
    root, levels = registers_of(human("info registers"))
    tables, unreadable, complete = read_tables(
        lambda table: parse_words(human(f"xp /{ENTRIES}gx {table:#x}")), root, levels
    )
    return Snapshot(title, root, levels, tables, frozenset(unreadable), complete)


def kernel_snapshot(human: Callable[[str], str], title: str, elf: Path) -> Snapshot:
    """The tables of a stopped machine that runs the kernel, with its names. Raises DumpError.

    human: asks QEMU's monitor. elf: the kernel's image.
    """
    snapshot = take(human, title)
    names = project().names(elf, snapshot.levels)
    return replace(snapshot, names=names, symbols=symbols_of(elf))


def read_tables(
    read: ReadTable, root: int, levels: int
) -> tuple[dict[int, tuple[EntryRun, ...]], set[int], bool]:
    """Each table that is reached, read once; those that cannot be; whether this is all.

    A table can be one of several levels, as with a recursive entry: what it names is followed at
    each of them.
    """
    tables: dict[int, list[int]] = {}
    unreadable: set[int] = set()
    waiting, seen = [(root, levels)], {(root, levels)}
    deadline = time.monotonic() + LIMIT_S
    for table, level in waiting:
        if table not in tables and table not in unreadable:
            if len(tables) == TABLES_MAX or time.monotonic() > deadline:
                break
            words = read(table)
            if len(words) != ENTRIES:
                unreadable.add(table)
                continue
            tables[table] = words
        for entry in tables.get(table, ()):
            below = (target(entry, level), level - 1)
            if entry & PRESENT and not is_leaf(entry, level) and below not in seen:
                seen.add(below)
                waiting.append(below)
    complete = all(table in tables or table in unreadable for table, _ in waiting)
    return {table: runs_of(words) for table, words in tables.items()}, unreadable, complete


def runs_of(words: Sequence[int]) -> tuple[EntryRun, ...]:
    """The entries that are not zero, neighbours of one step made one."""
    runs: list[EntryRun] = []
    for index, word in enumerate(words):
        last = runs[-1] if runs else None
        if word == 0:
            continue
        if last is not None and last.first + last.count == index:
            step = word - last.entry(index - 1)
            if step == last.step if last.count > 1 else step in STEPS:
                runs[-1] = EntryRun(last.first, last.count + 1, last.bits, step)
                continue
        runs.append(EntryRun(index, 1, word, 0))
    return tuple(runs)


def to_json(snapshot: Snapshot) -> dict[str, Any]:
    """Numbers that may be beyond 2^53 are written as text, in hexadecimal."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "title": snapshot.title,
        "root": hex(snapshot.root),
        "levels": snapshot.levels,
        "complete": snapshot.complete,
        "tables": {
            hex(table): [[run.first, run.count, hex(run.bits), hex(run.step)] for run in runs]
            for table, runs in sorted(snapshot.tables.items())
        },
        "unreadable": [hex(table) for table in sorted(snapshot.unreadable)],
        "names": [[hex(item.start), hex(item.end), item.name] for item in snapshot.names],
        "symbols": {name: hex(address) for name, address in snapshot.symbols.items()},
    }


def from_json(data: Any) -> Snapshot:
    """The inverse. Raises DumpError for what to_json does not make."""
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise DumpError(f"no dump of page tables: \"format\" is not \"{FORMAT}\"")
    if data.get("version") != VERSION:
        raise DumpError(f"version {data.get('version')!r} of the format; this is for {VERSION}")
    title, levels = _typed(data, "title", str), _typed(data, "levels", int)
    if levels not in LEVEL_COUNTS:
        raise DumpError(f"{levels} levels; there can be 4 or 5")
    tables = {
        _frame(table): _runs(table, rows) for table, rows in _typed(data, "tables", dict).items()
    }
    unreadable = frozenset(_frame(table) for table in _typed(data, "unreadable", list))
    root = _frame(data.get("root"))
    if root not in tables and root not in unreadable:
        raise DumpError(f"the root {root:#x} is not among the tables")
    return Snapshot(
        title, root, levels, tables, unreadable, _typed(data, "complete", bool),
        tuple(_name(row) for row in _typed(data, "names", list)),
        {str(name): _number(text) for name, text in _typed(data, "symbols", dict).items()},
    )


def load(path: Path) -> Snapshot:
    """From a file. Raises DumpError, with the path, for a file that has no snapshot."""
    try:
        return from_json(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise DumpError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DumpError(f"{path}: not UTF-8, so no dump of page tables") from None
    except json.JSONDecodeError as error:
        raise DumpError(f"{path}:{error.lineno}: not JSON: {error.msg}") from None
    except (DumpError, RecursionError) as error:
        raise DumpError(f"{path}: {error}") from None


def save(snapshot: Snapshot, path: Path) -> None:
    write_whole(path, text_of(snapshot))


def text_of(snapshot: Snapshot) -> str:
    """JSON with a line for each table."""
    data = to_json(snapshot)
    lines = []
    for key, value in data.items():
        if key == "tables":
            rows = (f"  {json.dumps(name)}: {json.dumps(runs)}" for name, runs in value.items())
            lines.append(f'"tables": {{\n{_joined(rows)}\n}}')
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + _joined(lines) + "\n}\n"


def _joined(lines: Iterable[str]) -> str:
    return ",\n".join(lines)


def _typed(data: dict[str, Any], key: str, kind: type) -> Any:
    value = data.get(key)
    # True is an int for Python, and is none here.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise DumpError(f'"{key}" is missing or no {kind.__name__}')
    return value


def _number(text: object, end: int = WORD_END) -> int:
    if not isinstance(text, str) or not re.fullmatch(r"0x[0-9a-fA-F]{1,17}", text):
        raise DumpError(f"{text!r} is no hexadecimal number")
    if int(text, 16) >= end:
        raise DumpError(f"{text} is too large")
    return int(text, 16)


def _frame(text: object) -> int:
    frame = _number(text)
    if frame & ~FRAME_MASK:
        raise DumpError(f"{text} is no address of a table")
    return frame


def _runs(table: object, rows: object) -> tuple[EntryRun, ...]:
    """The runs of a table, in order and apart from each other."""
    runs, end = [], 0
    for row in rows if isinstance(rows, list) else [None]:
        if not isinstance(row, list) or len(row) != 4 or {type(row[0]), type(row[1])} != {int}:
            raise DumpError(f"table {table}: {row!r} is not [first, count, bits, step]")
        run = EntryRun(row[0], row[1], _number(row[2]), _number(row[3]))
        if run.first < end or run.count < 1 or run.first + run.count > ENTRIES:
            raise DumpError(f"table {table}: entries {row[0]} + {row[1]} are out of place")
        if run.entry(run.first + run.count - 1) >= WORD_END:
            raise DumpError(f"table {table}: the run at {row[0]} leaves 64 bits")
        runs.append(run)
        end = run.first + run.count
    return tuple(runs)


def _name(row: object) -> NamedRange:
    if not isinstance(row, list) or len(row) != 3 or not isinstance(row[2], str):
        raise DumpError(f"{row!r} is not [start, end, name]")
    return NamedRange(_number(row[0]), _number(row[1], WORD_END + 1), row[2])
