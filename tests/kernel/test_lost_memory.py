"""What the kernel says when it has lost memory that it needs: always something, and then it stops."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pexpect  # type: ignore[import]
import pytest

from monitor_session import PROMPT, Session
from harness.verdict.verdict import EXIT_PANIC

THE_END = "The kernel has stopped."
# An address, as the report and the bare facts have it.
NUMBER = r"0x[0-9a-f]+"
BARE = rf"EXCEPTION: vector 0xe  error code {NUMBER}  rip 0xffffffff8[0-9a-f]+  cr2 {NUMBER}\n"
BARE_TWICE = (BARE, rf"  while it was reported: vector 0xe  error code {NUMBER}  rip {NUMBER}  cr2 ")


@dataclass(frozen=True)
class Loss:
    """lines: typed one after another; the last ends the kernel. says: patterns, in this order."""

    lines: tuple[str, ...]
    says: tuple[str, ...]
    words: str = ""
    profile: str = "fast"


FULL = (r"EXCEPTION: PAGE FAULT\n  accessed address ", r"  rip [0-9a-f]{16}  rsp ", "  backtrace:\n")
WALK = (*FULL, rf"  walk of {NUMBER} from CR3 ")
NO_WALK = (*FULL, r"\(cannot be shown: PAGE FAULT")
STACK = (
    r"EXCEPTION: DOUBLE FAULT\n  last page fault   0xffffd0000",
    r"a call waits for it, but to go on there is a PAGE FAULT",
    r"  rip [0-9a-f]{16}  rsp ffffd0000",
    r"\(cannot be shown: PAGE FAULT",
    rf"  walk of {NUMBER} from CR3 ",
)

LOSSES = {
    "the kernel stack": Loss(("unmap stack 64K force",), STACK),
    "the kernel stack, UEFI": Loss(("unmap stack 64K force",), STACK, profile="uefi"),
    "writing to the stack": Loss(
        ("protect stack 64K r force",), (STACK[0], STACK[1], STACK[2], "  backtrace:\n", STACK[4])
    ),
    "the physical map, by which tables are reached": Loss(("unmap physical 4G force", "read 0"), NO_WALK),
    "the pixels": Loss(("unmap framebuffer 2M force",), WALK, profile="uefi"),
    "the VGA screen": Loss(("unmap screen 4K force",), WALK, profile="bios"),
    "the kernel's data": Loss(("unmap data 1M force",), BARE_TWICE),
    "writing to the kernel's data": Loss(("protect data 1M r force",), BARE_TWICE),
    "constants and symbols": Loss(("unmap rodata 64K force",), BARE_TWICE),
    "the window at physical addresses": Loss(
        ("unmap 0x1000 4K force",), NO_WALK, words="access=identity"
    ),
    "the window at an offset": Loss(("unmap fixed 2M force",), NO_WALK, words="access=fixed"),
    "the slots for tables": Loss(
        ("unmap temporary 2M force", "walk 0"), NO_WALK, words="access=temporary"
    ),
    "the slots for tables, five levels": Loss(
        ("unmap temporary 2M force", "walk 0"),
        NO_WALK,
        words="access=temporary paging=5",
        profile="la57",
    ),
}


def end_by(loss: Loss) -> tuple[str, int | None]:
    """What comes from the first line on, and QEMU's status; None if it goes on at a prompt."""
    said = ""
    with Session(loss.words, loss.profile) as session:
        for line in loss.lines:
            session.child.send(f"{line}\r")
            ended = session.child.expect([f"\r+\n{PROMPT}", pexpect.EOF]) == 1
            said += str(session.child.before).replace("\r", "")
            if ended:
                return said, session.end()
    return said, None


@pytest.mark.parametrize("name", LOSSES)
def test_a_kernel_without_some_of_its_memory_says_how_it_ends(name: str) -> None:
    loss = LOSSES[name]
    said, status = end_by(loss)
    assert re.search(".*?".join(loss.says), said, re.DOTALL), said
    assert said.count("EXCEPTION: ") == 1, said
    assert said.rstrip().endswith(THE_END), said
    assert status == EXIT_PANIC
