"""A serial log as text for people."""

from __future__ import annotations

import re

TERMINAL_ESCAPE = re.compile(rb"\x1b\[[0-9;=?]*[A-Za-z]")


def text_lines(serial: bytes) -> list[str]:
    """The log for people: without the firmware's terminal escapes, other odd bytes as \\xNN."""
    lines = [TERMINAL_ESCAPE.sub(b"", line).strip(b"\r") for line in serial.split(b"\n")]
    if not lines[-1]:
        lines.pop()
    return ["".join(_printable(byte) for byte in line) for line in lines]


def _printable(byte: int) -> str:
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}"
