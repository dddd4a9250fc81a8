"""The page tables of a stopped machine, read through QEMU's monitor and told as ranges.

    0000000000001000-0000000000200000  4K x 511   -> 0000000000001000 rw-

Knows nothing of the kernel: only what Intel SDM volume 3, 4.5 says about the entries.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

# The 512 entries of the table at a physical address.
ReadTable = Callable[[int], list[int]]

ENTRIES = 512
PRESENT, WRITABLE, USER, HUGE, NO_EXECUTE = 1 << 0, 1 << 1, 1 << 2, 1 << 7, 1 << 63
FRAME_MASK = 0x000F_FFFF_FFFF_F000
CR4_LA57 = 1 << 12
LEAVES = {1: "4K", 2: "2M", 3: "1G"}
LIMIT_S = 5.0


@dataclass(frozen=True)
class Run:
    """Pages of one size that follow each other, in memory too, with the same permissions."""

    start: int
    frame: int
    level: int
    permissions: str
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


def registers_of(text: str) -> tuple[int, int]:
    """Root table and number of levels, from the monitor's `info registers`. ValueError without."""
    found = {name: re.search(rf"\b{name}=([0-9a-f]+)", text) for name in ("CR3", "CR4")}
    if found["CR3"] is None or found["CR4"] is None:
        raise ValueError("no CR3 and CR4 among the registers")
    levels = 5 if int(found["CR4"][1], 16) & CR4_LA57 else 4
    return int(found["CR3"][1], 16) & FRAME_MASK, levels


def parse_words(text: str) -> list[int]:
    """The values in the answer to `xp /512gx ADDRESS`."""
    return [int(word, 16) for word in re.findall(r"0x([0-9a-f]{16})\b", text)]


def leaves(read: ReadTable, root: int, levels: int) -> Iterator[Run]:
    """Each leaf, in the order of addresses. A table that names one above itself is not entered."""
    deadline = time.monotonic() + LIMIT_S

    def walk(
        table: int, level: int, start: int, above: tuple[int, ...], rights: int
    ) -> Iterator[Run]:
        if time.monotonic() > deadline:
            raise TimeoutError
        for index, entry in enumerate(read(table)):
            address = start + (index << shift(level))
            frame = entry & FRAME_MASK
            # What a level forbids stays forbidden: rights has NO_EXECUTE inverted.
            allowed = rights & (entry ^ NO_EXECUTE)
            if not entry & PRESENT:
                continue
            if level == 1 or (level <= 3 and entry & HUGE):
                base = frame & -(1 << shift(level))
                yield Run(_canonical(address, levels), base, level, _permissions(allowed))
            elif frame not in above:
                yield from walk(frame, level - 1, address, (*above, frame), allowed)

    return walk(root, levels, 0, (root,), WRITABLE | USER | NO_EXECUTE)


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
    same = (last.level, last.permissions) == (run.level, run.permissions)
    return same and place == (run.start, run.frame)


def _canonical(address: int, levels: int) -> int:
    bits = shift(levels) + 9
    return address | (~0 << bits & 0xFFFF_FFFF_FFFF_FFFF) if address >> (bits - 1) & 1 else address


def _permissions(allowed: int) -> str:
    letters = (("u", USER), ("w", WRITABLE), ("x", NO_EXECUTE))
    return "r" + "".join(letter if allowed & bit else "-" for letter, bit in letters)
