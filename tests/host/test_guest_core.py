"""Cores as QEMU writes them, made up here, and control registers in words."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from harness.debugger.control_registers import ControlRegisters, NoTables, bit_names
from harness.debugger.guest_core import CoreError, GuestCore

HEADER = struct.Struct("<16s2HI3QI6H")
PROGRAM_HEADER = struct.Struct("<2I6Q")
PT_LOAD, PT_NOTE, ET_CORE, X86_64 = 1, 4, 4, 62
MEMORY = bytes(range(256)) * 16
REGISTERS = ControlRegisters(cr0=0x8001_0011, cr2=0xDEAD, cr3=0x1000, cr4=0x30_0820, rflags=0x86)


def state(version: int = 1) -> bytes:
    """QEMUCPUState of those registers: everything else in it is 0xee."""
    ee = 0xEEEE_EEEE_EEEE_EEEE
    general = struct.pack("<2I18Q", version, 440, *[ee] * 17, REGISTERS.rflags)
    control = (REGISTERS.cr0, ee, REGISTERS.cr2, REGISTERS.cr3, REGISTERS.cr4)
    return general + b"\xee" * 240 + struct.pack("<6Q", *control, ee)


def note(name: bytes, description: bytes) -> bytes:
    padded = name + b"\0" * (-len(name) % 4)
    return struct.pack("<3I", len(name), len(description), 0) + padded + description


def write_core(path: Path, notes: bytes) -> Path:
    """Physical memory from 0x5000 on, seen by the guest at another address."""
    start = HEADER.size + 2 * PROGRAM_HEADER.size
    loaded = start + len(notes)
    identity = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    size = HEADER.size, PROGRAM_HEADER.size
    path.write_bytes(
        HEADER.pack(identity, ET_CORE, X86_64, 1, 0, size[0], 0, 0, *size, 2, 0, 0, 0)
        + PROGRAM_HEADER.pack(PT_NOTE, 0, start, 0, 0, len(notes), len(notes), 0)
        + PROGRAM_HEADER.pack(
            PT_LOAD, 0, loaded, 0xFFFF_8000_0000_5000, 0x5000, len(MEMORY), 1 << 30, 0)
        + notes + MEMORY
    )
    return path


@pytest.fixture
def core(tmp_path: Path) -> GuestCore:
    others = note(b"CORE\0", b"\xee" * 336)
    return GuestCore(write_core(tmp_path / "core", others + note(b"QEMU\0", state())))


def test_the_control_registers_are_in_qemus_note(core: GuestCore) -> None:
    assert core.registers() == REGISTERS


def test_memory_is_read_by_physical_address(core: GuestCore) -> None:
    assert core.read_physical(0x5000, 4) == b"\x00\x01\x02\x03"
    assert core.read_physical(0x5FFF, 1) == b"\xff"


@pytest.mark.parametrize(("address", "length"), [(0x4FFF, 1), (0x5FFF, 2), (0x6000, 1), (0, 8)])
def test_memory_that_is_not_in_the_file_is_refused(
    core: GuestCore, address: int, length: int
) -> None:
    with pytest.raises(CoreError, match=f"no physical memory at {address:#x}"):
        core.read_physical(address, length)


def test_what_is_no_core_of_qemus_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "core"
    with pytest.raises(CoreError, match="cannot be read as a core"):
        GuestCore(path)
    path.write_bytes(b"no ELF file")
    with pytest.raises(CoreError, match="cannot be read as a core"):
        GuestCore(path)
    with pytest.raises(CoreError, match="has no note of QEMU's"):
        GuestCore(write_core(path, note(b"CORE\0", b"\xee" * 336)))
    with pytest.raises(CoreError, match="version 2, not 1"):
        GuestCore(write_core(path, note(b"QEMU\0", state(version=2)))).registers()
    with pytest.raises(CoreError, match="cut short"):
        GuestCore(write_core(path, note(b"QEMU\0", state()[:400]))).registers()


def test_bits_have_names_and_those_without_numbers() -> None:
    assert bit_names(0b1101, {0: "A", 2: "C"}) == "A C bit3"
    assert bit_names(0, {}) == ""


@pytest.mark.parametrize(
    ("registers", "expected"),
    [
        (REGISTERS, (0x1000, 4)),
        (ControlRegisters(1 << 31, 0, 0x1234_5FFF, 1 << 5 | 1 << 12, 2, 1 << 10), (0x1234_5000, 5)),
        (ControlRegisters(1, 0, 0x1000, 1 << 5, 2), "paging is off"),
        (ControlRegisters(1 << 31, 0, 0x1000, 0, 2), "not in long mode"),
        (ControlRegisters(1 << 31, 0, 0x1000, 1 << 5, 2, 1 << 8), "not in long mode"),
    ],
)
def test_the_registers_tell_the_root_and_the_levels(
    registers: ControlRegisters, expected: tuple[int, int] | str
) -> None:
    if isinstance(expected, tuple):
        assert registers.tables() == expected
    else:
        with pytest.raises(NoTables, match=expected):
            registers.tables()


def test_a_line_a_register() -> None:
    assert REGISTERS.lines() == [
        "CR0    0000000080010011  PE ET WP PG",
        "CR2    000000000000dead",
        "CR3    0000000000001000  root 0x1000",
        "CR4    0000000000300820  PAE UMIP SMEP SMAP",
        "EFER   unknown: a core does not have it; registers.txt beside it may",
        "RFLAGS 0000000000000086  PF SF",
    ]
    with_pcid = ControlRegisters(1 << 31, 0, 0x7018, 1 << 17, 2, 0xD01)
    assert with_pcid.lines()[2] == "CR3    0000000000007018  root 0x7000 PCID 24"
    assert with_pcid.lines()[4] == "EFER   0000000000000d01  SCE LME LMA NXE"
    plain = ControlRegisters(1 << 31, 0, 0x7018, 0, 2)
    assert plain.lines()[2] == "CR3    0000000000007018  root 0x7000 PWT PCD"
