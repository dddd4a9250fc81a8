"""What is typed on the terminal: bytes for the guest, and after Ctrl-T commands to the runner.

Ctrl-T, since no line editor needs it: Ctrl-A, which QEMU has, goes to the start of a line.
"""

from __future__ import annotations

import enum

ESCAPE = 0x14
LEAVE_HINT = "Ctrl-T X leaves QEMU. Ctrl-T H shows the other keys."
HELP = """\
Ctrl-T X       leaves QEMU, whatever the kernel is doing
Ctrl-T C       asks QEMU's monitor: one command, such as `info registers`
Ctrl-T Ctrl-T  types Ctrl-T
Ctrl-T H       shows this
Every other key is for the kernel, Ctrl-C too."""


class Command(enum.Enum):
    LEAVE = "x"
    MONITOR = "c"
    HELP = "h"
    WRONG = ""


KEYS = {
    ord("x"): Command.LEAVE, ord("X") - 0x40: Command.LEAVE,
    ord("c"): Command.MONITOR, ord("C") - 0x40: Command.MONITOR,
    ord("h"): Command.HELP, ord("?"): Command.HELP,
}
UPPER_TO_LOWER = {upper: upper + 0x20 for upper in range(ord("A"), ord("Z") + 1)}


class EscapeKeys:
    """Tells typed bytes apart; they may come in any pieces."""

    def __init__(self) -> None:
        self._escaped = False

    def feed(self, typed: bytes) -> list[bytes | Command]:
        """What was typed, in order: text for the guest, and commands."""
        found: list[bytes | Command] = []
        text = bytearray()
        for byte in typed:
            if not self._escaped and byte == ESCAPE:
                self._escaped = True
            elif self._escaped and byte != ESCAPE:
                self._escaped = False
                found += [bytes(text)] if text else []
                text.clear()
                found.append(KEYS.get(UPPER_TO_LOWER.get(byte, byte), Command.WRONG))
            else:
                self._escaped = False
                text.append(byte)
        return found + ([bytes(text)] if text else [])
