"""Page tables made up for the tests of what reads and draws them."""

from __future__ import annotations

from harness.machine.named_range import NamedRange
from harness.pages.dump import GLOBAL, HUGE, NO_EXECUTE, PAT_HUGE, PRESENT, USER, WRITABLE
from harness.pages.snapshot import Snapshot, read_tables

Memory = dict[int, dict[int, int]]
TABLE = PRESENT | WRITABLE | USER
DATA = PRESENT | WRITABLE | NO_EXECUTE
ROOT = 0x1000
ABSENT = 0x1234_0000

# Pages of each size, a recursive slot, an entry that is not present and one that names no memory.
FOUR: Memory = {
    0x1000: {
        0: 0x2000 | TABLE, 256: 0x5000 | TABLE, 257: 0x6000 | TABLE, 300: 0x9000 | TABLE,
        510: 0x1000 | DATA, 511: ABSENT,
    },
    0x2000: {0: 0x3000 | TABLE},
    0x3000: {0: 0x4000 | PRESENT | USER},
    0x4000: {1: 0x11000 | DATA, 2: 0x12000 | DATA, 3: 0x13000 | DATA, 5: 0x20000 | PRESENT | USER},
    0x5000: {at: at << 30 | DATA | HUGE | GLOBAL for at in range(4)},
    0x6000: {1: 0x7000 | TABLE},
    0x7000: {2: 0x40_0000 | PRESENT | WRITABLE | HUGE | PAT_HUGE},
}
FIVE: Memory = {
    0x1000: {256: 0x2000 | TABLE, 510: 0x1000 | DATA}, 0x2000: {0: 0x3000 | TABLE},
    0x3000: {0: 0x4000 | TABLE}, 0x4000: {1: 0x20_0000 | PRESENT | HUGE | NO_EXECUTE},
}
NAMES = (
    NamedRange(0, 0x20_0000, "identity map"),
    NamedRange(0xFFFF_8000_0000_0000, 0xFFFF_C000_0000_0000, "physical memory"),
    NamedRange(0xFFFF_FFFF_8000_0000, 1 << 64, "kernel image"),
)
SYMBOLS = {"kernel_start": 0xFFFF_FFFF_8020_1000, "kernel_start_late": 0xFFFF_FFFF_8020_1100}


def snapshot(memory: Memory, levels: int = 4, title: str = "made up") -> Snapshot:
    """As the monitor would tell it; no memory is where `memory` says nothing."""

    def read(table: int) -> list[int]:
        return [memory[table].get(at, 0) for at in range(512)] if table in memory else []

    tables, unreadable, complete = read_tables(read, ROOT, levels)
    assert complete
    return Snapshot(title, ROOT, levels, tables, frozenset(unreadable), True, NAMES, SYMBOLS)
