"""Dumps of page tables: what is read from the monitor, kept in a file and refused from one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from harness.pages import snapshot as page_snapshot
from harness.pages.snapshot import (
    DumpError,
    EntryRun,
    from_json,
    load,
    parse_words,
    read_tables,
    registers_of,
    runs_of,
    save,
    to_json,
)
from sample_tables import FIVE, FOUR, TABLE, Memory, snapshot

REGISTERS = "CR0=80010011 CR2=0000000000000000 CR3=0000000000001018 CR4=00001020\n"


def test_the_monitors_words_are_read() -> None:
    text = "0000000000001000: 0x0000000000002067 0xffffffffffffffff\r\n"
    assert parse_words(text) == [0x2067, 0xFFFF_FFFF_FFFF_FFFF]
    assert parse_words("0000007000000000: Cannot access memory\r\n") == []
    assert registers_of(REGISTERS) == (0x1000, 5)
    assert registers_of(REGISTERS.replace("CR4=00001020", "CR4=00000020")) == (0x1000, 4)
    with pytest.raises(DumpError, match="no CR0, CR3 and CR4"):
        registers_of("EAX=0")
    with pytest.raises(DumpError, match="paging is off"):
        registers_of(REGISTERS.replace("CR0=8", "CR0=0"))


def test_each_table_is_read_once_and_at_each_of_its_levels_followed() -> None:
    read: list[int] = []
    memory: Memory = FOUR | {0x7000: FOUR[0x7000] | {9: 0x7000 | TABLE}}

    def words(table: int) -> list[int]:
        read.append(table)
        return [memory[table].get(at, 0) for at in range(512)] if table in memory else []

    tables, unreadable, complete = read_tables(words, 0x1000, 4)
    assert sorted(read) == sorted(set(read)) == sorted([*memory, 0x9000])
    assert (set(tables), unreadable, complete) == (set(memory), {0x9000}, True)


def test_reading_of_rubbish_ends_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_snapshot, "TABLES_MAX", 10)
    tables, _, complete = read_tables(
        lambda table: [(table + at + 1) << 12 & 0xF_FFFF_F000 | TABLE for at in range(512)], 0, 4
    )
    assert (len(tables), complete) == (10, False)


def test_neighbours_of_one_step_are_a_run() -> None:
    words = [0] * 512
    words[3:6] = [0x1003, 0x2003, 0x3003]
    words[6] = 0x3003
    words[10:12] = [5, 5]
    words[511] = 0xFFFF_FFFF_FFFF_FFFF
    assert runs_of(words) == (
        EntryRun(3, 3, 0x1003, 0x1000), EntryRun(6, 1, 0x3003, 0), EntryRun(10, 2, 5, 0),
        EntryRun(511, 1, 0xFFFF_FFFF_FFFF_FFFF, 0),
    )


@pytest.mark.parametrize(("memory", "levels"), [(FOUR, 4), (FIVE, 5), ({0x1000: {}}, 4), ({}, 4)])
def test_a_file_gives_back_what_was_saved(memory: Memory, levels: int, tmp_path: Path) -> None:
    saved = snapshot(memory, levels)
    save(saved, tmp_path / "dump.json")
    assert load(tmp_path / "dump.json") == saved
    for table, entries in memory.items():
        words = saved.entries(table)
        assert {at: word for at, word in enumerate(words) if word} == entries


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"format": "other"}, '"format" is not'),
    ({"version": 2}, "version 2 of the format"),
    ({"title": 7}, '"title" is missing or no str'),
    ({"levels": 3}, "3 levels"),
    ({"levels": True}, '"levels" is missing or no int'),
    ({"root": "0x2000"}, "the root 0x2000 is not among the tables"),
    ({"root": 4096}, "4096 is no hexadecimal number"),
    ({"root": "0x1001"}, "0x1001 is no address of a table"),
    ({"tables": []}, '"tables" is missing or no dict'),
    ({"tables": {"0x1000": 5}}, "is not [first, count, bits, step]"),
    ({"tables": {"0x1000": [["0", 1, "0x1", "0x0"]]}}, "is not [first, count, bits, step]"),
    ({"tables": {"0x1000": [[0, 513, "0x1", "0x0"]]}}, "0 + 513 are out of place"),
    ({"tables": {"0x1000": [[5, 1, "0x1", "0x0"], [4, 1, "0x1", "0x0"]]}}, "4 + 1 are out of"),
    ({"tables": {"0x1000": [[0, 2, "0xffffffffffffffff", "0x1000"]]}}, "leaves 64 bits"),
    ({"tables": {"0x1000": [[0, 1, "0x1ffffffffffffffff", "0x0"]]}}, "is too large"),
    ({"names": [["0x0", "0x1"]]}, "is not [start, end, name]"),
    ({"symbols": {"main": "here"}}, "'here' is no hexadecimal number"),
    ({"complete": 1}, '"complete" is missing or no bool'),
]


@pytest.mark.parametrize(("change", "message"), BROKEN, ids=[message for _, message in BROKEN])
def test_a_broken_dump_is_refused_in_one_line(change: dict[str, Any], message: str) -> None:
    data = to_json(snapshot({0x1000: {}})) | change
    with pytest.raises(DumpError, match=re.escape(message)) as caught:
        from_json(data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", sorted(set(to_json(snapshot({0x1000: {}})))))
def test_a_dump_without_one_of_its_parts_is_refused(key: str) -> None:
    data = to_json(snapshot({0x1000: {}}))
    del data[key]
    with pytest.raises(DumpError):
        from_json(data)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "dump.json:1: not JSON: "), (b"\xff", "dump.json: not UTF-8"),
        (b"[]", 'dump.json: no dump of page tables: "format" is not'),
        (b"[" * 100_000, "dump.json: "), (json.dumps("x").encode(), "dump.json: no dump"),
    ],
)
def test_a_file_that_is_no_dump_is_named(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "dump.json"
    path.write_bytes(content)
    with pytest.raises(DumpError, match=message):
        load(path)
    with pytest.raises(DumpError, match="none.json: No such file"):
        load(tmp_path / "none.json")
