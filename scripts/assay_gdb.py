"""gdb's command `assay`: page tables, frames, registers and the test of a stopped kernel.

    (gdb) source scripts/assay_gdb.py

Works on a machine that QEMU has stopped and on a core that its dump-guest-memory has written.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import gdb  # type: ignore[import]
import gdb.types  # type: ignore[import]

# gdb has its own path for modules; those beside this file are not on it.
SCRIPTS = str(Path(__file__).resolve().parent)
if SCRIPTS not in sys.path:
    sys.path.insert(0, SCRIPTS)

from assay import kernel_state  # noqa: E402
from assay.page_names import kernel_names  # noqa: E402
from harness.debugger.stopped_machine import Machine, active_tables, machine  # noqa: E402
from harness.machine.named_range import innermost  # noqa: E402
from harness.pages import dump as page_table_dump  # noqa: E402
from harness.pages import entry as page_entry  # noqa: E402


# The struct types of mm/address.h, each with one field.
ADDRESS_TYPES = ("phys_addr", "virt_addr")
ARGUMENT = re.compile(r"(?P<address>.*?)(?:(?:^|\s+)in\s+(?P<table>.+))?")


class Assay(gdb.Command):  # type: ignore[misc]
    """Look at the kernel: its page tables, frames, control registers and tests.

    On a stopped machine and on a core. `help assay` lists the commands."""

    def __init__(self) -> None:
        super().__init__("assay", gdb.COMMAND_DATA, prefix=True)

    def invoke(self, argument: str, _from_tty: bool) -> None:
        if argument:
            raise gdb.GdbError(f"there is no command `assay {argument}`; `help assay` lists all")
        gdb.execute("help assay")


class Command(gdb.Command):  # type: ignore[misc]
    """One word after `assay`. Its documentation is that of the function that makes its lines."""

    def __init__(self, name: str, lines: Callable[..., Iterator[str]], usage: str = "") -> None:
        """usage: of ADDRESS and [in TABLE], those that it takes; `lines` takes them likewise."""
        self.__doc__ = lines.__doc__
        self._lines, self._usage = lines, usage
        self._whole_usage = f"usage: assay {name} {usage}".rstrip()
        super().__init__(
            f"assay {name}", gdb.COMMAND_DATA,
            gdb.COMPLETE_EXPRESSION if usage else gdb.COMPLETE_NONE,
        )

    def invoke(self, argument: str, _from_tty: bool) -> None:
        given = ARGUMENT.fullmatch(argument.strip())
        assert given is not None, argument
        wanted = []
        for name, text in (("ADDRESS", given["address"]), ("[in TABLE]", given["table"])):
            if name in self._usage:
                wanted.append(text or "")
            elif text:
                raise gdb.GdbError(self._whole_usage)
        if "ADDRESS" in self._usage and not given["address"]:
            raise gdb.GdbError(self._whole_usage)
        try:
            for line in self._lines(*wanted):
                print(line)
        except gdb.MemoryError as error:
            raise gdb.GdbError(f"the kernel's data is not in reach here: {error}")


def address_of(expression: str) -> int:
    """What an expression means as an address: a number, a pointer, a function, a variable."""
    try:
        value = gdb.parse_and_eval(expression)
        kind = value.type.strip_typedefs()
        if kind.name in ADDRESS_TYPES:
            value = value["value"]
        elif kind.code in (gdb.TYPE_CODE_FUNC, gdb.TYPE_CODE_ARRAY, gdb.TYPE_CODE_STRUCT):
            value = value.address
        elif kind.code == gdb.TYPE_CODE_FLT:
            raise TypeError(f"it has the type {kind}")
        return int(value) & page_entry.ADDRESS_MASK
    except (gdb.error, TypeError) as error:
        raise gdb.GdbError(f"{expression} is no address: {error}")


def tables_of(stopped: Machine, expression: str) -> tuple[int, int]:
    """The root and the number of levels of a struct page_table, or of the CPU's tables for ""."""
    if not expression:
        return active_tables(stopped.registers())
    try:
        value = gdb.parse_and_eval(expression)
        while value.type.strip_typedefs().code == gdb.TYPE_CODE_PTR:
            value = value.dereference()
        if gdb.types.has_field(value.type, "table"):
            value = value["table"]
        return int(value["root"]["value"]), int(value["levels"])
    except (gdb.error, TypeError) as error:
        raise gdb.GdbError(f"{expression} is no struct page_table: {error}")


