"""ELF files that are made up for tests."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from harness.image.elf_file import SHT_STRTAB

HEADER_SIZE = SECTION_SIZE = 64
# Name, kind, flags, address, content.
MadeSection = tuple[bytes, int, int, int, bytes]


def write_elf(path: Path, sections: Sequence[MadeSection]) -> Path:
    """An ELF file of 64 bits with these sections, and one for their names."""
    text = b"\0" + b"".join(name + b"\0" for name, *_ in sections) + b".shstrtab\0"
    content, table = b"", bytes(SECTION_SIZE)
    for name, kind, flags, address, body in (*sections, (b".shstrtab", SHT_STRTAB, 0, 0, text)):
        place = (address, HEADER_SIZE + len(content), len(body))
        name_at = text.index(b"\0" + name + b"\0") + 1
        table += struct.pack("<IIQQQQIIQQ", name_at, kind, flags, *place, 0, 0, 1, 0)
        content += body
    count = len(sections) + 2
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQI", 2, 62, 1, 0, 0, HEADER_SIZE + len(content), 0)
    header += struct.pack("<HHHHHH", HEADER_SIZE, 0, 0, SECTION_SIZE, count, count - 1)
    path.write_bytes(header + content + table)
    return path
