"""Entries in words and walks, on tables made up here from the manual's pictures."""

from __future__ import annotations

import pytest

from harness.pages.entry import Entry, is_canonical, tables, walk

P, W, U, A, D, PS, G, PAT_HUGE, NX = 1, 2, 4, 1 << 5, 1 << 6, 1 << 7, 1 << 8, 1 << 12, 1 << 63
TABLE = P | W | U
ROOT = 0x1000

Tables = dict[int, dict[int, int]]


class Memory:
    """Tables by their frames; what is in no table cannot be read."""

    def __init__(self, content: Tables) -> None:
        self.content = content

    def read(self, address: int, length: int) -> bytes:
        frame, first = address & ~0xFFF, (address & 0xFFF) // 8
        entries = (self.content[frame].get(first + at, 0) for at in range(length // 8))
        return b"".join(entry.to_bytes(8, "little") for entry in entries)


FOUR = Memory({
    0x1000: {0: 0x2000 | TABLE, 2: 0x6000 | P | U, 511: 0x5000 | TABLE | NX},
    0x2000: {0: 0x3000 | P | W, 1: 0x4000_0000 | TABLE | PS},
    0x3000: {1: 0x4000 | TABLE, 2: 0x60_0000 | TABLE | PS | PAT_HUGE, 3: 0x2000 | P | PS},
    0x4000: {0: 0x9000 | P | U | A | D | G | PS, 7: 0xA000},
    0x5000: {511: 0x8000_0000 | P | W | PS},
    0x6000: {0: P | W | U | PS},
})


@pytest.mark.parametrize(
    ("bits", "level", "words"),
    [
        (0x9000 | P | W | U | A | D | PS | G, 1, "P W U A D PAT G"),
        (0x60_0000 | P | W | PS | PAT_HUGE, 2, "P W PS PAT"),
        (0x4000_0000 | P | PS | NX, 3, "P PS NX"),
        # In an entry that names a table, dirty and global mean nothing.
        (0x2000 | P | W | D | G, 2, "P W"),
        (P | 3 << 3 | 1 << 9 | 1 << 58, 4, "P PWT PCD soft9 soft58"),
        (P | 5 << 59, 1, "P key5"),
        (P | 5 << 59, 2, "P"),
    ],
)
def test_flags_by_name(bits: int, level: int, words: str) -> None:
    assert Entry(bits, level).flags == words


@pytest.mark.parametrize(
    ("bits", "level", "reserved"),
    [
        (P | PS, 5, PS), (P | PS, 4, PS), (P | PS | 1 << 13, 2, 1 << 13),
        (P | PS | 1 << 29, 3, 1 << 29), (P | PS | PAT_HUGE, 3, 0), (P | PS, 1, 0),
        (P | 1 << 13, 2, 0), (PS, 4, 0),
    ],
)
def test_bits_that_must_be_zero(bits: int, level: int, reserved: int) -> None:
    assert Entry(bits, level).reserved == reserved


@pytest.mark.parametrize(
    ("address", "physical", "steps", "result"),
    [
        (0x20_0123, 0x9123, 4,
         "0x200123 -> 0x9123, 4 KiB page, read-only, executable, kernel only"),
        (0x40_0123, 0x60_0123, 3,
         "0x400123 -> 0x600123, 2 MiB page, writable, executable, kernel only"),
        (0x7FFF_FFFF, 0x7FFF_FFFF, 2,
         "0x7fffffff -> 0x7fffffff, 1 GiB page, writable, executable, user and kernel"),
        (1 << 40, 0, 2, "0x10000000000 -> 0x0, 1 GiB page, read-only, executable, user and kernel"),
        (0xFFFF_FFFF_FFFF_FFFF, 0xBFFF_FFFF, 2,
         "0xffffffffffffffff -> 0xbfffffff, 1 GiB page, writable, no-execute, kernel only"),
        (0x20_7000, None, 4, "0x207000 is not mapped: the level-1 entry is not present"),
        (0x60_0000, None, 3, "0x600000 is not mapped: the level-2 entry has reserved bits set"),
        (0x8000_0000, None, 2, "0x80000000 is not mapped: the level-3 entry is not present"),
        (1 << 39, None, 1, "0x8000000000 is not mapped: the level-4 entry is not present"),
    ],
)
def test_walk_with_four_levels(address: int, physical: int, steps: int, result: str) -> None:
    told = walk(FOUR.read, ROOT, 4, address)
    assert (told.physical, len(told.steps), told.result) == (physical, steps, result)


def test_a_step_says_where_its_entry_is() -> None:
    lines = [str(step) for step in walk(FOUR.read, ROOT, 4, 0x20_0000).steps]
    assert lines == [
        "level 4 [  0] of 0x1000: 0x0000000000002007 -> table 0x2000 P W U",
        "level 3 [  0] of 0x2000: 0x0000000000003003 -> table 0x3000 P W",
        "level 2 [  1] of 0x3000: 0x0000000000004007 -> table 0x4000 P W U",
        "level 1 [  0] of 0x4000: 0x00000000000091e5 -> page 0x9000 P U A D PAT G",
    ]


def test_the_last_step_says_why_it_is_the_last() -> None:
    missing = walk(FOUR.read, ROOT, 4, 0x20_7000).last
    assert str(missing) == "level 1 [  7] of 0x4000: 0x000000000000a000 not present"
    broken = walk(FOUR.read, ROOT, 4, 0x60_0000).last
    assert str(broken).endswith(": 0x0000000000002081 reserved bits are set: 0x2000")


def test_walk_with_five_levels_begins_one_higher() -> None:
    five = Memory({**FOUR.content, 0x7000: {511: ROOT | TABLE}})
    told = walk(five.read, 0x7000, 5, 0xFFFF_0000_0020_0123)
    assert (told.physical, [step.entry.level for step in told.steps]) == (0x9123, [5, 4, 3, 2, 1])


@pytest.mark.parametrize(
    ("levels", "last_low"), [(4, 0x7FFF_FFFF_FFFF), (5, 0xFF_FFFF_FFFF_FFFF)]
)
def test_an_address_in_the_gap_is_refused(levels: int, last_low: int) -> None:
    first_high = (1 << 64) - 1 - last_low
    for good in (0, last_low, first_high, (1 << 64) - 1):
        assert is_canonical(good, levels)
    for bad in (last_low + 1, first_high - 1):
        assert not is_canonical(bad, levels)
        with pytest.raises(ValueError, match="not canonical"):
            walk(FOUR.read, ROOT, levels, bad)


def test_each_table_is_told_once_and_a_recursive_entry_as_such() -> None:
    memory = Memory({
        0x1000: {0: 0x2000 | TABLE, 511: ROOT | TABLE}, 0x2000: {4: 0x3000 | TABLE},
        0x3000: {1: P | PS, 2: 0x4000 | TABLE}, 0x4000: {},
    })
    assert [str(table) for table in tables(memory.read, ROOT, 4)] == [
        "  level 4 at 0x1000, for 0x0 on: 2 tables",
        "    level 3 at 0x2000, for 0x0 on: 1 table",
        "      level 2 at 0x3000, for 0x100000000 on: 1 table, 1 page",
        "        level 1 at 0x4000, for 0x100400000 on: empty",
        "    level 3 at 0x1000 again, for 0xffffff8000000000 on: recursive",
    ]
