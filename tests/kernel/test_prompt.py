"""The prompt of normal mode as such: wrong input, editing, completion, keyboard, screen, runner."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import pytest

from assay.tree import ROOT
from monitor_session import (
    COMMANDS,
    PROMPT,
    Screen,
    Session,
    expect_end,
    expect_prompt,
    press,
    spawn,
)
from harness.qemu.monitor import Monitor
from harness.verdict.verdict import EXIT_PASS
from wrong_input import WRONG_INPUT

def test_wrong_input_gets_one_line_that_helps() -> None:
    with Session() as session:
        for line, answer in WRONG_INPUT:
            assert (line, session.ask(line)) == (line, [answer])


@pytest.mark.parametrize(("document", "count"), [("monitor.md", 4), ("paging.md", 3)])
def test_what_the_documents_show_is_what_the_prompt_says(document: str, count: int) -> None:
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    blocks = re.findall(rf"```\n({PROMPT}.*?)```", text, re.DOTALL)
    assert len(blocks) >= count
    with Session() as session:
        for exchange in "".join(blocks).split(PROMPT)[1:]:
            line, *answer = exchange.rstrip("\n").split("\n")
            assert (line, session.ask(line)) == (line, answer)


def test_an_empty_line_gets_a_new_prompt() -> None:
    with Session() as session:
        assert session.ask("") == []
        assert session.ask("   ") == []


def test_lines_can_be_edited() -> None:
    left, home, end, delete = "\x1b[D", "\x1b[H", "\x1bOF", "\x1b[3~"
    expected = "0xb8000 -> 0xb8000, 4 KiB page, rw-- [first 2 MiB, identity]"
    lines = [
        "translate 0xb8001\x7f0",
        f"ranslate 0xb8000{home}t",
        f"translate 0xb8{left}{left}{end}000",
        f"xtranslate 0xb8000\x01{delete}",
        "walk 0\x15translate 0xb8000",
        "translate 0xb8 0xffff\x17\x17 0xb8000",
        f"translate 0xb8000 x{left}{left}\x0b",
        f"translat 0xb8000{left * 8}e\x05",
    ]
    with Session() as session:
        for line in lines:
            assert session.ask(line) == [expected], line


def test_a_line_can_be_given_up() -> None:
    with Session() as session:
        session.child.send("unmap text force\x03")
        assert session.answer() == []
        assert session.one("translate text").startswith("0xffffffff80200000 -> 0x200000")


def test_the_history_is_at_the_arrow_keys() -> None:
    up, down = "\x1b[A", "\x1b[B"
    with Session() as session:
        first, second = session.one("translate 0x1000"), session.one("translate 0x2000")
        assert session.one(up) == second
        assert session.one(up * 2) == first
        assert session.one(f"translate 0{up}{down}") == session.one("translate 0")


def test_a_line_that_is_not_ascii_is_refused_whole() -> None:
    with Session() as session:
        refused = "the line has characters that are not ASCII, shown as ?; nothing was done"
        assert session.one("map 0 0xb8000 \u00e9") == refused
        assert "not mapped" in session.one("translate 0")
        session.child.send("translate \u65e5")
        session.child.expect_exact("translate ?")
        assert session.one("\x7f0xb8000").startswith("0xb8000 -> 0xb8000, ")


def test_force_is_offered_only_where_it_does_something() -> None:
    with Session() as session:
        for line, answer in WRONG_INPUT:
            if "`force` at the end does" in answer and line.startswith("map"):
                assert session.one(f"{line} force").startswith("0x"), line


def test_tab_completes_commands_and_arguments() -> None:
    with Session() as session:
        assert session.one("tra\t0xb8000").startswith("0xb8000 -> 0xb8000")
        assert session.one("translate monitor_ru\t").startswith("0xffffffff80")
        assert session.ask("access te\t") == ["page tables are now reached by access=temporary"]
        assert session.ask("claims L\t")[0].startswith("L1: ")
        assert session.one("map 0 ne\tpag\t4\t r\x7f").startswith("0x0 -> 0x")
        assert session.ask("test map_to.refuses_a_page_that_is_ma\t")[0].startswith("KTAP")
        session.child.send("ma\t")
        session.child.expect_exact("map")
        assert candidates(session) == ["map", "maps"]  # nothing can be added
        session.child.send("s\r")
        assert len(session.answer()) > 5


def candidates(session: Session) -> list[str]:
    """What Tab lists, when the word before the cursor cannot be added to."""
    session.child.send("\t")
    session.child.expect("\r+\n((?:[^\r\n]+\r+\n)+)assay> ")
    assert session.child.match is not None
    rows = [row.split() for row in session.child.match[1].splitlines()]
    assert all(len(row) == 1 or sum(map(len, row)) < 80 for row in rows)
    return [word for row in rows for word in row]


@pytest.mark.parametrize(
    ("typed", "listed"),
    [
        ("alloc ", ["1G", "2M", "4K"]),
        ("unmap 0 ", ["1G", "2M", "4K", "force"]),
        ("unmap 0 4K ", ["force"]),
        ("merge 0 ", ["1G", "2M"]),
        ("map 0 0 2M pages=", ["pages=1G", "pages=2M", "pages=4K"]),
        ("write 0 0 1 ", ["force"]),
        ("access ", ["fixed", "identity", "offset", "recursive", "temporary"]),
        ("help m", ["map", "maps", "memmap", "merge"]),
    ],
)
def test_what_could_follow_is_listed_once_and_in_order(typed: str, listed: list[str]) -> None:
    with Session() as session:
        session.child.send(typed)
        if len(listed) == 1:  # there is no choice
            session.child.send("\t")
            session.child.expect_exact(f"{typed}{listed[0]} ")
        else:
            assert candidates(session) == listed


def test_names_of_several_functions_are_listed_once() -> None:
    with Session() as session:
        session.child.send("walk p")
        listed = candidates(session)
        names, more = listed[: listed.index("and")], listed[listed.index("and") :]
        assert len(names) == 40 and names == sorted(set(names))
        assert re.fullmatch(r"and \d+ more: type another letter", " ".join(more))


@pytest.mark.parametrize("typed", ["walk ", "unmap "])
def test_what_an_address_can_be_is_listed_without_the_functions(typed: str) -> None:
    with Session() as session:
        names = [line.split()[1] for line in session.ask("layout") if line[34] != " "]
        session.child.send(typed)
        listed = " ".join(candidates(session))
        shown, _, others = listed.partition(" and ")
        assert {"cr2", "cr3", "rsp", "text", "stack", *names} == set(shown.split())
        assert others == "functions (type a letter first), numbers such as 0x1000, and sums"


def test_bytes_on_both_sides_of_the_end_of_canonical_addresses_are_told_as_such() -> None:
    last = "the last are not canonical"
    with Session() as session:
        assert session.one("map 0x7ffffffff000 new").startswith("0x7ffffffff000 -> ")
        for line, first, end in [
            ("read 0x7ffffffffffc", "0x7ffffffffffc", "0x800000000003"),
            ("read 0x7ffffffffff9 16", "0x7ffffffffff9", "0x800000000008"),
            ("write 0x7ffffffffffd 1 4", "0x7ffffffffffd", "0x800000000000"),
        ]:
            said = f"general protection fault: of the bytes from {first} to {end} {last}"
            assert session.one(line) == said
        assert session.one("read 0x7ffffffffff8").startswith("0x7ffffffffff8: ")


def test_the_screen_of_the_terminal_can_be_cleared() -> None:
    with Session() as session:
        session.child.send("walk\x0c")
        session.child.expect_exact(f"\x1b[H\x1b[2J{PROMPT}walk")


def test_the_end_of_input_leaves_the_terminal_prompt() -> None:
    with Session() as session:
        session.child.send("\x04")
        assert session.end() == EXIT_PASS


def test_commands_can_be_typed_and_read_at_the_machine_itself(tmp_path: Path) -> None:
    with Screen(tmp_path) as screen:
        screen.type("translate 0xb8000")
        screen.press("ret")
        rows = [row for row in screen.wait_for(PROMPT) if row]
        assert rows[-3:] == [
            f"{PROMPT}translate 0xb8000",
            "0xb8000 -> 0xb8000, 4 KiB page, rw-- [first 2 MiB, identity]",
            PROMPT.rstrip(),
        ]
        screen.type("mapss")
        screen.press("backspace")
        screen.wait_for(f"{PROMPT}maps")
        screen.press("home")
        screen.press("delete")
        screen.wait_for(f"{PROMPT}aps")
        screen.press("ctrl", "k")
        screen.wait_for(PROMPT)
        screen.press("up")
        screen.wait_for(f"{PROMPT}translate 0xb8000")
        screen.press("ctrl", "c")
        screen.wait_for(PROMPT)
        screen.press("ctrl", "l")
        deadline = time.monotonic() + 10
        while [row for row in screen.rows() if row] != [PROMPT.rstrip()]:
            assert time.monotonic() < deadline
        screen.type("help")
        screen.press("ret")
        assert [row.split()[0] for row in screen.wait_for(PROMPT)[:24]] == COMMANDS[1:]
        screen.type("ALLOC_+")
        screen.press("ret")
        assert 'no command "ALLOC_+"; did you mean alloc?' in screen.wait_for(PROMPT)


def test_the_keyboard_works_where_no_firmware_has_set_it_up(tmp_path: Path) -> None:
    with Session(qmp=tmp_path / "qmp") as session, Monitor(tmp_path / "qmp") as monitor:
        for key in ("c", "p", "u", "ret"):
            press(monitor, key)
        assert session.answer()[0].endswith("bits of physical address, 4 levels of page tables")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_a_prompt_without_input_leaves_the_processor_alone(tmp_path: Path) -> None:
    with Screen(tmp_path) as screen:
        time.sleep(0.3)
        before = cpu_seconds(screen.qemu.pid)
        time.sleep(1.0)
        assert cpu_seconds(screen.qemu.pid) - before < 0.25
        screen.type("cpu")  # it is not asleep for ever


@pytest.mark.parametrize(("keys", "status"), [("exit\r", 0), ("exit 1\r", 1), ("\x14x", 0)])
def test_run_on_a_terminal_leaves_a_prompt_and_says_how_to_leave(keys: str, status: int) -> None:
    runner = str(ROOT / "scripts" / "qemu_runner.py")
    child = spawn([sys.executable, runner, "run", "--boot", "pvh"])
    try:
        child.expect_exact("Ctrl-T X leaves QEMU.")
        expect_prompt(child)
        child.send("walk\x03")  # for the prompt, not for QEMU
        assert expect_prompt(child)[0].endswith("walk^C")
        child.send("translate 0xb8000\r")
        assert expect_prompt(child)[1].startswith("0xb8000 -> 0xb8000, ")
        child.send(keys)
        assert expect_end(child) == status
    finally:
        child.close(force=True)
