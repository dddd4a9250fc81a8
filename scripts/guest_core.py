"""A core that QEMU's dump-guest-memory has written: physical memory and control registers.

gdb shows a core by virtual addresses; page tables hold physical ones. QEMU's own note, beside
those that every core has, holds the control registers.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from control_registers import ControlRegisters

QEMU_NOTE = "QEMU"
# QEMUCPUState, version 1: version, size; 18 registers, of which the last is RFLAGS; 10 segments of
# 24 bytes; CR0 to CR4. What may follow is of no use here.
STATE = struct.Struct("<2I 17Q Q 240x 5Q")
STATE_VERSION = 1


class CoreError(Exception):
    """The file is no such core, or has not what is asked of it."""


@dataclass(frozen=True)
class Segment:
    """Physical memory [start, start + length) stands in the file at `offset`."""

    start: int
    length: int
    offset: int


class GuestCore:
    """An open core. Raises CoreError for a file that is none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.segments: list[Segment] = []
        self._state = b""
        self._read_headers()
        if not self._state:
            raise CoreError(f"{path} has no note of QEMU's: dump-guest-memory did not write it")

    def _read_headers(self) -> None:
        try:
            from elftools.common.exceptions import ELFError  # type: ignore[import]
            from elftools.elf.elffile import ELFFile  # type: ignore[import]
        except ImportError:
            raise CoreError("pyelftools is missing (Debian package python3-pyelftools)") from None
        try:
            with self.path.open("rb") as file:
                for segment in ELFFile(file).iter_segments():
                    if segment["p_type"] == "PT_LOAD":
                        place = segment["p_paddr"], segment["p_filesz"], segment["p_offset"]
                        self.segments.append(Segment(*place))
                    elif segment["p_type"] == "PT_NOTE":
                        self._take_notes(segment)
        except (ELFError, OSError) as error:
            raise CoreError(f"{self.path} cannot be read as a core: {error}") from None

    def _take_notes(self, segment: object) -> None:
        """Keeps the first CPU's state. iter_notes comes from pyelftools, which has no types."""
        for note in segment.iter_notes():  # type: ignore[attr-defined]
            if note["n_name"] == QEMU_NOTE and not self._state:
                description = note["n_desc"]
                # pyelftools decodes the bytes of a note that it does not know as Latin-1.
                is_text = isinstance(description, str)
                self._state = description.encode("latin-1") if is_text else description

    def registers(self) -> ControlRegisters:
        """Of the first CPU. EFER is not in the note."""
        if len(self._state) < STATE.size:
            raise CoreError(f"{self.path}: QEMU's note is cut short")
        version, _, *values = STATE.unpack_from(self._state)
        if version != STATE_VERSION:
            raise CoreError(f"{self.path}: QEMU's note has version {version}, not {STATE_VERSION}")
        *_, rflags, cr0, _, cr2, cr3, cr4 = values
        return ControlRegisters(cr0, cr2, cr3, cr4, rflags)

    def read_physical(self, address: int, length: int) -> bytes:
        """The bytes at a physical address; all of them are in one segment. Raises CoreError."""
        for segment in self.segments:
            inside = address - segment.start
            if inside >= 0 and inside + length <= segment.length:
                with self.path.open("rb") as file:
                    file.seek(segment.offset + inside)
                    content = file.read(length)
                if len(content) == length:
                    return content
        raise CoreError(f"the core has no physical memory at {address:#x}")
