"""The prompt of normal mode as such: wrong input, editing, completion, keyboard, screen, runner."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import pytest

from machines import ROOT
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
from qemu_process import Monitor
from verdict import EXIT_PASS

WRONG_INPUT = [
    ("wlak 0", 'no command "wlak"; did you mean walk?'),
    ("xyzzy", 'no command "xyzzy"; `help` lists them'),
    ("help wlak", 'no command "wlak"; did you mean walk?'),
    ("walk", "usage: walk ADDR"),
    ("walk 1 2", "usage: walk ADDR"),
    ("maps 1", "usage: maps "),
    ("1 2 3 4 5 6 7 8 9", "too many words: a command has at most 7 arguments"),
    ("walk 0xzz", '"0xzz": not a number: write 4096, 0x1000, 0o001_000, 4K, 2MiB or 1G'),
    ("walk monitor_rnu",
     '"monitor_rnu": neither a number nor a known name; did you mean monitor_run?'),
    ("walk 0x10000000000000000", '"0x10000000000000000": out of range: an address has 64 bits'),
    ("map 0x1000 0x5000", "map: the page is already mapped: unmap it first"),
    ("map 0x7000000000 0x5001", "map: page and frame must be multiples of the page size"),
    ("map 0x7000000000 0x5000 12", '"12": a size is a multiple of 4K, and not 0'),
    ("unmap 0x7000000000", "0x7000000000: not mapped"),
    ("unmap physical+4100K", "0xffff800000401000 is inside the 2 MiB page at 0xffff800000400000: "
                          "name that one, or `split` it"),
    ("split 0xb8000", "split 0x0: the page is split already"),
    ("merge 0xb8000 4M", '"4M": a huge page has 2M or 1G'),
    ("protect 0xb8000", "usage: protect VA [SIZE] FLAGS [force]"),
    ("protect 0xb8000 4K", "which permissions? r, rw, rx and so on"),
    ("write 0xb8000 0x100 1", "0x100 does not fit in 1 byte"),
    ("write 0xb8000 1 3", '"3": 1, 2, 4 or 8 bytes can be written'),
    ("write 0xb8000 force", "which value is to be written?"),
    ("read 0xb8000 1M", '"1M": at most 4K bytes are dumped'),
    ("alloc 3M", '"3M": a block is a power of two from 4K to 1G'),
    ("free 0x200000", "free 0x200000: foreign frame: this source does not hand it out"),
    ("access fixde", '"fixde": expected offset, fixed, identity, temporary or recursive; '
                     "did you mean fixed?"),
    ("claims X9", 'no claim "X9"; `claims` lists them; did you mean X6?'),
    ("exit 128", '"128": a code is 0 to 127'),
]
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
        assert session.one("translate text").startswith("0xffffffff80201000 -> 0x201000")


def test_the_history_is_at_the_arrow_keys() -> None:
    up, down = "\x1b[A", "\x1b[B"
    with Session() as session:
        first, second = session.one("translate 0x1000"), session.one("translate 0x2000")
        assert session.one(up) == second
        assert session.one(up * 2) == first
        assert session.one(f"translate 0{up}{down}") == session.one("translate 0")


def test_tab_completes_commands_and_arguments() -> None:
    with Session() as session:
        assert session.one("tra\t0xb8000").startswith("0xb8000 -> 0xb8000")
        assert session.one("translate monitor_ru\t").startswith("0xffffffff80")
        assert session.ask("access te\t") == ["page tables are now reached by access=temporary"]
        assert session.ask("claims L\t")[0].startswith("L1: ")
        session.child.send("ma\t")
        session.child.expect_exact("map")
        session.child.send("\t")  # nothing can be added: what could follow is listed
        session.child.expect_exact("maps  map  ")
        session.child.expect_exact(f"{PROMPT}map")
        session.child.send("s\r")
        assert len(session.answer()) > 5
        session.child.send("translate \t")
        session.child.expect(r"and \d+ more")


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
        assert 'no command "ALLOC_+"; `help` lists them' in screen.wait_for(PROMPT)


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
