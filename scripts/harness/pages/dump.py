"""What page tables map, told as ranges.

    0000000000001000-00000000001fffff  4K x 511   -> 0000000000001000 rw--

Knows nothing of the kernel: only what Intel SDM volume 3, 4.5 says about the entries.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

# The 512 entries of the table at a physical address.
ReadTable = Callable[[int], list[int]]

ENTRIES = 512
PRESENT, WRITABLE, USER, HUGE, NO_EXECUTE = 1 << 0, 1 << 1, 1 << 2, 1 << 7, 1 << 63
WRITE_THROUGH, CACHE_DISABLE, GLOBAL = 1 << 3, 1 << 4, 1 << 8
ACCESSED, DIRTY = 1 << 5, 1 << 6
# Bit 7 of a 4 KiB page, bit 12 of a larger one.
PAT_4K, PAT_HUGE = 1 << 7, 1 << 12
FRAME_MASK = 0x000F_FFFF_FFFF_F000
# The rights of an address before any level has taken one away; NO_EXECUTE is inverted in them.
ALL_RIGHTS = WRITABLE | USER | NO_EXECUTE
LEAVES = {1: "4K", 2: "2M", 3: "1G"}
LIMIT_S = 5.0


@dataclass(frozen=True)
class Run:
    """Pages of one size that follow each other, in memory too, with the same permissions.

    flags: the bits of the leaf that are neither its address nor `accessed` and `dirty`.
    """

    start: int
    frame: int
    level: int
    permissions: str
    flags: int
    count: int = 1

    @property
    def length(self) -> int:
        return self.count << shift(self.level)

    def __str__(self) -> str:
        end = self.start + self.length - 1
        size = f"{LEAVES[self.level]} x {self.count}"
        return f"{self.start:016x}-{end:016x}  {size:10} -> {self.frame:016x} {self.permissions}"


def shift(level: int) -> int:
    """Bytes that an entry of `level` covers, as a power of two."""
    return 12 + 9 * (level - 1)


def is_leaf(entry: int, level: int) -> bool:
    """Whether a present entry of a table at `level` maps memory."""
    return level == 1 or (level <= 3 and bool(entry & HUGE))


def target(entry: int, level: int) -> int:
    """The physical address in a present entry: of its page or of the next table."""
    frame = entry & FRAME_MASK
    return frame & -(1 << shift(level)) if is_leaf(entry, level) else frame


def narrowed(rights: int, entry: int) -> int:
    """What `entry` leaves of the rights: what a level forbids stays forbidden."""
    return rights & (entry ^ NO_EXECUTE)


def permissions(rights: int) -> str:
    """`rwxu`, with `-` for what is forbidden."""
    letters = (("w", WRITABLE), ("x", NO_EXECUTE), ("u", USER))
    return "r" + "".join(letter if rights & bit else "-" for letter, bit in letters)


def canonical(address: int, levels: int) -> int:
    """The address with its highest translated bit copied upwards."""
    bits = shift(levels) + 9
    return address | (~0 << bits & 0xFFFF_FFFF_FFFF_FFFF) if address >> (bits - 1) & 1 else address


def page_bits(entry: int, level: int) -> int:
    """The flags of a leaf that the CPU does not change by itself."""
    return entry & ~(FRAME_MASK & -(1 << shift(level))) & ~(ACCESSED | DIRTY)


def flag_names(entry: int, level: int) -> str:
    """The names of the flags that are set in an entry of a table at `level`."""
    known = [
        (PRESENT, "P"), (WRITABLE, "W"), (USER, "U"), (WRITE_THROUGH, "PWT"),
        (CACHE_DISABLE, "PCD"), (ACCESSED, "A"),
    ]
    if is_leaf(entry, level):
        known += [(DIRTY, "D"), (PAT_4K, "PAT") if level == 1 else (HUGE, "PS"), (GLOBAL, "G")]
        known += [(PAT_HUGE, "PAT")] if level > 1 else []
    known += [(NO_EXECUTE, "NX")]
    return " ".join(name for bit, name in known if entry & bit)


def leaves(read: ReadTable, root: int, levels: int) -> Iterator[Run]:
    """Each leaf, in the order of addresses. A table that names one above itself is not entered."""
    deadline = time.monotonic() + LIMIT_S

    def walk(
        table: int, level: int, start: int, above: tuple[int, ...], rights: int
    ) -> Iterator[Run]:
        if time.monotonic() > deadline:
            raise TimeoutError
        for index, entry in enumerate(read(table)):
            if not entry & PRESENT:
                continue
            address = start + (index << shift(level))
            frame, allowed = target(entry, level), narrowed(rights, entry)
            if is_leaf(entry, level):
                page, flags = canonical(address, levels), page_bits(entry, level)
                yield Run(page, frame, level, permissions(allowed), flags)
            elif frame not in above:
                yield from walk(frame, level - 1, address, (*above, frame), allowed)

    return walk(root, levels, 0, (root,), ALL_RIGHTS)


def joined(runs: Iterator[Run]) -> Iterator[Run]:
    """The same with neighbours made one."""
    last: Run | None = None
    for run in runs:
        if last is not None and _follows(last, run):
            last = replace(last, count=last.count + run.count)
            continue
        if last is not None:
            yield last
        last = run
    if last is not None:
        yield last


def dump(read: ReadTable, root: int, levels: int) -> str:
    """One line a run, with a heading. Says so when it had to stop early."""
    lines = [f"root {root:#x}, {levels} levels"]
    try:
        lines.extend(str(run) for run in joined(leaves(read, root, levels)))
    except TimeoutError:
        lines.append(f"... and more: the dump stopped after {LIMIT_S:.0f} s")
    return "\n".join(lines) + "\n"


def _follows(last: Run, run: Run) -> bool:
    place = (last.start + last.length, last.frame + last.length)
    same = (last.level, last.permissions, last.flags) == (run.level, run.permissions, run.flags)
    return same and place == (run.start, run.frame)

