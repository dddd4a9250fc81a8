"""ELF files as the kernel's build and QEMU make them: 64 bits, little-endian.

Nothing in the file is believed before it was compared with the file's size and with what an image or
a core can have: all else raises ElfError.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HEADER = struct.Struct("<16s2HI3QI6H")
SECTION = struct.Struct("<2I4Q2I2Q")
SEGMENT = struct.Struct("<2I6Q")
SYMBOL = struct.Struct("<IBBH2Q")
NOTE = struct.Struct("<3I")
IDENTITY = b"\x7fELF\x02\x01\x01"  # 64 bits, little-endian, version 1
SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_NOTE, SHT_NOBITS = 1, 2, 3, 7, 8
SHF_ALLOC = 2
PT_LOAD, PT_NOTE = 1, 4
SYMBOL_TYPES = ("STT_NOTYPE", "STT_OBJECT", "STT_FUNC")
# More than any image or core has: the work that a file can ask for must not grow without bound.
TEXT_BYTES_MAX = 4096
TABLE_ENTRIES_MAX = 4096
NOTE_BYTES_MAX = 1 << 20
SECTION_BYTES_MAX = 1 << 28
SYMBOLS_MAX = 1 << 20


class ElfError(Exception):
    """The file cannot be read, or is no such ELF file. One line, which begins with its path."""


@dataclass(frozen=True)
class Section:
    name: str
    kind: int
    flags: int
    address: int
    offset: int
    length: int
    link: int


@dataclass(frozen=True)
class Segment:
    kind: int
    offset: int
    virtual_address: int
    physical_address: int
    length: int


@dataclass(frozen=True)
class Symbol:
    name: str
    kind: str
    address: int
    size: int


class ElfFile:
    """The headers of an ELF file. Raises ElfError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            if not path.is_file():
                raise self.fault("is no file" if path.exists() else "is missing")
            self._size = path.stat().st_size
        except (OSError, ValueError) as error:
            raise self.fault(f"cannot be read: {error}") from None
        if self._size < HEADER.size:
            raise self.fault("is no ELF file")
        header = HEADER.unpack(self.read(0, HEADER.size))
        if not header[0].startswith(IDENTITY):
            raise self.fault("is no ELF file of 64 bits, little-endian")
        _, _, _, _, _, segments_at, sections_at, _, _, *counts = header
        segment_size, segment_count, section_size, section_count, names_at = counts
        self.segments = tuple(
            Segment(kind, offset, virtual, physical, length)
            for kind, _, offset, virtual, physical, length, _, _ in self._table(
                SEGMENT, segments_at, segment_size, segment_count)
        )
        rows = self._table(SECTION, sections_at, section_size, section_count)
        self.sections = tuple(self._sections(rows, names_at))

    def fault(self, text: str) -> ElfError:
        return ElfError(f"{self.path} {text}")

    def read(self, offset: int, length: int) -> bytes:
        """These bytes of the file, all of them."""
        if not (0 <= offset <= self._size and 0 <= length <= self._size - offset):
            raise self.fault(f"ends before byte {offset + length:#x}, which its headers speak of")
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                content = file.read(length)
        except OSError as error:
            raise self.fault(f"cannot be read: {error}") from None
        if len(content) != length:
            raise self.fault("was cut short while it was read")
        return content

    def content(self, section: Section) -> bytes:
        """Of a section; nothing if it has no bytes in the file."""
        if section.kind == SHT_NOBITS:
            return b""
        if section.length > SECTION_BYTES_MAX:
            raise self.fault(f"has a section of {section.length} bytes")
        return self.read(section.offset, section.length)

    def section(self, name: str) -> Section | None:
        """The first of that name."""
        return next((section for section in self.sections if section.name == name), None)

    def symbols(self) -> Iterator[Symbol]:
        """Those with a name, of the types in SYMBOL_TYPES."""
        table = next((section for section in self.sections if section.kind == SHT_SYMTAB), None)
        if table is None:
            return
        if (
            table.link >= len(self.sections)
            or table.length % SYMBOL.size
            or table.length > SYMBOLS_MAX * SYMBOL.size
        ):
            raise self.fault("has a damaged symbol table")
        names = self.content(self.sections[table.link])
        for name_at, info, _, _, address, size in SYMBOL.iter_unpack(self.content(table)):
            kind = info & 0xF
            name = self._text(names, name_at)
            if kind < len(SYMBOL_TYPES) and name:
                yield Symbol(name, SYMBOL_TYPES[kind], address, size)

    def notes(self, segment: Segment) -> Iterator[tuple[str, bytes]]:
        """Name and description of each note."""
        if segment.length > NOTE_BYTES_MAX:
            raise self.fault(f"has {segment.length} bytes of notes")
        content = self.read(segment.offset, segment.length)
        at = 0
        while at + NOTE.size <= len(content):
            name_length, length, _ = NOTE.unpack_from(content, at)
            name_at = at + NOTE.size
            start = name_at + -(-name_length // 4) * 4
            if name_at + name_length > len(content) or start + length > len(content):
                raise self.fault("has a note that is longer than its segment")
            name = content[name_at : name_at + name_length].rstrip(b"\0")
            yield _decoded(name), content[start : start + length]
            at = start + -(-length // 4) * 4

    def _table(
        self, entry: struct.Struct, offset: int, entry_size: int, count: int
    ) -> list[tuple[int, ...]]:
        if count == 0:
            return []
        if entry_size != entry.size or count > TABLE_ENTRIES_MAX:
            raise self.fault(f"has a table of {count} headers of {entry_size} bytes")
        return list(entry.iter_unpack(self.read(offset, count * entry.size)))

    def _sections(self, rows: list[tuple[int, ...]], names_at: int) -> Iterator[Section]:
        if not rows:
            return
        if names_at >= len(rows):
            raise self.fault("has no names for its sections")
        if rows[names_at][5] > SECTION_BYTES_MAX:
            raise self.fault("has too many names for its sections")
        names = self.read(rows[names_at][4], rows[names_at][5])
        for name_at, kind, flags, address, offset, length, link, *_ in rows:
            yield Section(self._text(names, name_at), kind, flags, address, offset, length, link)

    def _text(self, names: bytes, at: int) -> str:
        end = names.find(b"\0", at, at + TEXT_BYTES_MAX)
        if at >= len(names) or end < 0:
            raise self.fault(f"has no name at {at:#x} of its names")
        return _decoded(names[at:end])


def _decoded(name: bytes) -> str:
    return name.decode("ascii", errors="backslashreplace")
