"""A core that QEMU's dump-guest-memory has written: physical memory and control registers.

gdb shows a core by virtual addresses; page tables hold physical ones. QEMU's own note, beside
those that every core has, holds the control registers.
"""

from __future__ import annotations

import struct
from pathlib import Path

from harness.debugger.control_registers import ControlRegisters
from harness.image.elf_file import PT_LOAD, PT_NOTE, ElfError, ElfFile, Segment

QEMU_NOTE = "QEMU"
# QEMUCPUState, version 1: version, size; 18 registers, of which the last is RFLAGS; 10 segments of
# 24 bytes; CR0 to CR4. What may follow is of no use here.
STATE = struct.Struct("<2I 17Q Q 240x 5Q")
STATE_VERSION = 1


class CoreError(Exception):
    """The file is no such core, or has not what is asked of it."""


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
            self._elf = ElfFile(self.path)
            for segment in self._elf.segments:
                if segment.kind == PT_LOAD:
                    self.segments.append(segment)
                elif segment.kind == PT_NOTE:
                    self._take_notes(segment)
        except ElfError as error:
            raise CoreError(f"{self.path} cannot be read as a core: {error}") from None

    def _take_notes(self, segment: Segment) -> None:
        """Keeps the first CPU's state."""
        for name, description in self._elf.notes(segment):
            if name == QEMU_NOTE and not self._state:
                self._state = description

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
            inside = address - segment.physical_address
            if inside >= 0 and inside + length <= segment.length:
                try:
                    return self._elf.read(segment.offset + inside, length)
                except ElfError as error:
                    raise CoreError(str(error)) from None
        raise CoreError(f"the core has no physical memory at {address:#x}")
