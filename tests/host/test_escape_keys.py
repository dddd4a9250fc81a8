"""Keys for the guest and keys for the runner."""

from __future__ import annotations

import pytest

from harness.terminal.escape_keys import Command, EscapeKeys


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        (b"", []),
        (b"walk 0\r", [b"walk 0\r"]),
        ("é\x00\xff\x03".encode("latin-1"), [b"\xe9\x00\xff\x03"]),
        (b"\x14x", [Command.LEAVE]),
        (b"a\x14Xb", [b"a", Command.LEAVE, b"b"]),
        (b"\x14\x18", [Command.LEAVE]),
        (b"\x14\x14", [b"\x14"]),
        (b"\x14\x14x", [b"\x14x"]),
        (b"\x14\x14\x14x", [b"\x14", Command.LEAVE]),
        (b"\x14h\x14?\x14H", [Command.HELP] * 3),
        (b"\x14c\x14\x03\x14C", [Command.MONITOR] * 3),
        (b"\x14q\x14\xffx", [Command.WRONG, Command.WRONG, b"x"]),
    ],
)
def test_keys_are_told_apart_in_whatever_pieces_they_come(
    typed: bytes, found: list[bytes | Command]
) -> None:
    assert EscapeKeys().feed(typed) == found
    keys = EscapeKeys()
    one_by_one: list[bytes | Command] = []
    for byte in typed:
        for part in keys.feed(bytes([byte])):
            if isinstance(part, bytes) and one_by_one and isinstance(one_by_one[-1], bytes):
                one_by_one[-1] += part
            else:
                one_by_one.append(part)
    assert one_by_one == found
