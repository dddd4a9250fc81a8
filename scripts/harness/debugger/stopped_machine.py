"""The machine that gdb looks at: its control registers and its physical memory.

Live it is QEMU, asked through its gdb stub; dead it is a core that QEMU wrote. Imported by gdb.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

import gdb  # type: ignore[import]

from harness.debugger.control_registers import ControlRegisters, NoTables
from harness.debugger.guest_core import CoreError, GuestCore

# QEMU's own packets: whether addresses are physical ones.
ASK_PHYSICAL = "qqemu.PhyMemMode"
SET_PHYSICAL = "Qqemu.PhyMemMode:"
CORE_FILE = re.compile(r"Local core dump file:\n\s+`(.+)', file type")
NO_MACHINE = """\
no machine to look at: start `qemu_runner.py debug`, or connect to QEMU with `target remote`, or \
load a core with `core-file`"""


class LiveMachine:
    """QEMU, stopped, at the other end of `target remote`."""

    def __init__(self, connection: gdb.RemoteTargetConnection) -> None:
        self._connection = connection

    def registers(self) -> ControlRegisters:
        names = ("cr0", "cr2", "cr3", "cr4", "eflags", "efer")
        try:
            return ControlRegisters(*(_register(name) for name in names))
        except gdb.error as error:
            raise gdb.GdbError(f"the target does not tell its control registers: {error}")

    def read_physical(self, address: int, length: int) -> bytes:
        before = self._connection.send_packet(ASK_PHYSICAL)
        if before not in (b"0", b"1"):
            raise gdb.GdbError("the target reads no physical memory: it is not QEMU's gdb stub")
        self._connection.send_packet(SET_PHYSICAL + "1")
        try:
            return bytes(gdb.selected_inferior().read_memory(address, length))
        except gdb.MemoryError:
            raise gdb.GdbError(f"the machine has no memory at physical address {address:#x}")
        finally:
            self._connection.send_packet(SET_PHYSICAL + before.decode())


class DeadMachine:
    """A core."""

    def __init__(self, core: GuestCore) -> None:
        self._core = core

    def registers(self) -> ControlRegisters:
        try:
            return self._core.registers()
        except CoreError as error:
            raise gdb.GdbError(str(error))

    def read_physical(self, address: int, length: int) -> bytes:
        try:
            return self._core.read_physical(address, length)
        except CoreError as error:
            raise gdb.GdbError(str(error))


Machine = LiveMachine | DeadMachine


def machine() -> Machine:
    """The one that gdb is connected to or whose core it has. Raises GdbError without."""
    connection = gdb.selected_inferior().connection
    if isinstance(connection, gdb.RemoteTargetConnection):
        return LiveMachine(connection)
    found = CORE_FILE.search(gdb.execute("info files", to_string=True))
    if connection is None or connection.type != "core" or found is None:
        raise gdb.GdbError(NO_MACHINE)
    path = Path(found[1])
    try:
        return DeadMachine(_core(path, path.stat().st_mtime_ns))
    except (CoreError, OSError) as error:
        raise gdb.GdbError(str(error))


def active_tables(registers: ControlRegisters) -> tuple[int, int]:
    """The root that the CPU uses and the number of levels. Raises GdbError where there is none."""
    try:
        return registers.tables()
    except NoTables as error:
        raise gdb.GdbError(str(error))


@functools.lru_cache(maxsize=1)
def _core(path: Path, _changed_ns: int) -> GuestCore:
    return GuestCore(path)


def _register(name: str) -> int:
    return int(gdb.parse_and_eval(f"${name}")) & 0xFFFF_FFFF_FFFF_FFFF
