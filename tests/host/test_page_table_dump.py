"""The dump of page tables, from tables made up here."""

from __future__ import annotations

from harness.pages.dump import HUGE, NO_EXECUTE, PRESENT, USER, WRITABLE, dump

Memory = dict[int, dict[int, int]]
TABLE = PRESENT | WRITABLE | USER


def told(memory: Memory, levels: int = 4) -> list[str]:
    """The lines after the heading, for tables whose root is at 0x1000."""

    def read(table: int) -> list[int]:
        return [memory[table].get(index, 0) for index in range(512)]

    heading, *lines = dump(read, 0x1000, levels).splitlines()
    assert heading == f"root 0x1000, {levels} levels"
    return lines


def test_pages_that_follow_each_other_are_one_line() -> None:
    leaf = PRESENT | WRITABLE
    memory = {
        0x1000: {0: 0x2000 | TABLE}, 0x2000: {0: 0x3000 | TABLE}, 0x3000: {0: 0x4000 | TABLE},
        0x4000: {1: 0x7000 | leaf, 2: 0x8000 | leaf, 3: 0x8000 | leaf, 4: 0x9000 | PRESENT},
    }
    assert told(memory) == [
        "0000000000001000-0000000000002fff  4K x 2     -> 0000000000007000 rwx-",
        "0000000000003000-0000000000003fff  4K x 1     -> 0000000000008000 rwx-",
        "0000000000004000-0000000000004fff  4K x 1     -> 0000000000009000 r-x-",
    ]


def test_what_a_table_forbids_stays_forbidden() -> None:
    leaf = PRESENT | WRITABLE | USER
    memory = {
        0x1000: {511: 0x2000 | PRESENT | USER, 0: 0x2000 | TABLE | NO_EXECUTE},
        0x2000: {0: 0x4000_0000 | leaf | HUGE},
    }
    assert told(memory) == [
        "0000000000000000-000000003fffffff  1G x 1     -> 0000000040000000 rw-u",
        "ffffff8000000000-ffffff803fffffff  1G x 1     -> 0000000040000000 r-xu",
    ]


def test_five_levels_and_a_2m_page() -> None:
    memory = {
        0x1000: {256: 0x2000 | TABLE}, 0x2000: {0: 0x3000 | TABLE}, 0x3000: {0: 0x4000 | TABLE},
        0x4000: {1: 0x20_0000 | PRESENT | HUGE | NO_EXECUTE},
    }
    assert told(memory, 5) == [
        "ff00000000200000-ff000000003fffff  2M x 1     -> 0000000000200000 r---"
    ]


def test_a_root_that_names_itself_is_not_entered() -> None:
    assert told({0x1000: {510: 0x1000 | TABLE}}) == []