def walked(expression: str, table: str) -> page_entry.Walk:
    """The walk of an address."""
    address, stopped = address_of(expression), machine()
    root, levels = tables_of(stopped, table)
    try:
        return page_entry.walk(stopped.read_physical, root, levels, address)
    except ValueError as error:
        raise gdb.GdbError(str(error))


def walk_lines(expression: str, table: str) -> Iterator[str]:
    """Show each entry that the CPU reads to translate an address: assay walk ADDRESS [in TABLE]

    A line a level: which entry of the table at which physical address, its bits, what it names and
    its flags. Then where the address is, and what all levels together permit.
    ADDRESS is any expression: 0xb8000, $rsp, &kernel, test_run.
    TABLE is a struct page_table or address_space, or a pointer to one. Without it the walk begins
    at CR3."""
    walk = walked(expression, table)
    yield from map(str, walk.steps)
    yield walk.result


def translate_lines(expression: str, table: str) -> Iterator[str]:
    """Tell where an address is in physical memory: assay translate ADDRESS [in TABLE]

    ADDRESS and TABLE are as for `assay walk`."""
    yield walked(expression, table).result


def maps_lines(table: str) -> Iterator[str]:
    """Show what is mapped, as ranges of pages that follow each other: assay maps [in TABLE]

    A line a range: its addresses, pages, place in physical memory, permissions and what it is for.
    The permissions are those that all levels together leave; u is for user mode.
    TABLE is as for `assay walk`; what an address is for is known of the CPU's own tables."""
    stopped = machine()
    root, levels = tables_of(stopped, table)
    image = gdb.current_progspace().filename
    names = () if table or not image else kernel_names(Path(image), levels)
    found = page_table_dump.leaves(
        lambda frame: page_entry.read_table(stopped.read_physical, frame), root, levels
    )
    yield f"root {root:#x}, {levels} levels"
    try:
        for run in page_table_dump.joined(found):
            here = innermost(names, run.start, run.start + run.length)
            yield f"{run}  {', '.join(item.name for item in here)}".rstrip()
    except TimeoutError:
        raise gdb.GdbError(f"and more: not read within {page_table_dump.LIMIT_S:.0f} s")


def tables_lines(table: str) -> Iterator[str]:
    """Show each page table: its level, frame, first address and entries: assay tables [in TABLE]

    TABLE is as for `assay walk`."""
    stopped = machine()
    root, levels = tables_of(stopped, table)
    count = 0
    for found in page_entry.tables(stopped.read_physical, root, levels):
        yield str(found)
        count += not found.repeats
    yield f"{count} tables, {kernel_state.size_text(count * page_entry.TABLE_BYTES)}"


def frames_lines() -> Iterator[str]:
    """Show the memory map by type, and how many frames are handed out and free."""
    yield from kernel_state.memory_lines()
    yield from kernel_state.frame_lines()


def cpu_lines() -> Iterator[str]:
    """Show the control registers with the names of the bits that are set."""
    yield from machine().registers().lines()


def test_lines() -> Iterator[str]:
    """Tell which test is running, where its source is, and how the run has gone so far."""
    yield from kernel_state.test_lines()


Assay()
Command("walk", walk_lines, "ADDRESS [in TABLE]")
Command("translate", translate_lines, "ADDRESS [in TABLE]")
Command("maps", maps_lines, "[in TABLE]")
Command("tables", tables_lines, "[in TABLE]")
Command("frames", frames_lines)
Command("cpu", cpu_lines)
Command("test", test_lines)
